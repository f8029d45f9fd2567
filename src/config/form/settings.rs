//! The settings as the user writes them.
//!
//! `spec` prints these types: the heading of a doc comment is the title of the field in the form,
//! its text is the help text (what the setting does, its default, when to change it). The order of
//! the fields is the order in the form.
//!
//! Invariants
//! - Only rules that the schema can express are here; `checked` has the others.
//! - A field without a default and without `Option` is required.
//!
//! Not here: the options of the formats (`format`) and of S3 (`objects`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::format::RawFormat;
use super::objects::{RawAcl, RawChecksum, RawEncryption, RawStorageClass, RawTag};
use crate::config::Secret;

/// Pattern of `s3_bucket_name`; `checked` knows the rules beyond it.
pub(crate) const BUCKET_PATTERN: &str = "^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$";
// The patterns of optional fields accept an empty string: platforms check settings against them,
// and an empty string means that the field is absent.

/// Pattern of `s3_bucket_region`.
pub(crate) const REGION_PATTERN: &str = "^[A-Za-z0-9._-]*$";
/// Pattern of `expected_bucket_owner`.
pub(crate) const OWNER_PATTERN: &str = "^([0-9]{12})?$";
/// Pattern of `connection_id`.
pub(crate) const CONNECTION_ID_PATTERN: &str = "^[A-Za-z0-9_.-]{0,128}$";
/// Pattern of `s3_endpoint`; `endpoint` knows the rules beyond it.
pub(crate) const ENDPOINT_PATTERN: &str = "^$|^[Hh][Tt][Tt][Pp][Ss]?://[^\\s/?#@]+(/[^\\s?#]*)?$";

/// What one MB of a setting is, in bytes.
pub(crate) const MB: u64 = 1024 * 1024;

const KEY_TEMPLATE: &str = "{namespace}/{stream_name}/{iso_date}/{date_time}_{part}.{extension}";

/// # Amazon S3
///
/// Writes each stream as CSV, JSON Lines or Parquet files to an Amazon S3 bucket, or to a bucket of
/// an S3-compatible store.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(extend("groups" = [
    {"id": "bucket", "title": "Bucket"},
    {"id": "sign_in", "title": "Sign-in"},
    {"id": "files", "title": "Files"},
    {"id": "advanced", "title": "Advanced"},
]))]
pub(crate) struct RawConfig {
    /// # S3 Bucket Name
    ///
    /// The bucket that the files are written to. It must exist. Enter only its name, without
    /// <code>s3://</code> and without a folder; folders belong in the S3 Bucket Key.
    #[schemars(
        example = "acme-raw-data",
        extend(
            "pattern" = BUCKET_PATTERN,
            "pattern_descriptor" = "3 to 63 lower-case letters, digits, dots and hyphens",
            "group" = "bucket",
        )
    )]
    pub(crate) s3_bucket_name: String,

    /// # S3 Bucket Region
    ///
    /// The region of the bucket, for example <code>us-east-1</code>. If you leave it empty, the
    /// connector looks the region up, which needs the permission <code>s3:GetBucketLocation</code>.
    /// A sync fails if the region is not the bucket's own. Set it for a bucket in China or
    /// GovCloud, and for stores other than AWS, which have their own names: Garage expects
    /// <code>garage</code>, Cloudflare R2 <code>auto</code>, many accept any.
    #[schemars(
        example = "us-east-1",
        example = "eu-central-1",
        extend(
            "pattern" = REGION_PATTERN,
            "pattern_descriptor" = "a region's name, such as us-east-1",
            "group" = "bucket",
        )
    )]
    pub(crate) s3_bucket_region: Option<String>,

    /// # S3 Bucket Key
    ///
    /// The key (path) of every file. The connector replaces the macros in braces. Names:
    /// <code>{namespace}</code>, <code>{stream_name}</code>, <code>{stream_id}</code>,
    /// <code>{connection_id}</code>, <code>{connection_run_id}</code>,
    /// <code>{stream_run_id}</code>. Start of the sync: <code>{date_time}</code>,
    /// <code>{timestamp}</code>, <code>{iso_date_time}</code>, <code>{date}</code>,
    /// <code>{iso_date}</code>, <code>{year}</code>, <code>{month}</code>, <code>{day}</code>,
    /// <code>{hour}</code>, <code>{minute}</code>, <code>{second}</code>. Cursor of the records, if
    /// the stream has one: <code>{cursor_year}</code>, <code>{cursor_month}</code>,
    /// <code>{cursor_day}</code>, <code>{cursor_date_time}</code>,
    /// <code>{cursor_iso_date_time}</code>, <code>{cursor_singular_date_time}</code>. The file:
    /// <code>{part}</code> (its number), <code>{uuid}</code>, <code>{sync_id}</code>,
    /// <code>{generation_id}</code>, <code>{extension}</code>. The key must contain
    /// <code>{stream_name}</code>, <code>{stream_id}</code> or <code>{stream_run_id}</code>, so
    /// that streams do not share files. Write <code>{{</code> and <code>}}</code> for literal
    /// braces. The connector never overwrites an existing file: if a key is taken, the new file
    /// gets a number before its extension.
    #[serde(default = "default_key")]
    #[schemars(
        example = KEY_TEMPLATE,
        example = "raw/{stream_name}/sync_date={iso_date}/{timestamp}_{part}.{extension}",
        extend("group" = "bucket", "always_show" = true)
    )]
    pub(crate) s3_bucket_key: String,

    /// # Authentication
    ///
    /// How the connector signs in to AWS. It uses the chosen method only and never falls back to
    /// another one.
    #[schemars(extend("group" = "sign_in", "display_type" = "radio"))]
    pub(crate) authentication: RawAuthentication,

    /// # File Format
    ///
    /// The format of the files, which is also their extension. The default, <code>jsonl.gz</code>,
    /// keeps every record exactly as the source sent it. Choose <code>parquet</code> for query
    /// engines, and <code>csv</code> for spreadsheets and loaders.
    #[serde(default)]
    #[schemars(extend("group" = "files", "display_type" = "dropdown", "always_show" = true))]
    pub(crate) format: RawFormat,

    /// # File Size (MB)
    ///
    /// The connector closes a file and begins the next one when the file has this size as written,
    /// that is after compression. The default is 256. 1 MB is 1,048,576 bytes. Files are also
    /// closed at checkpoints, so a slow source produces smaller files.
    #[serde(default = "default_file_size_mb")]
    #[schemars(range(min = 1, max = 5000), example = 256, extend("group" = "files"))]
    pub(crate) file_size_mb: u32,

    /// # Checkpoint Interval (Seconds)
    ///
    /// How long records may wait before their file is in the bucket and the sync's progress is
    /// acknowledged. The default is 60. A longer interval produces fewer and larger files, but more
    /// data is sent again after a failure. With 0 the connector writes files at every state message
    /// of the source, which can produce a great many small files.
    #[serde(default = "default_checkpoint_interval_seconds")]
    #[schemars(range(min = 0, max = 3600), example = 60, extend("group" = "files"))]
    pub(crate) checkpoint_interval_seconds: u32,

    /// # Metadata Columns
    ///
    /// Which Airbyte columns precede the record's own fields. <code>all</code> (the default) adds
    /// <code>_airbyte_raw_id</code>, <code>_airbyte_extracted_at</code>,
    /// <code>_airbyte_generation_id</code> and <code>_airbyte_meta</code>. <code>ids</code> omits
    /// <code>_airbyte_meta</code>, which contains JSON: some CSV readers, such as Spark with its
    /// default options, split it at its commas. <code>none</code> writes the record's own fields
    /// only; rows of different syncs can then no longer be told apart.
    #[serde(default)]
    #[schemars(extend("group" = "files"))]
    pub(crate) metadata_columns: RawMetadataColumns,

    /// # Time Zone
    ///
    /// The time zone of all dates and times in the S3 Bucket Key, as an IANA name. The default is
    /// UTC. It does not affect the contents of the files.
    #[serde(default = "default_timezone")]
    #[schemars(example = &"UTC", example = "Europe/Berlin", example = "America/New_York",
        extend("group" = "files"))]
    pub(crate) timezone: String,

    /// # Connection ID
    ///
    /// The value of <code>{connection_id}</code>, from which stream ids are derived. If you leave
    /// it empty, the connector uses the platform's id of the connection, or else one derived from
    /// the bucket's name. Set it if two connections write to the same bucket and the platform does
    /// not provide ids: connections with the same id treat each other's files of streams with the
    /// same name as their own and remove them when they overwrite. Changing it changes every id in
    /// keys.
    #[schemars(
        example = "f52c7268-2359-567a-f5e8-83c536cb4de8",
        extend(
            "pattern" = CONNECTION_ID_PATTERN,
            "pattern_descriptor" = "1 to 128 letters, digits, dots, hyphens and underscores",
            "group" = "advanced",
        )
    )]
    pub(crate) connection_id: Option<String>,

    /// # S3 Endpoint
    ///
    /// The URL of an S3-compatible store, such as MinIO, Garage, Ceph or Cloudflare R2. Leave it
    /// empty for AWS. Include neither the bucket nor a password. Over plain <code>http</code>,
    /// anyone on the network path can read the data.
    #[schemars(
        example = "https://minio.example.com:9000",
        extend(
            "pattern" = ENDPOINT_PATTERN,
            "pattern_descriptor" = "http(s)://host[:port]",
            "group" = "advanced",
        )
    )]
    pub(crate) s3_endpoint: Option<String>,

    /// # Path Style
    ///
    /// Whether requests name the bucket in the path of the URL (<code>on</code>) or in its host
    /// name (<code>off</code>). <code>auto</code> (the default) means <code>on</code> if an S3
    /// Endpoint is set, and <code>off</code> otherwise. Set it to <code>off</code> for a store that
    /// supports host names only.
    #[serde(default)]
    #[schemars(extend("group" = "advanced"))]
    pub(crate) s3_path_style: RawPathStyle,

    /// # Server-Side Encryption
    ///
    /// How S3 encrypts the files. By default the connector requests nothing, and the bucket's own
    /// setting applies.
    #[serde(default)]
    #[schemars(extend("group" = "advanced", "display_type" = "dropdown"))]
    pub(crate) server_side_encryption: RawEncryption,

    /// # Storage Class
    ///
    /// The storage class of the files, for example <code>STANDARD_IA</code>. Leave it empty for
    /// S3's default, <code>STANDARD</code>. Classes with a minimum size or storage duration are
    /// expensive for many small files. Archive classes are not offered; use a lifecycle rule to
    /// move files there.
    #[schemars(extend("group" = "advanced"))]
    pub(crate) storage_class: Option<RawStorageClass>,

    /// # Object Tags
    ///
    /// Up to ten tags for every file, for cost reports or lifecycle rules. By default there are no
    /// tags. Tags need the permission <code>s3:PutObjectTagging</code>.
    #[serde(default)]
    #[schemars(length(max = 10), extend("group" = "advanced"))]
    pub(crate) object_tags: Vec<RawTag>,

    /// # ACL
    ///
    /// A canned ACL for every file. Leave it empty unless the bucket still uses ACLs: most buckets
    /// reject them. An ACL needs the permission <code>s3:PutObjectAcl</code>. With
    /// <code>public-read</code>, anyone on the internet can read the files.
    #[schemars(extend("group" = "advanced"))]
    pub(crate) acl: Option<RawAcl>,

    /// # Expected Bucket Owner
    ///
    /// The AWS account that must own the bucket, as 12 digits. If the bucket has another owner,
    /// every request fails. Leave it empty to skip this check.
    #[schemars(
        example = "111122223333",
        extend(
            "pattern" = OWNER_PATTERN,
            "pattern_descriptor" = "an account's 12 digits",
            "group" = "advanced",
        )
    )]
    pub(crate) expected_bucket_owner: Option<String>,

    /// # Checksum
    ///
    /// The checksum with which S3 verifies every upload. <code>auto</code> (the default) means
    /// <code>crc32</code> on AWS, and none if an S3 Endpoint is set, because not every store
    /// supports checksums. Choose one explicitly if your store supports it, or if the bucket has
    /// Object Lock, which requires a checksum.
    #[serde(default)]
    #[schemars(extend("group" = "advanced"))]
    pub(crate) checksum: RawChecksum,

    /// # CA Bundle
    ///
    /// CA certificates (PEM) that the connector trusts in addition to the usual ones. Set it if the
    /// certificate of the store, or of a proxy, was issued by a private CA. If you leave it empty,
    /// the connector trusts the file that <code>AWS_CA_BUNDLE</code> names, if that variable is
    /// set.
    #[schemars(extend("group" = "advanced", "multiline" = true))]
    pub(crate) ca_bundle: Option<String>,

    /// # Memory Limit (MB)
    ///
    /// How much memory the connector may use for records and files in progress, for example 512. 1
    /// MB is 1,048,576 bytes. If you leave it empty, the connector uses half of the container's
    /// limit, from 64 to 512 MB, or 256 MB if there is no limit. With a low limit and many streams,
    /// files become smaller.
    #[schemars(range(min = 64, max = 65536), example = 512, extend("group" = "advanced"))]
    pub(crate) memory_limit_mb: Option<u32>,
}

/// How to sign in, chosen by `auth_type`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(tag = "auth_type")]
pub(crate) enum RawAuthentication {
    /// # Cross Account Role
    ///
    /// The connector assumes an IAM role in the bucket's account. No secret is stored, and the
    /// owner of the account can revoke access at any time. The connector's environment must provide
    /// an identity that may assume the role.
    #[serde(rename = "cross_account_role")]
    CrossAccountRole {
        /// # Role ARN
        ///
        /// The role to assume, for example <code>arn:aws:iam::111122223333:role/lake-writer</code>.
        /// Its trust policy must name the identity that the connector's environment provides (AWS
        /// variables, web identity, container or instance).
        role_arn: String,
        /// # External ID
        ///
        /// The external id that the role's trust policy requires. It prevents other users of the
        /// same platform from using the role. If you leave it empty, the connector sends the value
        /// of <code>AWS_ASSUME_ROLE_EXTERNAL_ID</code>, if that variable is set in its environment.
        external_id: Option<String>,
    },
    /// # Access Key
    ///
    /// The access key of an IAM user that may read, write, list and delete objects in the bucket.
    #[serde(rename = "access_key")]
    AccessKey {
        /// # Access Key ID
        ///
        /// The id of the access key, for example AKIAIOSFODNN7EXAMPLE.
        access_key_id: Secret,
        /// # Secret Access Key
        ///
        /// The secret that belongs to the access key id. AWS shows it only once, when the key is
        /// created.
        secret_access_key: Secret,
        /// # Session Token
        ///
        /// The session token of temporary credentials. Leave it empty for the key of an IAM user.
        /// Temporary credentials expire, and a sync that is still running then fails.
        session_token: Option<Secret>,
    },
    /// # Default Chain
    ///
    /// The identity that the connector's environment provides: AWS variables, a profile file, a web
    /// identity, a container or an instance. Use it if the connector runs in your own account.
    #[serde(rename = "default_chain")]
    DefaultChain {},
}

// The choices have no doc comments: schemars would generate a `oneOf` of described constants, which
// forms cannot show.

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RawMetadataColumns {
    #[default]
    All,
    Ids,
    None,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RawPathStyle {
    #[default]
    Auto,
    On,
    Off,
}

fn default_key() -> String {
    KEY_TEMPLATE.to_owned()
}

fn default_file_size_mb() -> u32 {
    256
}

fn default_checkpoint_interval_seconds() -> u32 {
    60
}

fn default_timezone() -> String {
    "UTC".to_owned()
}

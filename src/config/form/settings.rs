//! The settings as the user writes them.
//!
//! These types are what `spec` prints: a doc comment's heading is the title of a field in the form,
//! its text is the help text (what it is, an example, the default, the trap). The order of the
//! fields is the order in the form.
//!
//! Invariants
//! - No rule is checked here that the schema cannot say; `checked` does that.
//! - A field without a default and without `Option` is required.
//!
//! Not here: the options of the formats (`raw_format`) and of S3 (`raw_options`); refusing unknown
//! names and wrong types in words that people understand (`shape`), which comes first.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::format::RawFormat;
use super::objects::{RawAcl, RawChecksum, RawEncryption, RawStorageClass, RawTag};
use crate::config::Secret;

/// Pattern of `s3_bucket_name`; `checked` knows the rules beyond it.
pub(crate) const BUCKET_PATTERN: &str = "^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$";
// Fields that may be left out: the patterns take an empty text, because forms and platforms check
// the settings against them, and an empty text is an absent one.

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
/// Writes each stream as CSV, JSON Lines or Parquet files to a bucket of Amazon S3 or of a store
/// that speaks its protocol.
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
    /// The bucket that files are written to. It must exist. Give the bare name, without
    /// <code>s3://</code> and without a folder: folders belong to the S3 Bucket Key.
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
    /// The region of the bucket, by its AWS name. Leave it empty to have it found, which takes the
    /// permission <code>s3:GetBucketLocation</code>. With another region than the bucket's own the
    /// sync fails. Stores that are not AWS have their own names: Garage wants <code>garage</code>,
    /// Cloudflare R2 <code>auto</code>, many take any. For a bucket in China or in GovCloud name
    /// it.
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
    /// The key (path) of every file. Macros in braces are replaced. Names:
    /// <code>{namespace}</code>, <code>{stream_name}</code>, <code>{stream_id}</code>,
    /// <code>{connection_id}</code>, <code>{connection_run_id}</code>,
    /// <code>{stream_run_id}</code>. Time of the run: <code>{date_time}</code>,
    /// <code>{timestamp}</code>, <code>{iso_date_time}</code>, <code>{date}</code>,
    /// <code>{iso_date}</code>, <code>{year}</code>, <code>{month}</code>, <code>{day}</code>,
    /// <code>{hour}</code>, <code>{minute}</code>, <code>{second}</code>. Cursor of the records, if
    /// the stream has one: <code>{cursor_year}</code>, <code>{cursor_month}</code>,
    /// <code>{cursor_day}</code>, <code>{cursor_date_time}</code>,
    /// <code>{cursor_iso_date_time}</code>, <code>{cursor_singular_date_time}</code>. Of the file:
    /// <code>{part}</code> (its number), <code>{uuid}</code>, <code>{sync_id}</code>,
    /// <code>{generation_id}</code>, <code>{extension}</code>. The key must hold
    /// <code>{stream_name}</code>, <code>{stream_id}</code> or <code>{stream_run_id}</code>, so
    /// that streams do not share files; <code>{{</code> and <code>}}</code> are literal braces. A
    /// file that exists is never overwritten: where a key is taken, the new file gets a number
    /// before its extension.
    #[serde(default = "default_key")]
    #[schemars(
        example = KEY_TEMPLATE,
        example = "raw/{stream_name}/sync_date={iso_date}/{timestamp}_{part}.{extension}",
        extend("group" = "bucket", "always_show" = true)
    )]
    pub(crate) s3_bucket_key: String,

    /// # Authentication
    ///
    /// How the connector signs in to the bucket's account. One way is never used in place of
    /// another.
    #[schemars(extend("group" = "sign_in", "display_type" = "radio"))]
    pub(crate) authentication: RawAuthentication,

    /// # File Format
    ///
    /// What the files are; the name of the format is also their extension. Without a choice it is
    /// <code>jsonl.gz</code>, which keeps every record exactly as the source sent it.
    #[serde(default)]
    #[schemars(extend("group" = "files", "display_type" = "dropdown", "always_show" = true))]
    pub(crate) format: RawFormat,

    /// # File Size (MB)
    ///
    /// A file is closed and the next one begun when it has reached this size as it is written, that
    /// is compressed where the format is. 1 MB is 1,048,576 bytes. The default is 256. Files are
    /// also closed at checkpoints, so that most files of a slow source are smaller.
    #[serde(default = "default_file_size_mb")]
    #[schemars(range(min = 1, max = 5000), example = 256, extend("group" = "files"))]
    pub(crate) file_size_mb: u32,

    /// # Checkpoint Interval (Seconds)
    ///
    /// How long records may wait before they are in the bucket and the sync's progress is
    /// acknowledged. The default is 60. Longer intervals make fewer and bigger files, but more to
    /// send again after a failure; 0 writes files at every state message of the source, which can
    /// make very many small files.
    #[serde(default = "default_checkpoint_interval_seconds")]
    #[schemars(range(min = 0, max = 3600), example = 60, extend("group" = "files"))]
    pub(crate) checkpoint_interval_seconds: u32,

    /// # Metadata Columns
    ///
    /// <code>all</code> (the default) adds <code>_airbyte_raw_id</code>,
    /// <code>_airbyte_extracted_at</code>, <code>_airbyte_generation_id</code> and
    /// <code>_airbyte_meta</code> before the record's own fields; <code>ids</code> leaves out
    /// <code>_airbyte_meta</code>, whose JSON text some CSV readers split at its commas, for
    /// example Spark with its default options; <code>none</code> writes the record's own fields
    /// only. Without these columns later tools cannot tell rows of different syncs apart.
    #[serde(default)]
    #[schemars(extend("group" = "files"))]
    pub(crate) metadata_columns: RawMetadataColumns,

    /// # Time Zone
    ///
    /// The zone of all dates and times in the S3 Bucket Key, as an IANA name. The default is UTC.
    /// The content of files does not depend on it.
    #[serde(default = "default_timezone")]
    #[schemars(example = &"UTC", example = "Europe/Berlin", example = "America/New_York", extend("group" = "files"))]
    pub(crate) timezone: String,

    /// # Connection ID
    ///
    /// The value of <code>{connection_id}</code>; stream ids derive from it. Leave it empty to let
    /// the platform's own id be used, or one that derives from the bucket's name. Two connections
    /// that write to one bucket must have different ids: with the same one, each takes the other's
    /// files of a stream with the same name for its own, and removes them when it overwrites. A
    /// change changes all ids in keys.
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
    /// The URL of an S3-compatible store (MinIO, Garage, Ceph, Cloudflare R2). Leave it empty for
    /// AWS. Give neither the bucket nor a password in it. Over plain <code>http</code> everybody on
    /// the way can read the data.
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
    /// Whether the bucket is in the path of a URL (<code>on</code>) or in its host name
    /// (<code>off</code>). <code>auto</code> (the default) is on when an S3 Endpoint is set. Most
    /// stores that are not AWS need it on.
    #[serde(default)]
    #[schemars(extend("group" = "advanced"))]
    pub(crate) s3_path_style: RawPathStyle,

    /// # Server-Side Encryption
    ///
    /// How S3 encrypts every file. By default nothing is asked of S3 and the bucket's own setting
    /// holds.
    #[serde(default)]
    #[schemars(extend("group" = "advanced", "display_type" = "dropdown"))]
    pub(crate) server_side_encryption: RawEncryption,

    /// # Storage Class
    ///
    /// The storage class of every file, for example <code>STANDARD_IA</code>. Leave it empty for
    /// S3's own, <code>STANDARD</code>. Classes that bill a minimum of days or bytes make many
    /// small files dear. Archives are not offered: let a lifecycle rule move files there.
    #[schemars(extend("group" = "advanced"))]
    pub(crate) storage_class: Option<RawStorageClass>,

    /// # Object Tags
    ///
    /// At most ten tags for every file, for cost reports or lifecycle rules. The permission
    /// <code>s3:PutObjectTagging</code> is needed for them.
    #[serde(default)]
    #[schemars(length(max = 10), extend("group" = "advanced"))]
    pub(crate) object_tags: Vec<RawTag>,

    /// # ACL
    ///
    /// A canned ACL for every file. Leave it empty unless the bucket still uses ACLs: most buckets
    /// refuse them. The permission <code>s3:PutObjectAcl</code> is needed. With
    /// <code>public-read</code> everybody can read the files.
    #[schemars(extend("group" = "advanced"))]
    pub(crate) acl: Option<RawAcl>,

    /// # Expected Bucket Owner
    ///
    /// The account that the bucket must belong to, 12 digits. Every request then fails if the
    /// bucket has another owner.
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
    /// What S3 verifies every upload with, besides its length. <code>auto</code> (the default) is
    /// <code>crc32</code> for AWS and nothing where an S3 Endpoint is set, for not all stores know
    /// it. A bucket with Object Lock needs one.
    #[serde(default)]
    #[schemars(extend("group" = "advanced"))]
    pub(crate) checksum: RawChecksum,

    /// # CA Bundle
    ///
    /// Certificates (PEM) that the connector trusts besides the usual ones: for a store, or a proxy
    /// on the way, whose certificate comes from an authority of your own. Empty: the file that
    /// <code>AWS_CA_BUNDLE</code> names, if it is set.
    #[schemars(extend("group" = "advanced", "multiline" = true))]
    pub(crate) ca_bundle: Option<String>,

    /// # Memory Limit (MB)
    ///
    /// How much memory the connector uses for records and files on their way, for example 512. 1 MB
    /// is 1,048,576 bytes. Leave it empty to use half of what the container may have, at most 512
    /// MB. With a low limit and many streams files get smaller.
    #[schemars(range(min = 64, max = 65536), example = 512, extend("group" = "advanced"))]
    pub(crate) memory_limit_mb: Option<u32>,
}

/// How to sign in, chosen by `auth_type`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(tag = "auth_type")]
pub(crate) enum RawAuthentication {
    /// # Cross Account Role
    ///
    /// A role of the bucket's account that the connector assumes. Nothing secret is stored, and the
    /// account's owner can take it back at any time. The connector needs an identity of its own to
    /// begin with, from its environment.
    #[serde(rename = "cross_account_role")]
    CrossAccountRole {
        /// # Role ARN
        ///
        /// The role to assume, for example <code>arn:aws:iam::111122223333:role/lake-writer</code>.
        /// Its trust policy must name the identity that the connector runs with (AWS variables, web
        /// identity, container or instance).
        role_arn: String,
        /// # External ID
        ///
        /// The id that the role's trust policy demands, so that nobody else can have the connector
        /// assume the role for them. Empty: the value of <code>AWS_ASSUME_ROLE_EXTERNAL_ID</code>
        /// in the connector's environment, if it is set.
        external_id: Option<String>,
    },
    /// # Access Key
    ///
    /// The keys of an IAM user that may read, write, list and delete in the bucket.
    #[serde(rename = "access_key")]
    AccessKey {
        /// # Access Key ID
        ///
        /// The id of the key, for example AKIAIOSFODNN7EXAMPLE.
        access_key_id: Secret,
        /// # Secret Access Key
        ///
        /// The secret that belongs to the id. AWS shows it once, when the key is made.
        secret_access_key: Secret,
        /// # Session Token
        ///
        /// Only for temporary keys, which come with one. They expire, and a sync that is longer
        /// than that fails.
        session_token: Option<Secret>,
    },
    /// # Default Chain
    ///
    /// The identity that the connector's environment gives it: AWS variables, a profile file, a web
    /// identity, a container or an instance. For connectors that run in your own account.
    #[serde(rename = "default_chain")]
    DefaultChain {},
}

// The choices have no doc comments: schemars would make a `oneOf` of described constants, which no
// form can show.

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

//! The settings as the stages take them: every rule has been checked.
//!
//! JSON text -> [`Config`], or the first [`ConfigError`].
//!
//! Invariants
//! - A [`Config`] holds only what can work: a stage never checks a setting again.
//! - Pure: the environment is not read. What it may supply (the connection id) is `None` here; the verb asks for it.
//!
//! Not here: names, types and bounds of single fields (`shape`), the URL's rules (`endpoint`), the formats' (`format`), S3's
//! options' (`options`), those of signing in (`sign_in`).

use std::net::Ipv4Addr;
use std::time::Duration;

use chrono_tz::Tz;

use super::endpoint::{Endpoint, Scheme};
use super::error::{ConfigError, shown};
use super::format::checked_format;
use super::options::{
    acl, checked_ca_bundle, checked_encryption, checked_owner, checked_tags, checksum, storage_class,
};
use super::raw::{MB, RawConfig, RawMetadataColumns, RawPathStyle};
use super::schema::configuration_schema;
use super::shape::{checked_shape, likeness};
use super::sign_in::{SignIn, checked_sign_in};
use crate::encode::options::{Format, MetadataColumns};
use crate::json;
use crate::key::{KeyTemplate, ids};
use crate::store::{CannedAcl, Checksum, ObjectOptions};

/// The checked settings of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The bucket.
    pub bucket: String,
    /// The bucket's region; `None`: to be found.
    pub region: Option<String>,
    /// What keys are made of.
    pub template: KeyTemplate,
    /// How to sign in.
    pub sign_in: SignIn,
    /// What S3 is told about every object.
    pub objects: ObjectOptions,
    /// What uploads are verified with. `auto` has been decided.
    pub checksum: Checksum,
    /// The account that the bucket must belong to, 12 digits.
    pub bucket_owner: Option<String>,
    /// Certificates (PEM) that are trusted besides the machine's own.
    pub ca_bundle: Option<String>,
    /// What files are.
    pub format: Format,
    /// Whether rows carry the `_airbyte_*` columns.
    pub metadata_columns: MetadataColumns,
    /// Encoded size at which a file is rolled, in bytes. One MB of the setting is 1024 * 1024 bytes.
    pub file_size_bytes: u64,
    /// How old the oldest unpublished row that a STATE covers may get; zero: every STATE flushes at once.
    pub checkpoint_interval: Duration,
    /// The zone of every time macro.
    pub timezone: Tz,
    /// The value of `{connection_id}`, where the user gave one; already checked to be usable.
    pub connection_id: Option<String>,
    /// The store, where it is not AWS.
    pub endpoint: Option<Endpoint>,
    /// Whether the bucket is in the path of a URL rather than in its host name. `auto` has been decided.
    pub path_style: bool,
    /// Memory for records and files on their way, in bytes, where the user set a limit.
    pub memory_limit_bytes: Option<u64>,
}

impl Config {
    /// Reads and checks the text of a configuration.
    ///
    /// # Errors
    /// The first thing that is wrong. It is for the user to correct; its message holds no secret.
    pub fn parse(json_text: &[u8]) -> Result<Self, ConfigError> {
        let value = json::value::parse(json_text).map_err(|broken| ConfigError::NotJson {
            fault: broken.error.fault,
            line: broken.line,
            column: broken.column,
        })?;
        let value = checked_shape(value, configuration_schema())?;
        let raw: RawConfig = serde_path_to_error::deserialize(value)
            .map_err(|error| ConfigError::Unreadable { path: error.path().to_string() })?;
        Self::check(raw)
    }

    /// Whether the bucket is in a store that is not AWS.
    #[must_use]
    pub fn is_elsewhere(&self) -> bool {
        self.endpoint.as_ref().is_some_and(|endpoint| !endpoint.is_aws())
    }

    /// What is allowed but probably not meant, one sentence each.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if !self.template.has_extension() {
            warnings.push(
                "`s3_bucket_key` has no `{extension}`: files get no extension, and many readers go by it"
                    .to_owned(),
            );
        }
        if let Some(endpoint) = &self.endpoint
            && endpoint.scheme == Scheme::Http
            && !endpoint.is_loopback()
        {
            warnings.push(
                "`s3_endpoint` begins with `http://`: everybody on the way can read the data; use `https://` if the \
                 store offers it"
                    .to_owned(),
            );
        }
        let readers = match self.objects.acl {
            Some(CannedAcl::PublicRead) => Some("everybody on the internet"),
            Some(CannedAcl::AuthenticatedRead) => Some("everybody with an AWS account, of whatever company"),
            Some(CannedAcl::Private | CannedAcl::BucketOwnerRead | CannedAcl::BucketOwnerFullControl)
            | None => None,
        };
        if let Some(readers) = readers {
            warnings.push(format!("`acl` lets {readers} read the files"));
        }
        warnings
    }

    fn check(raw: RawConfig) -> Result<Self, ConfigError> {
        let endpoint = raw.s3_endpoint.as_deref().map(Endpoint::parse).transpose()?;
        let path_style = match raw.s3_path_style {
            RawPathStyle::Auto => endpoint.is_some(),
            RawPathStyle::On => true,
            RawPathStyle::Off => false,
        };
        let bucket = checked_bucket(raw.s3_bucket_name)?;
        if raw.connection_id.is_some() {
            ids::connection_id(raw.connection_id.as_deref(), None, &bucket)?;
        }
        Ok(Self {
            region: raw.s3_bucket_region.map(checked_region).transpose()?,
            template: KeyTemplate::parse(&raw.s3_bucket_key)?,
            sign_in: checked_sign_in(raw.authentication)?,
            format: checked_format(raw.format)?,
            metadata_columns: match raw.metadata_columns {
                RawMetadataColumns::All => MetadataColumns::All,
                RawMetadataColumns::Ids => MetadataColumns::Ids,
                RawMetadataColumns::None => MetadataColumns::None,
            },
            file_size_bytes: u64::from(raw.file_size_mb) * MB,
            checkpoint_interval: Duration::from_secs(raw.checkpoint_interval_seconds.into()),
            timezone: checked_timezone(&raw.timezone)?,
            connection_id: raw.connection_id,
            memory_limit_bytes: raw.memory_limit_mb.map(|mb| u64::from(mb) * MB),
            objects: ObjectOptions {
                encryption: checked_encryption(raw.server_side_encryption)?,
                storage_class: raw.storage_class.map(storage_class),
                tags: checked_tags(raw.object_tags)?,
                acl: raw.acl.map(acl),
            },
            checksum: checksum(raw.checksum, endpoint.as_ref().is_none_or(Endpoint::is_aws)),
            bucket_owner: raw.expected_bucket_owner.map(checked_owner).transpose()?,
            ca_bundle: raw.ca_bundle.map(checked_ca_bundle).transpose()?,
            bucket,
            endpoint,
            path_style,
        })
    }
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>, what all kinds of stores share.
fn checked_bucket(name: String) -> Result<String, ConfigError> {
    let alphanumeric = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = name.as_bytes();
    let good = (3..=63).contains(&bytes.len())
        && bytes.iter().all(|byte| alphanumeric(byte) || matches!(byte, b'.' | b'-'))
        && bytes.first().is_some_and(alphanumeric)
        && bytes.last().is_some_and(alphanumeric)
        && !name.contains("..")
        && name.parse::<Ipv4Addr>().is_err();
    if good { Ok(name) } else { Err(ConfigError::BucketName { given: shown(&name) }) }
}

fn checked_region(name: String) -> Result<String, ConfigError> {
    let good = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    if good && !name.is_empty() { Ok(name) } else { Err(ConfigError::Region { given: shown(&name) }) }
}

fn checked_timezone(name: &str) -> Result<Tz, ConfigError> {
    name.parse().map_err(|_| {
        let given = shown(name);
        let nearest = chrono_tz::TZ_VARIANTS
            .iter()
            .map(|zone| zone.name())
            .max_by(|a, b| likeness(&given, a).total_cmp(&likeness(&given, b)));
        ConfigError::Timezone { nearest: nearest.unwrap_or("UTC"), given }
    })
}

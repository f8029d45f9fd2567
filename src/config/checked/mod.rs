//! The settings as the stages take them: every rule has been checked.
//!
//! [`RawConfig`] -> [`Config`], or problems.
//!
//! Invariants
//! - A [`Config`] holds only what can work: a stage never checks a setting again.
//! - Pure: the environment is not read. A value that it may supply (the connection id) stays `None`
//!   if the settings lack it; the verb looks it up.
//!
//! Not here: names, types and bounds of single fields (`schema_check`), the way from JSON text to a
//! [`RawConfig`] (`parse`).

mod bucket;
pub(super) mod endpoint;
mod format;
mod objects;
mod region;
pub(super) mod sign_in;
mod timezone;
mod warnings;

use std::time::Duration;

use chrono_tz::Tz;

use self::bucket::checked_bucket;
use self::endpoint::Endpoint;
use self::format::checked_format;
use self::objects::{
    acl, checked_ca_bundle, checked_encryption, checked_owner, checked_tags, checksum,
    storage_class,
};
use self::region::checked_region;
use self::sign_in::{SignIn, checked_sign_in};
use self::timezone::checked_timezone;
use super::error::{ConfigError, Problems};
use super::form::settings::{MB, RawConfig, RawMetadataColumns, RawPathStyle};
use crate::format::{Format, MetadataColumns};
use crate::key::{KeyTemplate, ids};
use crate::store::{Checksum, ObjectOptions};

/// The checked settings of a run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Config {
    /// The bucket.
    pub bucket: String,
    /// The bucket's region; `None`: to be found.
    pub region: Option<String>,
    /// What keys are made of.
    pub template: KeyTemplate,
    /// How to sign in.
    pub sign_in: SignIn,
    /// The options of every object.
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
    /// Encoded size at which a file is rolled, in bytes. One MB of the setting is 1024 * 1024
    /// bytes.
    pub file_size_bytes: u64,
    /// How old the oldest unpublished row that a STATE covers may get; zero: every STATE flushes at
    /// once.
    pub checkpoint_interval: Duration,
    /// The zone of every time macro.
    pub timezone: Tz,
    /// The value of `{connection_id}`, where the user gave one; already checked to be usable.
    pub connection_id: Option<String>,
    /// The store, where it is not AWS.
    pub endpoint: Option<Endpoint>,
    /// Whether the bucket is in the path of a URL rather than in its host name. `auto` has been
    /// decided.
    pub path_style: bool,
    /// Memory for records and files on their way, in bytes, where the user set a limit.
    pub memory_limit_bytes: Option<u64>,
}

impl Config {
    /// Whether the store is an S3-compatible one, not AWS.
    #[must_use]
    pub(crate) fn is_s3_compatible(&self) -> bool {
        self.endpoint.as_ref().is_some_and(|endpoint| !endpoint.is_aws())
    }

    /// Checks every rule that the schema cannot express. Returns `None` only if it has added a
    /// problem.
    pub(super) fn from_form(raw: RawConfig, problems: &mut Problems) -> Option<Self> {
        let endpoint = problems.take(
            raw.s3_endpoint.as_deref().map(Endpoint::parse).transpose().map_err(ConfigError::from),
        );
        let bucket = problems.take(checked_bucket(raw.s3_bucket_name));
        if raw.connection_id.is_some() {
            let id = ids::connection_id(raw.connection_id.as_deref(), None, "");
            problems.take(id.map_err(ConfigError::from));
        }
        if let (Some(Some(endpoint)), Some(bucket)) = (&endpoint, &bucket) {
            problems.take(endpoint.check_bucket(bucket).map_err(ConfigError::from));
        }
        let region = problems.take(raw.s3_bucket_region.map(checked_region).transpose());
        let template = KeyTemplate::parse(&raw.s3_bucket_key).ok();
        for problem in KeyTemplate::problems(&raw.s3_bucket_key) {
            problems.add(ConfigError::from(problem));
        }
        let sign_in = problems.take(checked_sign_in(raw.authentication));
        let format = problems.take(checked_format(raw.format));
        let timezone = problems.take(checked_timezone(&raw.timezone));
        let encryption = problems.take(checked_encryption(raw.server_side_encryption));
        let tags = problems.take(checked_tags(raw.object_tags));
        let bucket_owner = problems.take(raw.expected_bucket_owner.map(checked_owner).transpose());
        let ca_bundle = problems.take(raw.ca_bundle.map(checked_ca_bundle).transpose());
        let endpoint = endpoint?;
        let path_style = match raw.s3_path_style {
            RawPathStyle::Auto => endpoint.is_some(),
            RawPathStyle::On => true,
            RawPathStyle::Off => false,
        };
        Some(Self {
            region: region?,
            template: template?,
            sign_in: sign_in?,
            format: format?,
            metadata_columns: match raw.metadata_columns {
                RawMetadataColumns::All => MetadataColumns::All,
                RawMetadataColumns::Ids => MetadataColumns::Ids,
                RawMetadataColumns::None => MetadataColumns::None,
            },
            file_size_bytes: u64::from(raw.file_size_mb) * MB,
            checkpoint_interval: Duration::from_secs(raw.checkpoint_interval_seconds.into()),
            timezone: timezone?,
            connection_id: raw.connection_id,
            memory_limit_bytes: raw.memory_limit_mb.map(|mb| u64::from(mb) * MB),
            objects: ObjectOptions {
                encryption: encryption?,
                storage_class: raw.storage_class.map(storage_class),
                tags: tags?,
                acl: raw.acl.map(acl),
            },
            checksum: checksum(raw.checksum, endpoint.as_ref().is_none_or(Endpoint::is_aws)),
            bucket_owner: bucket_owner?,
            ca_bundle: ca_bundle?,
            bucket: bucket?,
            endpoint,
            path_style,
        })
    }
}

//! The settings as the stages take them: every rule has been checked.
//!
//! JSON text -> [`Config`], or everything that is wrong ([`ConfigErrors`]).
//!
//! Invariants
//! - A [`Config`] holds only what can work: a stage never checks a setting again.
//! - Pure: the environment is not read. What it may supply (the connection id) is `None` here; the
//!   verb asks for it.
//!
//! Not here: names, types and bounds of single fields (`shape`), the URL's rules (`endpoint`), the
//! formats' (`format`), S3's options' (`options`), those of signing in (`sign_in`).

pub(super) mod endpoint;
pub(super) mod format;
pub(super) mod objects;
pub(super) mod region;
pub(super) mod sign_in;

use std::net::Ipv4Addr;
use std::time::Duration;

use chrono_tz::Tz;
use serde_json::Value;

use self::endpoint::{Endpoint, Scheme};
use self::format::checked_format;
use self::objects::{
    acl, checked_ca_bundle, checked_encryption, checked_owner, checked_tags, checksum,
    storage_class,
};
use self::sign_in::{SignIn, checked_sign_in};
use super::error::{ConfigError, ConfigErrors, Problems, shown};
use crate::config::form::schema::configuration_schema;
use crate::config::form::settings::{MB, RawConfig, RawMetadataColumns, RawPathStyle};
use crate::config::schema_check::duplicate_names::repeated;
use crate::config::schema_check::{checked_shape, nearest, type_name};
use crate::format::{Format, MetadataColumns};
use crate::json::value::Broken;
use crate::json::{self, ForeignText, without_byte_order_mark};
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
    /// Reads and checks the text of a configuration.
    ///
    /// # Errors
    /// Everything that is wrong. It is for the user to correct; no message holds a secret.
    pub fn parse(json_text: &[u8]) -> Result<Self, ConfigErrors> {
        let text = without_byte_order_mark(json_text);
        let value = json::value::parse(text).map_err(|broken| not_json(text, &broken))?;
        if !value.is_object() {
            return Err(ConfigError::NotAnObject { found: type_name(&value) }.into());
        }
        if let Some(problem) = other_document(&value) {
            return Err(ConfigError::NotSettings { problem }.into());
        }
        let mut problems = Problems::default();
        repeated(text).into_iter().for_each(|path| problems.add(ConfigError::Repeated { path }));
        let value = checked_shape(value, configuration_schema(), &mut problems);
        let config = match serde_path_to_error::deserialize(value) {
            Ok(raw) => Self::check(raw, &mut problems),
            Err(error) => {
                // A stand-in that does not fit must not add to what is wrong already.
                if problems.is_empty() {
                    problems.add(ConfigError::Unreadable { path: error.path().to_string() });
                }
                None
            }
        };
        problems.finish(config)
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
        let format = self.format.extension();
        match self.template.shown_extension(format) {
            Some(shown) if !shown.fits => warnings.push(format!(
                "`s3_bucket_key` ends keys in `{}`, but files are `{format}` (`format_type`), and \
                 many readers go by the extension: write `.{{extension}}`",
                shown.extension
            )),
            None if !self.template.has_extension() => warnings.push(
                "`s3_bucket_key` has no `{extension}`: files get no extension, and many readers go \
                 by it"
                    .to_owned(),
            ),
            Some(_) | None => {}
        }
        if let Some(region) = &self.region
            && let Some(meant) = region::meant(region)
        {
            warnings.push(format!(
                "`s3_bucket_region` is `{}`, which is not an AWS region; did you mean `{meant}`?",
                shown(region)
            ));
        }
        if let Some(endpoint) = &self.endpoint
            && endpoint.scheme == Scheme::Http
            && !endpoint.is_loopback()
        {
            warnings.push(
                "`s3_endpoint` begins with `http://`: everybody on the way can read the data; use \
                 `https://` if the store offers it"
                    .to_owned(),
            );
        }
        let readers = match self.objects.acl {
            Some(CannedAcl::PublicRead) => Some("everybody on the internet"),
            Some(CannedAcl::AuthenticatedRead) => {
                Some("everybody with an AWS account, of whatever company")
            }
            Some(
                CannedAcl::Private | CannedAcl::BucketOwnerRead | CannedAcl::BucketOwnerFullControl,
            )
            | None => None,
        };
        if let Some(readers) = readers {
            warnings.push(format!("`acl` lets {readers} read the files"));
        }
        warnings
    }

    /// `None`: at least one of the problems is new.
    fn check(raw: RawConfig, problems: &mut Problems) -> Option<Self> {
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

fn not_json(text: &[u8], broken: &Broken) -> ConfigError {
    match ForeignText::recognise(text) {
        Some(foreign) => ConfigError::Foreign(foreign),
        None => ConfigError::NotJson {
            fault: broken.error.fault,
            line: broken.line,
            column: broken.column,
        },
    }
}

/// What a JSON object is that is known and holds no settings.
fn other_document(value: &Value) -> Option<&'static str> {
    let is_message = |kind: &str| value.get("type").is_some_and(|found| found == kind);
    let wraps =
        |name: &str| value.get(name).and_then(|inner| inner.get("s3_bucket_name")).is_some();
    if value.get("s3_bucket_name").is_some() || value.get("authentication").is_some() {
        None
    } else if value.get("streams").is_some_and(Value::is_array) || is_message("CATALOG") {
        Some("holds a catalog: are --config and --catalog swapped?")
    } else if value.get("connectionSpecification").is_some() || is_message("SPEC") {
        Some(
            "holds the output of `spec`: give settings that fit it, such as those under \
             spec/examples",
        )
    } else if wraps("configuration") || wraps("connectionConfiguration") || wraps("config") {
        Some("holds the settings inside another object: pass only the inner object")
    } else {
        None
    }
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>, what all kinds
/// of stores share.
fn checked_bucket(name: String) -> Result<String, ConfigError> {
    match broken_bucket_rule(&name) {
        None => Ok(name),
        Some(problem) => Err(ConfigError::BucketName { given: shown(&name), problem }),
    }
}

/// The first rule that the name breaks, as a sentence about it.
fn broken_bucket_rule(name: &str) -> Option<String> {
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let strange = name.chars().find(|c| !alphanumeric(*c) && !matches!(c, '.' | '-'));
    let length = name.chars().count();
    Some(if name.is_empty() {
        "is empty".to_owned()
    } else if let Some((scheme, _)) = name.split_once("://") {
        if scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https") {
            "is a URL: give only the name of the bucket, and put the folder in `s3_bucket_key`"
                .to_owned()
        } else {
            format!(
                "is a URL: leave out `{}://`, and put the folder in `s3_bucket_key`",
                shown(scheme)
            )
        }
    } else if name.starts_with("arn:") {
        "is an ARN: give only the name of the bucket (an access point is not supported)".to_owned()
    } else if name.contains('/') {
        "holds a slash: put the folder in `s3_bucket_key`".to_owned()
    } else if let Some(strange) = strange {
        let what = match strange {
            c if c.is_uppercase() => format!("the upper-case letter `{c}`"),
            c if c.is_whitespace() => "white space".to_owned(),
            c => format!("the character `{}`", c.escape_debug()),
        };
        format!("holds {what}: names have lower-case letters, digits, dots and hyphens")
    } else if !(3..=63).contains(&length) {
        format!("has {length} characters: names have 3 to 63")
    } else if !name.starts_with(alphanumeric) || !name.ends_with(alphanumeric) {
        "does not begin and end with a letter or a digit".to_owned()
    } else if name.contains("..") {
        "has two dots in a row".to_owned()
    } else if name.parse::<Ipv4Addr>().is_ok() {
        "is an IP address".to_owned()
    } else {
        return None;
    })
}

fn checked_region(name: String) -> Result<String, ConfigError> {
    let good =
        name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    if good && !name.is_empty() {
        Ok(name)
    } else {
        Err(ConfigError::Region { given: shown(&name) })
    }
}

fn checked_timezone(name: &str) -> Result<Tz, ConfigError> {
    name.parse().map_err(|_| {
        let given = shown(name);
        // Abbreviations and offsets resemble zones that they do not mean: `CEST` is not `EST`, and
        // `Etc/GMT+2` is two hours behind UTC.
        let is_place = |zone: &&str| zone.contains('/') && !zone.starts_with("Etc/");
        let zones = || chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
        let nearest = zones()
            .find(|zone| zone.eq_ignore_ascii_case(&given))
            .or_else(|| nearest(&given, zones().filter(is_place)));
        ConfigError::Timezone { nearest, given }
    })
}

//! What can be wrong with a configuration, and the messages about it.
//!
//! Every message names the field by its path (`format.gzip_level`) and says what is wrong with it
//! and what it may be.
//!
//! Invariants
//! - A value is repeated only if it cannot be a secret: never below an object that has a secret
//!   among its fields, never for an unknown name, never for an endpoint (people put passwords into
//!   URLs).
//! - Whatever is repeated is short and on one line.

use std::fmt;

use crate::config::checked::endpoint::EndpointError;
use crate::error::{Classified, FailureType};
use crate::json::{ForeignText, JsonFault};
use crate::key::{TemplateError, ids::IdError};

/// Why a configuration is rejected. Only the user can correct it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The text is not JSON.
    #[error("the configuration is not JSON: {fault} at line {line}, column {column}")]
    NotJson {
        /// What is wrong there.
        fault: JsonFault,
        /// Line, from 1.
        line: usize,
        /// Column, from 1 (0: before the first).
        column: usize,
    },
    /// The text is JSON, but not an object.
    #[error("the configuration must be a JSON object, but it is {found}")]
    NotAnObject {
        /// The JSON type, with its article.
        found: &'static str,
    },
    /// The text is in another format, which was recognized.
    #[error("the configuration is not JSON: it {0}")]
    OtherFormat(ForeignText),
    /// The text is JSON of another kind: a catalog, a specification.
    #[error("the settings file {problem}")]
    NotSettings {
        /// What it holds and what to do.
        problem: &'static str,
    },
    /// A name occurs twice in one object.
    #[error("`{path}` is given more than once; keep one of them")]
    DuplicateName {
        /// Where it is.
        path: String,
    },
    /// No field has this name here.
    #[error("`{path}` is not a known field; {}", did_you_mean(nearest.as_deref(), known))]
    UnknownField {
        /// Where it is.
        path: String,
        /// The known field that it resembles, or the place where a field of this name belongs, if
        /// there is one.
        nearest: Option<String>,
        /// All names that are known at this place.
        known: String,
    },
    /// A field of Airbyte's own S3 destination.
    #[error("`{path}` is a field of Airbyte's own S3 destination, not of this connector: {advice}")]
    AirbyteS3Field {
        /// Where it is.
        path: String,
        /// What to do here.
        advice: &'static str,
    },
    /// The field belongs to another form of the object than the chosen one.
    #[error("`{path}` cannot be used with `{selector}` `{chosen}`, only with {others}")]
    FieldOfOtherForm {
        /// Where it is.
        path: String,
        /// Where the form is chosen.
        selector: String,
        /// The chosen form.
        chosen: String,
        /// The forms that have the field.
        others: String,
    },
    /// A required field is absent or null.
    #[error("`{path}` ({title}) is missing; it is required")]
    Missing {
        /// Where it should be.
        path: String,
        /// Its title in the form.
        title: String,
    },
    /// The field that chooses between forms of an object is absent or null.
    #[error("`{path}` is missing; it must be {allowed}")]
    MissingChoice {
        /// Where it should be.
        path: String,
        /// The values it may have.
        allowed: String,
    },
    /// A value of another JSON type.
    #[error("`{path}` must be {expected}, but it is {found}")]
    WrongType {
        /// Where it is.
        path: String,
        /// The JSON type it must have, with its article.
        expected: &'static str,
        /// The JSON type it has, with its article.
        found: &'static str,
    },
    /// A string that is not one of the choices.
    #[error("`{path}` must be \
             {allowed}{}{}", but_it_is(given.as_deref()), or_meant(nearest.as_deref()))]
    NotAChoice {
        /// Where it is.
        path: String,
        /// The values it may have.
        allowed: String,
        /// What it is, if that may be shown.
        given: Option<String>,
        /// The allowed value that it resembles, if there is one.
        nearest: Option<String>,
    },
    /// A number that is too small or too large.
    #[error("`{path}` must be from {minimum} to {maximum}{}", but_it_is(given.as_deref()))]
    OutOfRange {
        /// Where it is.
        path: String,
        /// Smallest allowed value.
        minimum: i64,
        /// Largest allowed value.
        maximum: i64,
        /// What it is, if that may be shown.
        given: Option<String>,
    },
    /// The types and the schema disagree about a value: a defect of the connector, found before
    /// anything is written.
    #[error("the configuration cannot be read at `{path}`")]
    Unreadable {
        /// The path of the value, as exactly as the reader knows it.
        path: String,
    },
    /// Not a valid name of a bucket.
    #[error("`s3_bucket_name` must be the bare name of a bucket, but `{given}` {problem}")]
    BucketName {
        /// What it is.
        given: String,
        /// The rule that it breaks.
        problem: String,
    },
    /// Not a valid name of a region.
    #[error(
        "`s3_bucket_region` must be the name of a region such as `us-east-1` (letters, digits, \
         dots, hyphens and underscores), but it is `{given}`"
    )]
    Region {
        /// What it is.
        given: String,
    },
    /// The key template is wrong.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A part of the access key is empty.
    #[error("`{path}` is empty; fill it in")]
    EmptyKey {
        /// Which part.
        path: &'static str,
    },
    /// A part of the access key has a character that no key contains.
    #[error("`{path}` {problem}; copy it again from its source")]
    GarbledKey {
        /// Which part.
        path: &'static str,
        /// What is wrong, without the key.
        problem: &'static str,
    },
    /// Not the ARN of a role.
    #[error(
        "`authentication.role_arn` must be the ARN of a role, such as \
         `arn:aws:iam::111122223333:role/lake-writer`, but {problem}{}",
        given.as_deref().map(|given| format!(": `{given}`")).unwrap_or_default()
    )]
    RoleArn {
        /// What is wrong.
        problem: &'static str,
        /// What it is, if it is an ARN at all: it may be a key that was pasted into the wrong
        /// field.
        given: Option<String>,
    },
    /// Not an external id that AWS accepts.
    #[error(
        "`authentication.external_id` must have 2 to 1224 letters, digits and characters of `_ + = \
         , . @ : / -`; copy it again from its source"
    )]
    ExternalId,
    /// Not the name of a KMS key.
    #[error(
        "`server_side_encryption.kms_key_id` must be the ARN, the id or the alias of a KMS key, \
         but it is `{given}`"
    )]
    KmsKey {
        /// What it is.
        given: String,
    },
    /// A tag that S3 does not accept.
    #[error("`{path}` {problem}")]
    Tag {
        /// Where it is.
        path: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// More entries than there may be.
    #[error("`{path}` must have at most {maximum} entries, but it has {given}")]
    TooMany {
        /// Where it is.
        path: String,
        /// The most that there may be.
        maximum: u64,
        /// How many there are.
        given: usize,
    },
    /// Not an account.
    #[error("`expected_bucket_owner` must be the 12 digits of an AWS account, but it is `{given}`")]
    BucketOwner {
        /// What it is.
        given: String,
    },
    /// Not a bundle of certificates.
    #[error("`ca_bundle` {problem}")]
    CaBundle {
        /// What is wrong.
        problem: &'static str,
    },
    /// The text for null would break the file.
    #[error("`format.null_text` must not contain {what}")]
    NullText {
        /// What it holds.
        what: &'static str,
    },
    /// An option that has no effect with the chosen value of another one.
    #[error("`{path}` cannot be used with `{other}` `{chosen}`, only with {needed}; remove it")]
    IncompatibleOption {
        /// Where it is.
        path: &'static str,
        /// Where the other one is.
        other: &'static str,
        /// What the other one is.
        chosen: &'static str,
        /// What the other one would have to be.
        needed: &'static str,
    },
    /// A level that the codec does not have.
    #[error(
        "`format.compression_level` must be from 1 to {maximum} with `format.compression_codec` \
         `{codec}`, but it is `{given}`"
    )]
    CompressionLevel {
        /// The codec.
        codec: &'static str,
        /// The codec's highest level.
        maximum: u8,
        /// What it is.
        given: u8,
    },
    /// More digits after the decimal point than digits.
    #[error(
        "`format.decimal_scale` must be at most `format.decimal_precision` ({precision}), but it \
         is `{scale}`{}",
        if *is_default { " (its default)" } else { "" }
    )]
    DecimalScale {
        /// Digits in all.
        precision: u8,
        /// Digits after the decimal point.
        scale: u8,
        /// Whether the user left the scale out.
        is_default: bool,
    },
    /// Not a name of the IANA time zone database.
    #[error(
        "`timezone` must be an IANA name such as `UTC` or `Europe/Berlin`, but it is `{given}`{}",
        or_meant(*nearest)
    )]
    Timezone {
        /// What it is.
        given: String,
        /// The known name that it resembles, if there is one.
        nearest: Option<&'static str>,
    },
    /// The connection id is not usable.
    #[error(transparent)]
    ConnectionId(#[from] IdError),
    /// The endpoint is not usable.
    #[error("`s3_endpoint`: {0}")]
    Endpoint(#[from] EndpointError),
}

impl Classified for ConfigError {
    fn failure_type(&self) -> FailureType {
        match self {
            Self::NotJson { .. }
            | Self::NotAnObject { .. }
            | Self::OtherFormat(_)
            | Self::NotSettings { .. }
            | Self::DuplicateName { .. }
            | Self::UnknownField { .. }
            | Self::AirbyteS3Field { .. }
            | Self::FieldOfOtherForm { .. }
            | Self::Missing { .. }
            | Self::MissingChoice { .. }
            | Self::WrongType { .. }
            | Self::NotAChoice { .. }
            | Self::OutOfRange { .. }
            | Self::Unreadable { .. }
            | Self::BucketName { .. }
            | Self::Region { .. }
            | Self::Template(_)
            | Self::EmptyKey { .. }
            | Self::GarbledKey { .. }
            | Self::RoleArn { .. }
            | Self::ExternalId
            | Self::KmsKey { .. }
            | Self::Tag { .. }
            | Self::TooMany { .. }
            | Self::BucketOwner { .. }
            | Self::CaBundle { .. }
            | Self::NullText { .. }
            | Self::IncompatibleOption { .. }
            | Self::CompressionLevel { .. }
            | Self::DecimalScale { .. }
            | Self::Timezone { .. }
            | Self::ConnectionId(_)
            | Self::Endpoint(_) => FailureType::Config,
        }
    }
}

/// Everything that is wrong with a configuration: at least one problem.
#[derive(Debug)]
pub(crate) struct ConfigErrors(Vec<ConfigError>);

impl ConfigErrors {
    /// Returns the problems, those with names and types first.
    #[cfg(test)]
    pub(crate) fn all(&self) -> &[ConfigError] {
        &self.0
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [only] = self.0.as_slice() {
            return only.fmt(f);
        }
        write!(f, "the settings have {} problems:", self.0.len())?;
        for (error, number) in self.0.iter().zip(1..) {
            write!(f, "\n{number}. {error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

impl Classified for ConfigErrors {
    fn failure_type(&self) -> FailureType {
        // Only the user can correct settings, whatever else may be wrong with them.
        self.0.first().map_or(FailureType::Config, Classified::failure_type)
    }
}

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> Self {
        Self(vec![error])
    }
}

/// Collects what is wrong while the rest is still being checked.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<ConfigError>);

impl Problems {
    pub(super) fn add(&mut self, error: impl Into<ConfigErrors>) {
        self.0.extend(error.into().0);
    }

    /// Returns the value, or notes the problem and returns nothing.
    pub(super) fn take<T, E: Into<ConfigErrors>>(&mut self, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.add(error)).ok()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the value if there is no problem.
    pub(super) fn finish<T>(self, value: Option<T>) -> Result<T, ConfigErrors> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            Some(_) | None => Err(ConfigErrors(self.0)),
        }
    }
}

fn did_you_mean(nearest: Option<&str>, known: &str) -> String {
    match nearest {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("known here: {known}"),
    }
}

fn or_meant(nearest: Option<&str>) -> String {
    nearest.map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default()
}

fn but_it_is(given: Option<&str>) -> String {
    given.map(|given| format!(", but it is `{given}`")).unwrap_or_default()
}

/// Returns a user's text as a message may show it: on one line, and only as long as needed to
/// recognize it.
pub(super) fn shown(text: &str) -> String {
    const LONGEST: usize = 80;
    let mut shown = String::new();
    for (at, character) in text.chars().enumerate() {
        if at == LONGEST {
            shown.push('…');
            break;
        }
        if character.is_control() {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Lists names for a message: "`a`, `b`".
pub(super) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut quoted: Vec<String> = Vec::new();
    for name in names {
        let name = format!("`{}`", shown(name));
        // A tab and its written form look the same.
        if !quoted.contains(&name) {
            quoted.push(name);
        }
    }
    quoted.join(", ")
}

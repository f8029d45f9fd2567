//! What can be wrong with a configuration.
//!
//! Every message names the field by its path (`format.gzip_level`), says what is wrong with it and what it may be.
//!
//! Invariants
//! - What the user wrote is repeated only where it cannot be a secret: never below an object that has a secret among
//!   its fields, never for a name that is unknown, never of an endpoint (people put passwords into URLs).
//! - Whatever is repeated is short and on one line.

use super::endpoint::EndpointError;
use crate::error::{Classified, FailureType};
use crate::json::JsonFault;
use crate::key::{TemplateError, ids::IdError};

/// Why a configuration is refused. The user must change it: nothing else helps.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The text is no JSON at all.
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
    /// A name that no field has at this place.
    #[error("`{path}` is not a known field; the nearest one is `{nearest}`; known here: {known}")]
    UnknownField {
        /// Where it is.
        path: String,
        /// The known field that it resembles most, or the place where a field of this name belongs.
        nearest: String,
        /// All names that are known at this place.
        known: String,
    },
    /// A name that belongs to another form of the object than the chosen one.
    #[error("`{path}` does not go with `{selector}` `{chosen}`, only with {others}; known here: {known}")]
    FieldOfAnother {
        /// Where it is.
        path: String,
        /// Where the form is chosen.
        selector: String,
        /// The chosen form.
        chosen: String,
        /// The forms that have the field.
        others: String,
        /// All names that are known at this place.
        known: String,
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
    /// A text that is none of the choices.
    #[error("`{path}` must be {allowed}{}", but_it_is(given.as_deref()))]
    NotAChoice {
        /// Where it is.
        path: String,
        /// The values it may have.
        allowed: String,
        /// What it is, where that may be shown.
        given: Option<String>,
    },
    /// A number that is too small or too big.
    #[error("`{path}` must be from {minimum} to {maximum}{}", but_it_is(given.as_deref()))]
    OutOfRange {
        /// Where it is.
        path: String,
        /// Smallest allowed value.
        minimum: i64,
        /// Biggest allowed value.
        maximum: i64,
        /// What it is, where that may be shown.
        given: Option<String>,
    },
    /// The types and the schema disagree about a value: a defect of the connector, found before anything is written.
    #[error("the configuration cannot be read at `{path}`")]
    Unreadable {
        /// As near to the value as the reader can say.
        path: String,
    },
    /// No name that a bucket can have.
    #[error(
        "`s3_bucket_name` must be the bare name of a bucket (3 to 63 lower-case letters, digits, dots and hyphens, \
         first and last a letter or a digit, no two dots in a row, not an IP address), but it is `{given}`"
    )]
    BucketName {
        /// What it is.
        given: String,
    },
    /// No name that a region can have.
    #[error(
        "`s3_bucket_region` must be the name of a region such as `us-east-1` (letters, digits, dots, hyphens and \
         underscores), but it is `{given}`"
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
    /// A part of the access key holds what no key holds.
    #[error("`{path}` {problem}; copy it again from where you got it")]
    GarbledKey {
        /// Which part.
        path: &'static str,
        /// What is wrong, without the key.
        problem: &'static str,
    },
    /// Not the ARN of a role.
    #[error(
        "`authentication.role_arn` must be the ARN of a role, such as `arn:aws:iam::111122223333:role/lake-writer`, but \
         {problem}{}",
        given.as_deref().map(|given| format!(": `{given}`")).unwrap_or_default()
    )]
    RoleArn {
        /// What is wrong.
        problem: &'static str,
        /// What it is, if it is an ARN at all: it stands among keys.
        given: Option<String>,
    },
    /// No external id that AWS takes.
    #[error(
        "`authentication.external_id` must have 2 to 1224 letters, digits and characters of `_ + = , . @ : / -`; copy it \
         again from where you got it"
    )]
    ExternalId,
    /// No name of a KMS key.
    #[error(
        "`server_side_encryption.kms_key_id` must be the ARN, the id or the alias of a KMS key, but it is `{given}`"
    )]
    KmsKey {
        /// What it is.
        given: String,
    },
    /// A tag that S3 does not take.
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
    /// No certificates.
    #[error("`ca_bundle` {problem}")]
    CaBundle {
        /// What is wrong.
        problem: &'static str,
    },
    /// The text for null would break the file.
    #[error("`format.null_text` must not hold {what}")]
    NullText {
        /// What it holds.
        what: &'static str,
    },
    /// An option that has no effect beside another one as it is.
    #[error("`{path}` does not go with `{other}` `{chosen}`, only with {needed}; leave it out")]
    DoesNotGoWith {
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
        "`format.compression_level` must be from 1 to {maximum} with `format.compression_codec` `{codec}`, but it is \
         `{given}`"
    )]
    CompressionLevel {
        /// The codec.
        codec: &'static str,
        /// The codec's highest level.
        maximum: u8,
        /// What it is.
        given: u8,
    },
    /// More digits behind the point than digits.
    #[error(
        "`format.decimal_scale` must be at most `format.decimal_precision` ({precision}), but it is `{scale}`{}",
        if *is_default { " (its default)" } else { "" }
    )]
    DecimalScale {
        /// Digits in all.
        precision: u8,
        /// Digits behind the point.
        scale: u8,
        /// Whether the user left the scale out.
        is_default: bool,
    },
    /// Not a name of the IANA time zone database.
    #[error(
        "`timezone` must be an IANA name such as `UTC` or `Europe/Berlin`, but it is `{given}`; the nearest one is \
         `{nearest}`"
    )]
    Timezone {
        /// What it is.
        given: String,
        /// The known name that it resembles most.
        nearest: &'static str,
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
            | Self::UnknownField { .. }
            | Self::FieldOfAnother { .. }
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
            | Self::DoesNotGoWith { .. }
            | Self::CompressionLevel { .. }
            | Self::DecimalScale { .. }
            | Self::Timezone { .. }
            | Self::ConnectionId(_)
            | Self::Endpoint(_) => FailureType::Config,
        }
    }
}

fn but_it_is(given: Option<&str>) -> String {
    given.map(|given| format!(", but it is `{given}`")).unwrap_or_default()
}

/// A text of the user's as a message may show it: on one line and not longer than needed to recognise it.
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

/// Names as a message lists them: "`a`, `b`".
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

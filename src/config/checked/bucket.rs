//! The rules for names of buckets that all kinds of stores share.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>
//!
//! Not here: whether the bucket exists (`crate::check`).

use std::net::Ipv4Addr;

use crate::config::error::{ConfigError, shown};

/// Checks the name of a bucket.
///
/// # Errors
/// [`ConfigError::BucketName`]: no bucket can have this name.
pub(super) fn checked_bucket(name: String) -> Result<String, ConfigError> {
    match broken_bucket_rule(&name) {
        None => Ok(name),
        Some(problem) => Err(ConfigError::BucketName { given: shown(&name), problem }),
    }
}

/// Returns the first rule that the name breaks, as the rest of a sentence about the name.
fn broken_bucket_rule(name: &str) -> Option<String> {
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let strange = name.chars().find(|c| !alphanumeric(*c) && !matches!(c, '.' | '-'));
    let length = name.chars().count();
    Some(if name.is_empty() {
        "is empty".to_owned()
    } else if let Some((scheme, _)) = name.split_once("://") {
        if scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https") {
            "is a URL: enter only the name of the bucket, and put the folder in `s3_bucket_key`"
                .to_owned()
        } else {
            format!(
                "is a URL: leave out `{}://`, and put the folder in `s3_bucket_key`",
                shown(scheme)
            )
        }
    } else if name.starts_with("arn:") {
        "is an ARN: enter only the name of the bucket (access points are not supported)".to_owned()
    } else if name.contains('/') {
        "contains a slash: put the folder in `s3_bucket_key`".to_owned()
    } else if let Some(strange) = strange {
        let what = match strange {
            c if c.is_uppercase() => format!("the upper-case letter `{c}`"),
            c if c.is_whitespace() => "white space".to_owned(),
            c => format!("the character `{}`", c.escape_debug()),
        };
        format!("contains {what}: names have lower-case letters, digits, dots and hyphens")
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

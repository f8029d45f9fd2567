//! The bucket's region: what a name may hold, and which AWS region a mistyped name may mean.
//!
//! Other stores have regions of their own, and AWS opens new ones: an unknown name is never an
//! error.

use crate::config::error::{ConfigError, shown};

/// The regions of AWS when this was written (all partitions that are open to the public).
/// <https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html>
const KNOWN: [&str; 39] = [
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "cn-north-1",
    "cn-northwest-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "eusc-de-east-1",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-west-1",
    "us-west-2",
];

/// Checks the name of a region.
///
/// # Errors
/// [`ConfigError::Region`]: the name has a character that cannot be part of a host name or of a
/// signature.
pub(super) fn checked_region(name: String) -> Result<String, ConfigError> {
    let good =
        name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    if good && !name.is_empty() {
        Ok(name)
    } else {
        Err(ConfigError::Region { given: shown(&name) })
    }
}

/// Returns the AWS region that `name` probably means: one that it misses by one typing error, or by
/// its case. `None` if `name` is a region of AWS itself.
pub(super) fn meant(name: &str) -> Option<&'static str> {
    if KNOWN.contains(&name) || name.len() > 64 {
        return None;
    }
    let name = name.to_ascii_lowercase();
    KNOWN.into_iter().find(|known| strsim::damerau_levenshtein(&name, known) <= 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_error_is_told_from_the_regions_of_other_stores() {
        for (name, expected) in [
            ("us-eats-1", Some("us-east-1")),
            ("eu-cental-1", Some("eu-central-1")),
            ("us-east1", Some("us-east-1")),
            ("US-EAST-1", Some("us-east-1")),
            ("us-east-1", None),
            ("auto", None),
            ("garage", None),
            ("us-central-1", None),
            ("us-west-004", None),
            ("fr-par", None),
            ("us-ashburn-1", None),
        ] {
            assert_eq!(meant(name), expected, "{name}");
        }
    }
}

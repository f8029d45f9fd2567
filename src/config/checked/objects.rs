//! S3's own options: the rules that a schema cannot express.
//!
//! Raw options -> parts of the store's `ObjectOptions` and a [`Checksum`], or the first
//! [`ConfigError`].
//!
//! Not here: names, types and bounds of single options (`schema_check`); whether the bucket accepts
//! them (`crate::check`).

use std::collections::HashSet;

use crate::config::error::{ConfigError, ConfigErrors, Problems, shown};
use crate::config::form::objects::{RawAcl, RawChecksum, RawEncryption, RawStorageClass, RawTag};
use crate::store::{CannedAcl, Checksum, Encryption, StorageClass, Tag};

/// Checks the encryption.
///
/// # Errors
/// [`ConfigError`]: not the name of a KMS key.
pub(super) fn checked_encryption(raw: RawEncryption) -> Result<Encryption, ConfigError> {
    Ok(match raw {
        RawEncryption::BucketDefault {} => Encryption::BucketDefault,
        RawEncryption::Aes256 {} => Encryption::Aes256,
        RawEncryption::Kms { kms_key_id, bucket_key } => {
            Encryption::Kms { key: checked_kms_key(kms_key_id)?, bucket_key }
        }
        RawEncryption::KmsDsse { kms_key_id } => {
            Encryption::KmsDsse { key: checked_kms_key(kms_key_id)? }
        }
    })
}

fn checked_kms_key(key: Option<String>) -> Result<Option<String>, ConfigError> {
    let Some(key) = key else { return Ok(None) };
    if key.len() <= 2048 && key.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(Some(key))
    } else {
        Err(ConfigError::KmsKey { given: shown(&key) })
    }
}

/// Checks the tags.
///
/// # Errors
/// [`ConfigErrors`]: S3 would reject a tag.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html>
pub(super) fn checked_tags(raw: Vec<RawTag>) -> Result<Vec<Tag>, ConfigErrors> {
    let mut problems = Problems::default();
    let mut keys = HashSet::new();
    for (at, tag) in raw.iter().enumerate() {
        if let Some((field, problem)) = broken_tag_rule(tag, &mut keys) {
            problems.add(ConfigError::Tag { path: format!("object_tags[{at}].{field}"), problem });
        }
    }
    problems.finish(Some(raw.into_iter().map(|RawTag { key, value }| Tag { key, value }).collect()))
}

/// The first rule that a tag breaks, and the field that breaks it. `keys` are those of the tags
/// before.
fn broken_tag_rule<'a>(
    RawTag { key, value }: &'a RawTag,
    keys: &mut HashSet<&'a String>,
) -> Option<(&'static str, &'static str)> {
    let is_new = keys.insert(key);
    if !(1..=128).contains(&key.chars().count()) {
        return Some(("key", "must have 1 to 128 characters"));
    }
    if value.chars().count() > 256 {
        return Some(("value", "must have at most 256 characters"));
    }
    let fits = |c: char| c.is_alphanumeric() || c == ' ' || "+-=._:/@".contains(c);
    for (field, text) in [("key", key), ("value", value)] {
        if !text.chars().all(fits) {
            return Some((field, "may contain only letters, digits, spaces and `+ - = . _ : / @`"));
        }
    }
    if key.to_ascii_lowercase().starts_with("aws:") {
        return Some(("key", "must not begin with `aws:`, which AWS reserves"));
    }
    (!is_new).then_some(("key", "is already the key of an earlier tag"))
}

/// The storage class.
pub(super) fn storage_class(raw: RawStorageClass) -> StorageClass {
    match raw {
        RawStorageClass::Standard => StorageClass::Standard,
        RawStorageClass::StandardIa => StorageClass::StandardIa,
        RawStorageClass::OneZoneIa => StorageClass::OneZoneIa,
        RawStorageClass::IntelligentTiering => StorageClass::IntelligentTiering,
        RawStorageClass::GlacierIr => StorageClass::GlacierIr,
    }
}

/// The canned ACL.
pub(super) fn acl(raw: RawAcl) -> CannedAcl {
    match raw {
        RawAcl::Private => CannedAcl::Private,
        RawAcl::PublicRead => CannedAcl::PublicRead,
        RawAcl::AuthenticatedRead => CannedAcl::AuthenticatedRead,
        RawAcl::BucketOwnerRead => CannedAcl::BucketOwnerRead,
        RawAcl::BucketOwnerFullControl => CannedAcl::BucketOwnerFullControl,
    }
}

/// Decides the checksum. `is_aws`: the store is Amazon S3 itself; not every other store supports
/// the checksums that S3 has added.
pub(super) fn checksum(raw: RawChecksum, is_aws: bool) -> Checksum {
    match raw {
        RawChecksum::Auto if is_aws => Checksum::Crc32,
        RawChecksum::Auto | RawChecksum::None => Checksum::None,
        RawChecksum::Crc32 => Checksum::Crc32,
        RawChecksum::Crc32c => Checksum::Crc32C,
        RawChecksum::Crc64nvme => Checksum::Crc64Nvme,
        RawChecksum::Sha256 => Checksum::Sha256,
        RawChecksum::Md5 => Checksum::Md5,
    }
}

/// Checks the id of an account: twelve digits.
///
/// # Errors
/// [`ConfigError::BucketOwner`].
pub(super) fn checked_owner(owner: String) -> Result<String, ConfigError> {
    if owner.len() == 12 && owner.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(owner)
    } else {
        Err(ConfigError::BucketOwner { given: shown(&owner) })
    }
}

/// Checks that the text looks like a bundle of certificates. The HTTP client parses it later.
///
/// # Errors
/// [`ConfigError::CaBundle`], which does not repeat the text: people paste keys.
pub(super) fn checked_ca_bundle(pem: String) -> Result<String, ConfigError> {
    if pem.contains("PRIVATE KEY") {
        return Err(ConfigError::CaBundle {
            problem: "contains a private key, which only its server may have; paste only the \
                certificates",
        });
    }
    if !pem.contains("-----BEGIN CERTIFICATE-----") {
        return Err(ConfigError::CaBundle {
            problem: "contains no certificate: it must be text with `-----BEGIN CERTIFICATE-----`",
        });
    }
    Ok(pem)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(key: &str, value: &str) -> RawTag {
        RawTag { key: key.to_owned(), value: value.to_owned() }
    }

    #[test]
    fn tags_follow_the_rules_of_s3() {
        let good = vec![
            tag("team", "data & more".replace('&', "+").as_str()),
            tag("Größe", ""),
            tag("a:b/c", "@"),
        ];
        assert_eq!(checked_tags(good).unwrap().len(), 3);
        let table = [
            (vec![tag("", "x")], "object_tags[0].key", "1 to 128"),
            (vec![tag(&"k".repeat(129), "x")], "object_tags[0].key", "1 to 128"),
            (vec![tag("a", "b"), tag("k", &"ä".repeat(257))], "object_tags[1].value", "256"),
            (vec![tag("a&b", "x")], "object_tags[0].key", "letters"),
            (vec![tag("a", "x\ny")], "object_tags[0].value", "letters"),
            (vec![tag("AWS:team", "x")], "object_tags[0].key", "aws:"),
            (vec![tag("a", "x"), tag("a", "y")], "object_tags[1].key", "earlier"),
        ];
        for (tags, path, problem) in table {
            let message = checked_tags(tags).unwrap_err().to_string();
            assert!(message.contains(path) && message.contains(problem), "{message}");
        }
        assert!(
            checked_tags(vec![tag(&"ä".repeat(128), &"ö".repeat(256))]).is_ok(),
            "characters, not bytes"
        );
    }

    #[test]
    fn auto_is_a_checksum_on_aws_only() {
        assert_eq!(checksum(RawChecksum::Auto, true), Checksum::Crc32);
        assert_eq!(checksum(RawChecksum::Auto, false), Checksum::None);
        assert_eq!(checksum(RawChecksum::None, true), Checksum::None);
        assert_eq!(checksum(RawChecksum::Crc32, false), Checksum::Crc32);
    }

    #[test]
    fn owners_keys_and_bundles() {
        assert!(checked_owner("123456789012".to_owned()).is_ok());
        for bad in ["12345678901", "1234567890123", "12345678901x", ""] {
            assert!(checked_owner(bad.to_owned()).is_err(), "{bad}");
        }
        assert!(checked_kms_key(Some("alias/lake".to_owned())).is_ok());
        assert!(checked_kms_key(Some("alias/la ke".to_owned())).is_err());
        assert!(checked_ca_bundle("-----BEGIN CERTIFICATE-----\nx".to_owned()).is_ok());
        for bad in
            ["/etc/ssl/ca.pem", "-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\nhunter2"]
        {
            let message = checked_ca_bundle(bad.to_owned()).unwrap_err().to_string();
            assert!(message.contains("`ca_bundle`") && !message.contains("hunter2"), "{message}");
        }
    }
}

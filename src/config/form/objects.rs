//! S3's own options as the user writes them.
//!
//! As in `settings`, doc comments are what the form shows, in this order.
//!
//! Not here: rules that a schema cannot express (`checked::objects`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How S3 encrypts files, chosen by `encryption_type`.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(tag = "encryption_type")]
pub(crate) enum RawEncryption {
    /// # Bucket Default
    ///
    /// The bucket's own setting. The connector requests nothing.
    #[serde(rename = "bucket_default")]
    BucketDefault {},
    /// # AES256
    ///
    /// SSE-S3: S3 encrypts the files with keys that it manages.
    #[serde(rename = "AES256")]
    Aes256 {},
    /// # aws:kms
    ///
    /// SSE-KMS: S3 encrypts the files with a key of AWS KMS. The identity that signs in needs the
    /// permissions <code>kms:GenerateDataKey</code> and <code>kms:Decrypt</code> on the key.
    #[serde(rename = "aws:kms")]
    Kms {
        /// # KMS Key ID
        ///
        /// The ARN, id or alias of the key, for example
        /// <code>arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab</code>.
        /// If you leave it empty, S3 uses the account's own key for S3. A key of another account
        /// needs its ARN.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kms_key_id: Option<String>,
        /// # Bucket Key
        ///
        /// Whether S3 uses one data key for many files, which saves requests to KMS. If you leave
        /// it empty, the bucket's own setting applies.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bucket_key: Option<bool>,
    },
    /// # aws:kms:dsse
    ///
    /// DSSE-KMS: S3 encrypts the files twice, with a key of AWS KMS. Choose it if a regulation
    /// requires two layers of encryption.
    #[serde(rename = "aws:kms:dsse")]
    KmsDsse {
        /// # KMS Key ID
        ///
        /// The ARN, id or alias of the key. If you leave it empty, S3 uses the account's own key
        /// for S3.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kms_key_id: Option<String>,
    },
}

impl Default for RawEncryption {
    fn default() -> Self {
        Self::BucketDefault {}
    }
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum RawStorageClass {
    Standard,
    StandardIa,
    #[serde(rename = "ONEZONE_IA")]
    OneZoneIa,
    IntelligentTiering,
    GlacierIr,
}

/// A tag of every file.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub(crate) struct RawTag {
    /// # Key
    ///
    /// The name of the tag, 1 to 128 characters, for example <code>team</code>.
    pub(crate) key: String,
    /// # Value
    ///
    /// The value of the tag, at most 256 characters. It may be empty.
    pub(crate) value: String,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RawAcl {
    Private,
    PublicRead,
    AuthenticatedRead,
    BucketOwnerRead,
    BucketOwnerFullControl,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RawChecksum {
    #[default]
    Auto,
    Crc32,
    Crc32c,
    Crc64nvme,
    Sha256,
    Md5,
    None,
}

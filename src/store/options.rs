//! The options of every object, by S3's own names.
//!
//! Plain values, checked by their maker (`config`).
//!
//! Not here: how they become headers (`client::headers`, `client::checksum`).

/// The options of every object of a run. The default leaves all of them to the bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ObjectOptions {
    /// How S3 encrypts the object.
    pub encryption: Encryption,
    /// `None` means S3's default, `STANDARD`.
    pub storage_class: Option<StorageClass>,
    /// At most ten, with distinct keys. Needs `s3:PutObjectTagging`.
    pub tags: Vec<Tag>,
    /// Needs `s3:PutObjectAcl`. `None` sends no ACL.
    pub acl: Option<CannedAcl>,
}

/// Server-side encryption.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Encryption {
    /// No header: the default of the bucket.
    #[default]
    BucketDefault,
    /// `AES256`, with S3's own keys.
    Aes256,
    /// `aws:kms`.
    Kms {
        /// Id, ARN or alias of the key; `None` means the account's key for S3.
        key: Option<String>,
        /// Whether S3 uses one data key for many objects; `None` means the default of the bucket.
        bucket_key: Option<bool>,
    },
    /// `aws:kms:dsse`, which encrypts twice.
    KmsDsse {
        /// As in [`Encryption::Kms`].
        key: Option<String>,
    },
}

/// Storage classes with immediate access. (Archived objects could be neither copied nor compared;
/// lifecycle rules archive objects later.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StorageClass {
    /// `STANDARD`.
    Standard,
    /// `STANDARD_IA`.
    StandardIa,
    /// `ONEZONE_IA`.
    OneZoneIa,
    /// `INTELLIGENT_TIERING`.
    IntelligentTiering,
    /// `GLACIER_IR`.
    GlacierIr,
}

/// An object tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tag {
    /// 1 to 128 characters.
    pub key: String,
    /// 0 to 256 characters.
    pub value: String,
}

/// Canned ACLs of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CannedAcl {
    /// `private`.
    Private,
    /// `public-read`.
    PublicRead,
    /// `authenticated-read`.
    AuthenticatedRead,
    /// `bucket-owner-read`.
    BucketOwnerRead,
    /// `bucket-owner-full-control`.
    BucketOwnerFullControl,
}

/// The checksum of every body, which S3 verifies and stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Checksum {
    /// None, except where S3 requires one (DeleteObjects).
    None,
    /// `CRC32`.
    Crc32,
    /// `CRC32C`.
    Crc32C,
    /// `CRC64NVME`.
    Crc64Nvme,
    /// `SHA256`.
    Sha256,
    /// `Content-MD5`: verified, not stored.
    Md5,
}

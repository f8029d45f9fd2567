//! What S3 is told about every object that the connector writes, besides its bytes: S3's own
//! options, by S3's own names.
//!
//! Plain values, checked by whoever makes them (`config`).
//!
//! Not here: how they become headers (`publish`, `requests`, `objects`).

/// What every object of a run gets. The default leaves all of it to the bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectOptions {
    /// How S3 encrypts the object.
    pub encryption: Encryption,
    /// `None`: S3's own default, `STANDARD`.
    pub storage_class: Option<StorageClass>,
    /// At most ten, with distinct keys. Needs `s3:PutObjectTagging`.
    pub tags: Vec<Tag>,
    /// Canned ACL; `None`: none is named. Needs `s3:PutObjectAcl`.
    pub acl: Option<CannedAcl>,
}

/// Server-side encryption.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Encryption {
    /// No header: what the bucket is set up for.
    #[default]
    BucketDefault,
    /// `AES256`: keys of S3's own.
    Aes256,
    /// `aws:kms`.
    Kms {
        /// Id, ARN or alias of the key; `None`: the account's key for S3.
        key: Option<String>,
        /// Whether S3 makes one data key for many objects; `None`: as the bucket says.
        bucket_key: Option<bool>,
    },
    /// `aws:kms:dsse`, which encrypts twice.
    KmsDsse {
        /// As in [`Encryption::Kms`].
        key: Option<String>,
    },
}

/// Storage classes whose objects can be read at once. (What is archived cannot be copied or
/// compared; lifecycle rules archive objects later.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageClass {
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
pub struct Tag {
    /// 1 to 128 characters.
    pub key: String,
    /// 0 to 256 characters.
    pub value: String,
}

/// Canned ACLs of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CannedAcl {
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

/// The checksum that travels with every body and that S3 verifies and keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// None, but where S3 demands one (DeleteObjects).
    None,
    /// `CRC32`.
    Crc32,
    /// `CRC32C`.
    Crc32C,
    /// `CRC64NVME`.
    Crc64Nvme,
    /// `SHA256`.
    Sha256,
    /// `Content-MD5`: verified, not kept.
    Md5,
}

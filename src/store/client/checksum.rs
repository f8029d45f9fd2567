//! The checksum of a body: who computes it, and where it is repeated.
//!
//! | checksum | computed by | named on CreateMultipartUpload | repeated in CompleteMultipartUpload |
//! |---|---|---|---|
//! | CRC32, CRC32C | the SDK | yes | of each part: S3 computes a checksum of checksums |
//! | CRC64NVME | the SDK | yes, as `FULL_OBJECT`, the only type that S3 has for it | of each part; S3 combines them |
//! | SHA256 | this module: requests are signed with the same hash, so the body is hashed once | yes | of each part |
//! | MD5 | this module, as `Content-MD5`: the SDK no longer does | no | no |
//! | none | nobody | no | no |
//!
//! DeleteObjects requires a checksum: with none or MD5 configured, the SDK adds CRC32.
//!
//! Invariants
//! - Bodies are in memory, so the checksum is a header, which every store understands.

use aws_runtime::auth::PayloadSigningOverride;
use aws_sdk_s3::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_s3::config::{
    Builder, ConfigBag, Intercept, RequestChecksumCalculation, ResponseChecksumValidation,
    RuntimeComponents,
};
use aws_sdk_s3::error::BoxError;
use aws_sdk_s3::operation::upload_part::UploadPartOutput;
use aws_sdk_s3::types::builders::CompletedPartBuilder;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType};
use aws_smithy_types::base64;
use md5::{Digest, Md5};
use sha2::Sha256;

use crate::store::options::Checksum;

impl Checksum {
    /// Returns S3's name for it; `None` where S3 does not store it.
    pub(crate) fn algorithm(self) -> Option<ChecksumAlgorithm> {
        match self {
            Self::None | Self::Md5 => None,
            Self::Crc32 => Some(ChecksumAlgorithm::Crc32),
            Self::Crc32C => Some(ChecksumAlgorithm::Crc32C),
            Self::Crc64Nvme => Some(ChecksumAlgorithm::Crc64Nvme),
            Self::Sha256 => Some(ChecksumAlgorithm::Sha256),
        }
    }

    /// Returns how S3 combines the checksums of parts, where the request must state it.
    pub(crate) fn of_whole_upload(self) -> Option<ChecksumType> {
        match self {
            Self::Crc64Nvme => Some(ChecksumType::FullObject),
            // S3's default for these is the checksum of checksums.
            Self::Crc32 | Self::Crc32C | Self::Sha256 | Self::None | Self::Md5 => None,
        }
    }

    /// Configures whether the client adds checksums of its own and asks for them back.
    pub(super) fn configure(self, config: Builder) -> Builder {
        match self.algorithm() {
            Some(_) => config
                .request_checksum_calculation(RequestChecksumCalculation::WhenSupported)
                .response_checksum_validation(ResponseChecksumValidation::WhenSupported),
            None => config
                .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
                .response_checksum_validation(ResponseChecksumValidation::WhenRequired),
        }
    }

    /// Returns the checksum of a part as the store confirms it.
    pub(crate) fn confirmed(self, part: UploadPartOutput) -> Option<String> {
        match self {
            Self::None | Self::Md5 => None,
            Self::Crc32 => part.checksum_crc32,
            Self::Crc32C => part.checksum_crc32_c,
            Self::Crc64Nvme => part.checksum_crc64_nvme,
            Self::Sha256 => part.checksum_sha256,
        }
    }

    /// Repeats the checksum that the store has confirmed for a part.
    pub(crate) fn repeat(
        self,
        part: CompletedPartBuilder,
        confirmed: Option<String>,
    ) -> CompletedPartBuilder {
        match self {
            Self::None | Self::Md5 => part,
            Self::Crc32 => part.set_checksum_crc32(confirmed),
            Self::Crc32C => part.set_checksum_crc32_c(confirmed),
            Self::Crc64Nvme => part.set_checksum_crc64_nvme(confirmed),
            Self::Sha256 => part.set_checksum_sha256(confirmed),
        }
    }
}

/// The digests of one body that the SDK does not compute, in Base64.
#[derive(Debug, Default)]
pub(crate) struct Digests {
    pub(crate) content_md5: Option<String>,
    pub(crate) sha256: Option<String>,
    payload: Option<Payload>,
}

impl Digests {
    pub(crate) fn of(checksum: Checksum, body: &[u8]) -> Self {
        match checksum {
            Checksum::None | Checksum::Crc32 | Checksum::Crc32C | Checksum::Crc64Nvme => {
                Self::default()
            }
            Checksum::Md5 => {
                Self { content_md5: Some(base64::encode(Md5::digest(body))), ..Self::default() }
            }
            Checksum::Sha256 => {
                let hash = Sha256::digest(body);
                let payload = hash.iter().map(|byte| format!("{byte:02x}")).collect();
                Self {
                    sha256: Some(base64::encode(hash)),
                    payload: Some(Payload(payload)),
                    ..Self::default()
                }
            }
        }
    }

    /// Configures the request of the body to be signed with the hash that is known already.
    pub(crate) fn sign(self, settings: Builder) -> Builder {
        match self.payload {
            Some(payload) => settings.interceptor(payload),
            None => settings,
        }
    }
}

/// The hexadecimal SHA-256 of a body, for the signature of its request.
#[derive(Debug)]
struct Payload(String);

impl Intercept for Payload {
    fn name(&self) -> &'static str {
        "destination-s3 payload"
    }

    fn modify_before_retry_loop(
        &self,
        _: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        config.interceptor_state().store_put(PayloadSigningOverride::Precomputed(self.0.clone()));
        Ok(())
    }
}

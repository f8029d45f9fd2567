//! The end of a multipart upload: what S3 checks before parts become an object.
//!
//! An open [`Upload`] and the part list of CompleteMultipartUpload go in; the [`Object`] or S3's
//! refusal comes out. The upload is only read, so that it stays open if it is refused.

use bytes::{Bytes, BytesMut};
use s3s::dto::CompletedPart;
use s3s::{S3Result, s3_error};

use super::checks::{Sums, multipart_etag};
use super::store::{Object, Part, Upload, now};

/// The smallest length of every part but the last.
pub(crate) const SMALLEST_PART_BYTES: usize = 5 * 1024 * 1024;
/// The highest part number.
const MOST_PARTS: i32 = 10_000;

/// Checks a part number.
pub(crate) fn check_number(part_number: i32) -> S3Result<()> {
    if (1..=MOST_PARTS).contains(&part_number) {
        return Ok(());
    }
    Err(s3_error!(
        InvalidArgument,
        "Part number must be an integer between 1 and {MOST_PARTS}, inclusive"
    ))
}

/// Checks that a part was sent with the checksum algorithm that its upload announced.
pub(crate) fn check_part(upload: &Upload, sums: &Sums) -> S3Result<()> {
    match &upload.algorithm {
        Some(algorithm) if !sums.contains_key(algorithm.as_str()) => {
            Err(s3_error!(InvalidRequest, "Checksum Type mismatch occurred, expected {algorithm}"))
        }
        Some(_) | None => Ok(()),
    }
}

/// Assembles an object from the listed parts.
pub(crate) fn assemble(upload: &Upload, listed: &[CompletedPart]) -> S3Result<Object> {
    if listed.is_empty() {
        return Err(s3_error!(MalformedXML, "You must specify at least one part"));
    }
    if !listed.is_sorted_by(|one, next| one.part_number < next.part_number) {
        return Err(s3_error!(InvalidPartOrder));
    }
    let parts: Vec<&Part> =
        listed.iter().map(|part| found(upload, part)).collect::<S3Result<_>>()?;
    if let Some((_last, others)) = parts.split_last()
        && others.iter().any(|part| part.content.len() < SMALLEST_PART_BYTES)
    {
        return Err(s3_error!(EntityTooSmall));
    }
    let mut content = BytesMut::with_capacity(parts.iter().map(|part| part.content.len()).sum());
    parts.iter().for_each(|part| content.extend_from_slice(&part.content));
    Ok(Object {
        content: Bytes::from(content),
        etag: multipart_etag(parts.iter().map(|part| part.etag.as_str())),
        description: upload.description.clone(),
        sums: Sums::new(),
        modified: now(),
    })
}

/// Returns the lengths of the parts that were sent, in order.
pub(crate) fn part_lengths(upload: &Upload) -> Vec<usize> {
    upload.parts.values().map(|part| part.content.len()).collect()
}

/// Checks what Cloudflare R2 demands of parts: one length, and a last part that is not longer.
pub(crate) fn check_equal(lengths: &[usize]) -> S3Result<()> {
    match lengths.split_last() {
        Some((last, others))
            if others.iter().any(|length| *length != others[0] || last > length) =>
        {
            Err(s3_error!(InvalidPart, "All non-trailing parts must have the same length."))
        }
        Some(_) | None => Ok(()),
    }
}

/// Returns the uploaded part if it matches the listed one.
fn found<'a>(upload: &'a Upload, listed: &CompletedPart) -> S3Result<&'a Part> {
    let number = listed.part_number.unwrap_or_default();
    let part = upload.parts.get(&number).ok_or_else(|| s3_error!(InvalidPart))?;
    if listed.e_tag.as_ref().map(s3s::dto::ETag::value) != Some(part.etag.as_str()) {
        return Err(s3_error!(InvalidPart));
    }
    let repeated = [
        ("CRC32", &listed.checksum_crc32),
        ("CRC32C", &listed.checksum_crc32c),
        ("CRC64NVME", &listed.checksum_crc64nvme),
        ("SHA1", &listed.checksum_sha1),
        ("SHA256", &listed.checksum_sha256),
    ];
    for (name, sum) in repeated {
        let is_wanted = upload.is_composite && upload.algorithm.as_deref() == Some(name);
        match sum {
            Some(sum) if part.sums.get(name) != Some(sum) => return Err(s3_error!(InvalidPart)),
            None if is_wanted => {
                return Err(s3_error!(
                    InvalidRequest,
                    "The upload was created using a {name} checksum: it is missing for part \
                    {number}"
                ));
            }
            Some(_) | None => {}
        }
    }
    Ok(part)
}

//! Which setting a refusal is about.
//!
//! An error code and the body of the response -> the name of the setting that put the refused
//! header on the request. It reads the table of `client::headers` backwards.

use crate::store::operation::Operation;

/// Headers that settings put on requests, and the settings.
const SETTINGS_OF_HEADERS: [(&str, &str); 6] = [
    ("x-amz-server-side-encryption", "server_side_encryption"),
    ("x-amz-storage-class", "storage_class"),
    ("x-amz-tagging", "object_tags"),
    ("x-amz-acl", "acl"),
    ("x-amz-checksum-", "checksum"),
    ("x-amz-sdk-checksum-algorithm", "checksum"),
];

/// Returns the setting that the store refuses, going by the error code or by the header that the
/// body names.
pub(super) fn refused_setting(op: Operation, code: &str, body: &[u8]) -> Option<&'static str> {
    match code {
        "InvalidStorageClass" => Some("storage_class"),
        "InvalidTag" => Some("object_tags"),
        "AccessControlListNotSupported" => Some("acl"),
        "InvalidEncryptionAlgorithmError" => Some("server_side_encryption"),
        // These codes have many reasons. Requests that carry no options cannot be refused for one:
        // DeleteObjects falls back to single deletions, and reads are sent without options.
        "InvalidArgument" | "InvalidRequest" | "NotImplemented" if op.carries_options() => {
            let text = String::from_utf8_lossy(body).to_ascii_lowercase();
            SETTINGS_OF_HEADERS
                .iter()
                .find(|(header, _)| text.contains(header))
                .map(|(_, setting)| *setting)
        }
        _ => None,
    }
}

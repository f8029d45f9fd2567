//! What an object says about where it comes from, in its user metadata, and whose it therefore is.
//!
//! [`Provenance`] -> names and values for `x-amz-meta-*`; names and values of a stored object ->
//! [`Owner::owns`], [`generation`], [`attempt`]. Both directions stand here, so that no reader
//! spells a name differently from the writer.
//!
//! Invariants
//! - Values are ASCII and together well below the 2 KB that S3 takes, whatever a stream is called.
//! - Who owns an object is decided by its metadata alone, never by its key.
//!
//! Not here: the token of a single object and the hash of its key (`store`), what is done with old
//! objects (`replace`). May import: `model`.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use uuid::Uuid;

use crate::model::StreamDescriptor;

const STREAM: &str = "stream";
const NAMESPACE: &str = "namespace";
const CONNECTION_ID: &str = "connection-id";
const CONNECTION_RUN_ID: &str = "connection-run-id";
const SYNC_ID: &str = "sync-id";
const GENERATION_ID: &str = "generation-id";
const ATTEMPT_ID: &str = "attempt-id";
const ROWS: &str = "rows";
const SEALED_BY: &str = "sealed-by";

/// S3 keeps user metadata as HTTP headers: ASCII, and 2 KB for all of it.
const HEADER_SAFE: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const LONGEST_NAME_BYTES: usize = 512;

/// The stream of a connection, as objects name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    stream: String,
    namespace: Option<String>,
    connection_id: String,
}

/// Where the objects of one stream come from, in one run.
#[derive(Clone, Debug)]
pub struct Provenance {
    /// Whose they are.
    pub owner: Owner,
    /// The job, the same for all its attempts.
    pub connection_run_id: Uuid,
    /// The platform's number of the job.
    pub sync_id: i64,
    /// The catalog's generation, where it has one.
    pub generation_id: Option<i64>,
    /// This process: random.
    pub attempt_id: Uuid,
}

impl Owner {
    /// The stream `descriptor` of the connection.
    #[must_use]
    pub fn new(descriptor: &StreamDescriptor, connection_id: &str) -> Self {
        Self {
            stream: header_safe(&descriptor.name),
            namespace: descriptor.namespace.as_deref().map(header_safe),
            connection_id: connection_id.to_owned(),
        }
    }

    /// Whether an object with this metadata is one of the stream's. `value` looks a name up.
    pub fn owns<'a>(&self, value: impl Fn(&str) -> Option<&'a str>) -> bool {
        value(STREAM) == Some(&self.stream)
            && value(NAMESPACE) == self.namespace.as_deref()
            && value(CONNECTION_ID) == Some(&self.connection_id)
    }
}

impl Provenance {
    /// The metadata of an object, but for what only its file knows: see [`of_file`].
    #[must_use]
    pub fn metadata(&self) -> Vec<(String, String)> {
        let Self { owner, connection_run_id, sync_id, generation_id, attempt_id } = self;
        let optional = [
            (NAMESPACE, owner.namespace.clone()),
            (GENERATION_ID, generation_id.map(|generation| generation.to_string())),
        ];
        let always = [
            (STREAM, owner.stream.clone()),
            (CONNECTION_ID, owner.connection_id.clone()),
            (CONNECTION_RUN_ID, connection_run_id.to_string()),
            (SYNC_ID, sync_id.to_string()),
            (ATTEMPT_ID, attempt_id.to_string()),
        ];
        let optional = optional.into_iter().filter_map(|(name, value)| Some((name, value?)));
        always.into_iter().chain(optional).map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// What a closed file adds to its object's metadata: its rows, and why it was closed.
#[must_use]
pub fn of_file(rows: u64, sealed_by: &str) -> [(String, String); 2] {
    [(ROWS.to_owned(), rows.to_string()), (SEALED_BY.to_owned(), sealed_by.to_owned())]
}

/// Whether an object says nothing of what objects of this program say, whatever stream they are of.
pub fn is_absent<'a>(value: impl Fn(&str) -> Option<&'a str>) -> bool {
    [STREAM, CONNECTION_ID, CONNECTION_RUN_ID, ATTEMPT_ID]
        .into_iter()
        .all(|name| value(name).is_none())
}

/// The generation of an object; `None` for one that was written without generations.
pub fn generation<'a>(value: impl Fn(&str) -> Option<&'a str>) -> Option<i64> {
    value(GENERATION_ID)?.parse().ok()
}

/// The process that wrote an object.
pub fn attempt<'a>(value: impl Fn(&str) -> Option<&'a str>) -> Option<Uuid> {
    value(ATTEMPT_ID)?.parse().ok()
}

/// A name as a header value: percent-encoded, or its hash where that would be too long.
fn header_safe(name: &str) -> String {
    let encoded = utf8_percent_encode(name, HEADER_SAFE).to_string();
    if encoded.len() <= LONGEST_NAME_BYTES {
        encoded
    } else {
        format!("uuid5:{}", Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provenance(namespace: Option<&str>, name: &str) -> Provenance {
        Provenance {
            owner: Owner::new(&StreamDescriptor::new(namespace, name), "c"),
            connection_run_id: Uuid::nil(),
            sync_id: 42,
            generation_id: Some(7),
            attempt_id: Uuid::from_u128(9),
        }
    }

    #[test]
    fn a_stream_owns_what_it_wrote_and_nothing_else() {
        let long = "ü".repeat(500);
        let longer = "ü".repeat(501);
        let names = [
            (None, "users"),
            (Some("crm"), "users"),
            (Some("users"), "crm"),
            (None, "crm.users"),
            (None, "Users"),
            (None, "u/ser s=%é"),
            (None, &long),
            (None, &longer),
        ];
        for (of, (namespace, name)) in names.iter().enumerate() {
            let metadata = provenance(*namespace, name).metadata();
            let bytes: usize = metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
            assert!(
                bytes < 1800 && metadata.iter().all(|(_, value)| value.is_ascii()),
                "{metadata:?}"
            );
            let value = |name: &str| {
                metadata.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
            };
            assert_eq!((generation(value), attempt(value)), (Some(7), Some(Uuid::from_u128(9))));
            for (by, (namespace, name)) in names.iter().enumerate() {
                let descriptor = StreamDescriptor::new(*namespace, *name);
                assert_eq!(
                    Owner::new(&descriptor, "c").owns(value),
                    of == by,
                    "{metadata:?} {name}"
                );
                assert!(!Owner::new(&descriptor, "d").owns(value));
            }
        }
        assert!(!Owner::new(&StreamDescriptor::new(None, "users"), "c").owns(|_| None));
        assert!(is_absent(|_| None) && is_absent(|name| (name == "rows").then_some("1")));
        assert!(!is_absent(|name| (name == "stream").then_some("users")));
    }
}

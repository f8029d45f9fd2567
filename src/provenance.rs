//! What an object says about its origin, and which stream owns it.
//!
//! [`Provenance`] -> names and values for `x-amz-meta-*`; names and values of a stored object ->
//! [`Owner::owns`], [`generation`], [`attempt`]. Writing and reading are in one place, so that both
//! use the same names. Parquet files also carry a part of it in their footer ([`parquet_footer`]).
//! A copy of the file keeps the footer; no code of ours reads it.
//!
//! Invariants
//! - Values are ASCII and together well below the 2 KB that S3 allows, whatever a stream is called.
//! - An object's metadata alone decides who owns it, never its key.
//!
//! Not here: the token of a single object and the hash of its key (`store`), what happens to old
//! objects (`replace`).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};
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

/// S3 stores user metadata as HTTP headers: ASCII, and at most 2 KB together.
const HEADER_SAFE: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const LONGEST_NAME_BYTES: usize = 512;

/// What the keys of a Parquet footer begin with: other programs add keys of their own.
const FOOTER: &str = "destination_s3.";

/// A stream of a connection, as its objects name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    stream: String,
    namespace: Option<String>,
    connection_id: String,
}

/// Where the objects of one stream come from, in one run.
#[derive(Clone, Debug)]
pub(crate) struct Provenance {
    /// The stream that owns them.
    pub owner: Owner,
    /// The job, the same for all its attempts.
    pub connection_run_id: Uuid,
    /// The platform's number of the job.
    pub sync_id: i64,
    /// The stream's generation, if the catalog has one.
    pub generation_id: Option<i64>,
    /// The id of this process, which is random.
    pub attempt_id: Uuid,
}

impl Owner {
    /// The owner for this stream of the connection.
    #[must_use]
    pub(crate) fn new(descriptor: &StreamDescriptor, connection_id: &str) -> Self {
        Self {
            stream: header_safe(&descriptor.name),
            namespace: descriptor.namespace.as_deref().map(header_safe),
            connection_id: connection_id.to_owned(),
        }
    }

    /// Whether an object is one of the stream's. `value` looks up a name in its metadata.
    pub(crate) fn owns<'a>(&self, value: impl Fn(&str) -> Option<&'a str>) -> bool {
        value(STREAM) == Some(&self.stream)
            && value(NAMESPACE) == self.namespace.as_deref()
            && value(CONNECTION_ID) == Some(&self.connection_id)
    }
}

impl Provenance {
    /// Returns the metadata of an object without the part that only its file knows: see
    /// [`of_file`].
    #[must_use]
    pub(crate) fn metadata(&self) -> Vec<(String, String)> {
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

/// Returns what a sealed file adds to its object's metadata: its rows, and why it was sealed.
#[must_use]
pub(crate) fn of_file(rows: u64, sealed_by: &str) -> [(String, String); 2] {
    [(ROWS.to_owned(), rows.to_string()), (SEALED_BY.to_owned(), sealed_by.to_owned())]
}

/// Returns the key-value metadata of a stream's Parquet files. `renamed` has the columns whose
/// names in the files differ from the schema, as pairs: the path in the files, and the name in the
/// schema.
///
/// The values are the plain names: footers are UTF-8, and have no limit that names could reach.
#[must_use]
pub(crate) fn parquet_footer(
    stream: &StreamDescriptor,
    sync_id: i64,
    generation_id: Option<i64>,
    renamed: Vec<(String, String)>,
) -> Vec<(String, String)> {
    let renamed: Map<String, Value> =
        renamed.into_iter().map(|(path, name)| (path, Value::String(name))).collect();
    let pairs = [
        ("stream", Some(stream.name.clone())),
        ("sync_id", Some(sync_id.to_string())),
        ("namespace", stream.namespace.clone()),
        ("generation_id", generation_id.map(|id| id.to_string())),
        ("column_names", (!renamed.is_empty()).then(|| Value::Object(renamed).to_string())),
    ];
    let named = |(name, value): (&str, Option<String>)| Some((format!("{FOOTER}{name}"), value?));
    pairs.into_iter().filter_map(named).collect()
}

/// Whether an object has no metadata that this program writes, for any stream.
pub(crate) fn is_absent<'a>(value: impl Fn(&str) -> Option<&'a str>) -> bool {
    [STREAM, CONNECTION_ID, CONNECTION_RUN_ID, ATTEMPT_ID]
        .into_iter()
        .all(|name| value(name).is_none())
}

/// Returns the generation of an object, or `None` if it was written without generations.
pub(crate) fn generation<'a>(value: impl Fn(&str) -> Option<&'a str>) -> Option<i64> {
    value(GENERATION_ID)?.parse().ok()
}

/// Returns the id of the process that wrote an object.
pub(crate) fn attempt<'a>(value: impl Fn(&str) -> Option<&'a str>) -> Option<Uuid> {
    value(ATTEMPT_ID)?.parse().ok()
}

/// Makes a header value of a name: percent-encoded, or its hash where that would be too long.
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

    #[test]
    fn a_footer_has_only_what_is_known() {
        let shown = |stream: &StreamDescriptor, generation, renamed: &[(&str, &str)]| {
            let renamed = renamed.iter().map(|(path, name)| ((*path).into(), (*name).into()));
            let pairs = parquet_footer(stream, 7, generation, renamed.collect());
            pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>()
        };
        assert_eq!(
            shown(&StreamDescriptor::new(None, "ü s"), None, &[]),
            ["destination_s3.stream=ü s", "destination_s3.sync_id=7"]
        );
        assert_eq!(
            shown(&StreamDescriptor::new(Some("crm"), "users"), Some(3), &[("Id", "Id_2")]),
            [
                "destination_s3.stream=users",
                "destination_s3.sync_id=7",
                "destination_s3.namespace=crm",
                "destination_s3.generation_id=3",
                r#"destination_s3.column_names={"Id":"Id_2"}"#,
            ]
        );
    }
}

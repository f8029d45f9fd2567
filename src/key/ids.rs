//! The ids that macros show and that mark the owner of an object.
//!
//! Settings, names and the platform's numbers → the same ids on every machine and in every version.
//!
//! Invariants
//! - The ids must never change, because users have them in their keys. Golden values in the tests
//!   pin them.
//! - Different inputs never become the same id by concatenation: each part of a name is hashed by a
//!   UUIDv5 of its own.
//!
//! Not here: randomness and the environment (`env`).

use uuid::Uuid;

use crate::error::{Classified, FailureType};
use crate::model::StreamDescriptor;

/// Namespace of connection ids: the UUIDv5 of a bucket name.
pub(crate) const BUCKETS: Uuid = Uuid::from_u128(0x50ecc080_06b5_4f7e_90d9_f9b8cb02a7a7);
/// Namespace of stream ids: the UUIDv5s of a connection id, then a namespace, then a name.
pub(crate) const STREAMS: Uuid = Uuid::from_u128(0x991a8e5b_e98b_4dac_a24f_e40d068d442a);
/// Namespace of connection run ids: the UUIDv5s of a connection id, then a sync id.
pub(crate) const RUNS: Uuid = Uuid::from_u128(0x8bdc9ee3_6861_44c1_accb_54bd8c77450c);

const LONGEST_CONNECTION_ID: usize = 128;

/// Why a text is not a connection id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum IdError {
    /// The text of the setting.
    #[error(
        "connection_id must be 1 to 128 letters, digits, dots, hyphens and underscores, and \
         neither \".\" nor \"..\""
    )]
    Config,
    /// The text of the environment variable.
    #[error(
        "the environment variable CONNECTION_ID must be 1 to 128 letters, digits, dots, hyphens \
         and underscores, and neither \".\" nor \"..\""
    )]
    Environment,
}

impl Classified for IdError {
    fn failure_type(&self) -> FailureType {
        match self {
            Self::Config | Self::Environment => FailureType::Config,
        }
    }
}

/// Returns the connection's id: the setting, else the environment variable `CONNECTION_ID`, else an
/// id made from the bucket's name.
///
/// # Errors
/// [`IdError`] if the chosen text cannot be part of a key as it is: show it to the user at `check`.
pub(crate) fn connection_id(
    config: Option<&str>,
    environment: Option<&str>,
    bucket: &str,
) -> Result<String, IdError> {
    let checked = |id: &str, error| if is_plain(id) { Ok(id.to_owned()) } else { Err(error) };
    match (config, environment) {
        (Some(id), _) => checked(id, IdError::Config),
        (None, Some(id)) => checked(id, IdError::Environment),
        (None, None) => Ok(Uuid::new_v5(&BUCKETS, bucket.as_bytes()).to_string()),
    }
}

fn is_plain(id: &str) -> bool {
    (1..=LONGEST_CONNECTION_ID).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
        && !matches!(id, "." | "..")
}

/// Returns the stream's id. It never changes while connection id, namespace and name stay the same.
#[must_use]
pub(crate) fn stream_id(connection_id: &str, stream: &StreamDescriptor) -> Uuid {
    let namespace = stream.namespace.as_deref().unwrap_or_default();
    [connection_id, namespace, &stream.name]
        .iter()
        .fold(STREAMS, |id, text| Uuid::new_v5(&id, text.as_bytes()))
}

/// Returns the id of a run of the whole connection. With a sync id it is the same for every attempt
/// of the platform's job; otherwise it is `random`.
#[must_use]
pub(crate) fn connection_run_id(connection_id: &str, sync_id: Option<i64>, random: Uuid) -> Uuid {
    let connection = Uuid::new_v5(&RUNS, connection_id.as_bytes());
    sync_id.map_or(random, |sync| Uuid::new_v5(&connection, sync.to_string().as_bytes()))
}

/// Returns the id of one stream in one run: the UUIDv5 of the stream id's text, in the run's id.
#[must_use]
pub(crate) fn stream_run_id(connection_run: Uuid, stream_id: Uuid) -> Uuid {
    Uuid::new_v5(&connection_run, stream_id.to_string().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONNECTION: &str = "f52c7268-2359-567a-f5e8-83c536cb4de8";

    #[test]
    fn ids_never_change() {
        let named = |namespace, name: &str| {
            stream_id(CONNECTION, &StreamDescriptor::new(namespace, name)).to_string()
        };
        let run = connection_run_id(CONNECTION, Some(42), Uuid::nil());
        let golden = [
            (
                connection_id(None, None, "my-bucket").unwrap(),
                "1edeea9d-6237-5ad6-8766-71443f32aac2",
            ),
            (named(None, "users"), "af8343fb-c2eb-5153-9663-df2f303a2538"),
            (named(Some("public"), "users"), "10fd9c8a-fa9f-5b4f-80bc-b5d5b9e44bf6"),
            (named(Some("öffentlich"), "nutzer 🙂"), "d45439ba-ae05-5e8f-8881-05131bcd4434"),
            (run.to_string(), "ab05d7fc-3248-5aae-bfe3-2094f2542d41"),
            (
                stream_run_id(run, Uuid::from_u128(7)).to_string(),
                "94eafbb2-9ae7-53a5-b1c1-e404fa075197",
            ),
        ];
        for (id, expected) in golden {
            assert_eq!(id, expected);
        }
    }

    #[test]
    fn the_setting_wins_over_the_environment_over_the_bucket() {
        assert_eq!(connection_id(Some("a"), Some("b"), "c").as_deref(), Ok("a"));
        assert_eq!(connection_id(None, Some("b"), "c").as_deref(), Ok("b"));
        assert_ne!(connection_id(None, None, "c"), connection_id(None, None, "d"));
        // A wrong id is an error, even if the next source has a valid one.
        assert_eq!(connection_id(Some(""), Some("b"), "c"), Err(IdError::Config));
        assert_eq!(connection_id(None, Some("a/b"), "c"), Err(IdError::Environment));
    }

    #[test]
    fn only_text_that_needs_no_encoding_is_an_id() {
        let longest = "x".repeat(128);
        for id in [CONNECTION, "A.b_c-9", "...", &longest] {
            assert_eq!(connection_id(Some(id), None, "b").as_deref(), Ok(id));
        }
        let too_long = "x".repeat(129);
        for id in ["", ".", "..", "a b", "a/b", "{year}", "é", "a\n", &too_long] {
            assert_eq!(connection_id(Some(id), None, "b"), Err(IdError::Config), "{id:?}");
        }
    }

    #[test]
    fn names_that_read_alike_when_joined_have_different_ids() {
        let pairs = [(Some("a"), "b.c"), (Some("a.b"), "c"), (None, "a.b.c"), (Some("a.b.c"), "")];
        let ids: std::collections::HashSet<_> = pairs
            .iter()
            .map(|(namespace, name)| stream_id("x", &StreamDescriptor::new(*namespace, *name)))
            .collect();
        assert_eq!(ids.len(), pairs.len());
        let random = Uuid::from_u128(9);
        assert_eq!(connection_run_id("x", None, random), random);
        assert_ne!(
            connection_run_id("x", Some(1), random),
            connection_run_id("y", Some(1), random)
        );
    }
}

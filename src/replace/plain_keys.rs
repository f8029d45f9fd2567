//! The objects under plain keys, which are dealt with last: pure.
//!
//! [`PlainKeys`], which is shown every object of a stream -> the [`FinalStep`]s.
//!
//! A fixed key (`users.csv`) is taken by an old object while its replacement is written, so the new
//! object gets a numbered key (`users_2.csv`). When everything else is done, the new object moves
//! to the plain key:
//!
//! | the plain key has | the lowest numbered key has | final step |
//! |---|---|---|
//! | an old object | a new object | copy the new one over the old one, delete the numbered key |
//! | nothing, or an object that is not the stream's | a new object | the same, if the key is still free then |
//! | an old object | nothing | delete the old one |
//! | a new object | the same object | an earlier run has copied it: delete the numbered key |
//! | a new object | another object, or nothing | none |
//! | an object that could not be read | anything | none: it may be the new one |

use std::collections::{BTreeMap, BTreeSet};

use super::plan::Fate;
use crate::key::KeyStem;

/// The plain keys of one stream, and what was found at them and at their numbered keys.
#[derive(Debug, Default)]
pub(super) struct PlainKeys {
    found: BTreeMap<String, Found>,
    /// Plain keys that have an object which could not be read, at them or at a numbered key.
    unclear: BTreeSet<String>,
}

/// What was found for one plain key.
#[derive(Debug, Default)]
struct Found {
    /// The object of the stream at the plain key.
    plain: Option<PlainObject>,
    /// The new object with the lowest numbered key: number, key, token.
    numbered: Option<(u32, String, String)>,
}

/// An object of the stream at a plain key, by its token.
#[derive(Debug)]
enum PlainObject {
    Old(String),
    New(String),
}

/// What is left to do for one plain key when everything else is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FinalStep {
    /// Copy the object with this token from one key over the other, then delete it at the first.
    /// `to` must have the object with the token `over`, or none.
    Move { from: String, to: String, token: String, over: Option<String> },
    /// Delete the object with this token.
    Delete { key: String, token: String },
}

impl PlainKeys {
    /// Records an object of the stream. Returns whether it is left for the final steps.
    pub(super) fn record(
        &mut self,
        stems: &BTreeSet<KeyStem>,
        key: &str,
        token: &str,
        fate: Fate,
    ) -> bool {
        for stem in stems {
            if let Some(number) = stem.number_of(key).filter(|_| fate == Fate::Keep)
                && let Some(plain) = stem.plain_name_of(key)
            {
                let numbered = &mut self.found.entry(plain).or_default().numbered;
                let found = (number, key.to_owned(), token.to_owned());
                *numbered = Some(numbered.take().map_or(found.clone(), |other| other.min(found)));
                return true;
            }
            if stem.has_plain_name(key) {
                let object = match fate {
                    Fate::Remove => PlainObject::Old(token.to_owned()),
                    Fate::Keep => PlainObject::New(token.to_owned()),
                };
                self.found.entry(key.to_owned()).or_default().plain = Some(object);
                return true;
            }
        }
        false
    }

    /// Records an object that could not be read. Its plain key stays as it is: the object may be
    /// the new one.
    pub(super) fn mark_unclear(&mut self, stems: &BTreeSet<KeyStem>, key: &str) {
        for stem in stems {
            let plain = stem.has_plain_name(key).then(|| key.to_owned());
            self.unclear.extend(plain.or_else(|| stem.plain_name_of(key)));
        }
    }

    pub(super) fn final_steps(self) -> Vec<FinalStep> {
        let Self { found, unclear } = self;
        let step = |(plain_key, found): (String, Found)| match (found.plain, found.numbered) {
            (Some(PlainObject::Old(over)), Some((_, from, token))) => {
                Some(FinalStep::Move { from, to: plain_key, token, over: Some(over) })
            }
            (None, Some((_, from, token))) => {
                Some(FinalStep::Move { from, to: plain_key, token, over: None })
            }
            (Some(PlainObject::Old(token)), None) => {
                Some(FinalStep::Delete { key: plain_key, token })
            }
            (Some(PlainObject::New(token)), Some((_, key, same))) if token == same => {
                Some(FinalStep::Delete { key, token })
            }
            (Some(PlainObject::New(_)) | None, _) => None,
        };
        found.into_iter().filter(|(key, _)| !unclear.contains(key)).filter_map(step).collect()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::key::{FileValues, KeyTemplate, RunValues, StreamValues};
    use crate::model::StreamDescriptor;

    #[test]
    fn a_plain_key_with_an_object_that_could_not_be_read_stays_as_it_is() {
        let stems = BTreeSet::from([stem("{stream_name}.csv")]);
        for (missed, steps) in [("users_2.csv", 0), ("users.csv", 0), ("users.csv.bak", 1)] {
            let mut keys = PlainKeys::default();
            keys.mark_unclear(&stems, missed);
            keys.record(&stems, "users.csv", "o", Fate::Remove);
            assert_eq!(keys.final_steps().len(), steps, "{missed}");
        }
    }

    fn stem(template: &str) -> KeyStem {
        let id = Uuid::nil();
        let run = RunValues {
            extension: "csv",
            started_at: chrono::DateTime::UNIX_EPOCH.with_timezone(&chrono_tz::UTC),
            connection_id: "c".to_owned(),
            connection_run_id: id,
            sync_id: 0,
        };
        let stream = StreamValues {
            descriptor: StreamDescriptor::new(None, "users"),
            stream_id: id,
            stream_run_id: id,
            generation_id: None,
        };
        let template = KeyTemplate::parse(template).unwrap();
        template.stem(&run, &stream, &FileValues { cursor: None, uuid: id }).unwrap()
    }

    #[test]
    fn the_plain_key_is_dealt_with_last() {
        use Fate::{Keep, Remove};
        type Seen<'a> = &'a [(&'a str, &'a str, Fate, bool)];
        let moved = |from: &str, over: Option<&str>| FinalStep::Move {
            from: from.to_owned(),
            to: "users.csv".to_owned(),
            token: "n".to_owned(),
            over: over.map(str::to_owned),
        };
        let deleted = |key: &str, token: &str| FinalStep::Delete {
            key: key.to_owned(),
            token: token.to_owned(),
        };
        let table: &[(&str, Seen<'_>, &[FinalStep])] = &[
            (
                "{stream_name}.csv",
                &[("users.csv", "o", Remove, true), ("users_2.csv", "n", Keep, true)],
                &[moved("users_2.csv", Some("o"))],
            ),
            (
                "{stream_name}.csv",
                &[
                    ("users_10.csv", "x", Keep, true),
                    ("users_9.csv", "n", Keep, true),
                    ("users.csv", "o", Remove, true),
                    ("users_3.csv", "o", Remove, false),
                ],
                &[moved("users_9.csv", Some("o"))],
            ),
            (
                "{stream_name}.csv",
                &[("users.csv", "o", Remove, true)],
                &[deleted("users.csv", "o")],
            ),
            (
                "{stream_name}.csv",
                &[("users.csv", "n", Keep, true), ("users_2.csv", "x", Keep, true)],
                &[],
            ),
            (
                "{stream_name}.csv",
                &[("users_2.csv", "n", Keep, true), ("users.csv", "n", Keep, true)],
                &[deleted("users_2.csv", "n")],
            ),
            (
                "{stream_name}.csv",
                &[("users_2.csv", "n", Keep, true)],
                &[moved("users_2.csv", None)],
            ),
            (
                "{stream_name}_{part}.csv",
                &[("users_0.csv", "o", Remove, false), ("users_1.csv", "n", Keep, false)],
                &[],
            ),
        ];
        for (template, seen, steps) in table {
            let mut keys = PlainKeys::default();
            let stems = BTreeSet::from([stem(template)]);
            for (key, token, fate, left) in *seen {
                assert_eq!(keys.record(&stems, key, token, *fate), *left, "{template} {key}");
            }
            assert_eq!(&keys.final_steps(), steps, "{template} {seen:?}");
        }
    }
}

//! Which objects go: pure.
//!
//! A [`Replacement`] and what is known of an object (first its key, then its metadata) ->
//! [`Verdict`]. [`PlainNames`], told of every object of a stream -> the [`LastStep`]s.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::key::KeyStem;
use crate::model::StreamDescriptor;
use crate::protocol::catalog::OldObjects;
use crate::provenance::{self, Owner};
use crate::store::StoredObject;

/// A stream whose objects of earlier runs go.
#[derive(Clone, Debug)]
pub struct Replacement {
    /// Its name, for messages.
    pub descriptor: StreamDescriptor,
    /// What its objects say about whose they are.
    pub owner: Owner,
    /// Which of them go.
    pub rule: OldObjects,
    /// What all its keys begin with.
    pub prefix: String,
    /// Texts of which at least one is in each of its keys: spares looking at the objects of other
    /// streams.
    pub marks: Vec<String>,
    /// Names whose plain form may be held by an old object while a new one lies beside it.
    pub stems: BTreeSet<KeyStem>,
    /// The process whose objects are new.
    pub attempt_id: Uuid,
}

/// What becomes of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is not the stream's.
    NotOurs,
    /// It has no metadata of ours at all: another program's, or the store has lost the metadata.
    Unmarked,
    /// It is a copy of an object of the stream that kept its metadata: somebody's archive.
    Copy,
    Keep,
    Remove,
}

impl Replacement {
    /// Whether an object with this key may be the stream's, so that its metadata is worth a look.
    pub(super) fn may_own(&self, key: &str) -> bool {
        key.starts_with(&self.prefix) && self.marks.iter().any(|mark| key.contains(mark))
    }

    /// What becomes of the object at `key`, which may be the stream's.
    pub(super) fn verdict(&self, key: &str, object: &StoredObject) -> Verdict {
        let value = |name: &str| object.get(name);
        if object.token().is_none() {
            // Some programs make an empty object for each folder.
            let names_the_stream = !self.marks.iter().any(String::is_empty);
            let is_unmarked =
                names_the_stream && provenance::is_absent(value) && !key.ends_with('/');
            return if is_unmarked { Verdict::Unmarked } else { Verdict::NotOurs };
        }
        if !self.owner.owns(value) {
            return Verdict::NotOurs;
        }
        if !object.was_written_to(key) {
            return Verdict::Copy;
        }
        let goes = match self.rule {
            OldObjects::Keep => false,
            // An object without a generation is older than all generations.
            OldObjects::RemoveOlderThan(minimum) => {
                provenance::generation(value).is_none_or(|generation| generation < minimum)
            }
            OldObjects::RemoveOthers => provenance::attempt(value) != Some(self.attempt_id),
        };
        if goes { Verdict::Remove } else { Verdict::Keep }
    }
}

/// What one listing is for. No key is in the listings of two groups.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Group<'a> {
    /// What is listed.
    pub(super) prefix: &'a str,
    /// Those of the replacements, by their positions, whose keys all begin with it.
    pub(super) members: Vec<usize>,
}

/// The least number of listings that together show what all of `replacements` may own.
pub(super) fn groups(replacements: &[Replacement]) -> Vec<Group<'_>> {
    let mut sorted: Vec<_> =
        replacements.iter().map(|one| one.prefix.as_str()).enumerate().collect();
    sorted.sort_unstable_by_key(|(_, prefix)| *prefix);
    let mut groups: Vec<Group<'_>> = Vec::new();
    // In this order a prefix comes right before all that begin with it.
    for (member, prefix) in sorted {
        match groups.last_mut() {
            Some(group) if prefix.starts_with(group.prefix) => group.members.push(member),
            Some(_) | None => groups.push(Group { prefix, members: vec![member] }),
        }
    }
    groups
}

/// Plain names of one stream, and what was found under and beside them.
#[derive(Debug, Default)]
pub(super) struct PlainNames {
    found: BTreeMap<String, Found>,
    /// Names that an object belongs to which could not be looked at.
    unclear: BTreeSet<String>,
}

#[derive(Debug, Default)]
struct Found {
    /// What holds the plain name, if anything does.
    plain: Option<Plain>,
    /// Of the objects beside it that stay, the one with the lowest number: number, key, token.
    renamed: Option<(u32, String, String)>,
}

#[derive(Debug)]
enum Plain {
    /// An object of the stream that goes, by its token.
    Old(String),
    /// One that stays.
    New(String),
    /// One that is not the stream's.
    Foreign,
}

/// What is left to do for one plain name when everything else is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LastStep {
    /// Copy the object with this token from one key over the other, then delete it where it was.
    /// What is found at `to` must be the object with the token `over`, or nothing.
    Move { from: String, to: String, token: String, over: Option<String> },
    /// Delete the object with this token.
    Delete { key: String, token: String },
}

impl PlainNames {
    /// Takes note of an object that may be the stream's. Says whether it is to be left for the last
    /// steps.
    pub(super) fn see(
        &mut self,
        stems: &BTreeSet<KeyStem>,
        key: &str,
        token: &str,
        verdict: Verdict,
    ) -> bool {
        for stem in stems {
            if let Some(number) = stem.number_of(key).filter(|_| verdict == Verdict::Keep)
                && let Some(plain) = stem.plain_name_of(key)
            {
                let renamed = &mut self.found.entry(plain).or_default().renamed;
                let found = (number, key.to_owned(), token.to_owned());
                *renamed = Some(renamed.take().map_or(found.clone(), |other| other.min(found)));
                return true;
            }
            if stem.has_plain_name(key) {
                let plain = match verdict {
                    Verdict::Remove => Plain::Old(token.to_owned()),
                    Verdict::Keep => Plain::New(token.to_owned()),
                    Verdict::NotOurs | Verdict::Unmarked | Verdict::Copy => Plain::Foreign,
                };
                self.found.entry(key.to_owned()).or_default().plain = Some(plain);
                return true;
            }
        }
        false
    }

    /// Takes note of an object that nobody could look at. Its plain name stays as it is: the object
    /// may be the new one.
    pub(super) fn mark_unclear(&mut self, stems: &BTreeSet<KeyStem>, key: &str) {
        for stem in stems {
            let plain = stem.has_plain_name(key).then(|| key.to_owned());
            self.unclear.extend(plain.or_else(|| stem.plain_name_of(key)));
        }
    }

    pub(super) fn last_steps(self) -> Vec<LastStep> {
        let Self { found, unclear } = self;
        let step = |(name, found): (String, Found)| match (found.plain, found.renamed) {
            (Some(Plain::Old(over)), Some((_, from, token))) => {
                Some(LastStep::Move { from, to: name, token, over: Some(over) })
            }
            // Whoever held the name has left it.
            (None, Some((_, from, token))) => {
                Some(LastStep::Move { from, to: name, token, over: None })
            }
            (Some(Plain::Old(token)), None) => Some(LastStep::Delete { key: name, token }),
            // An earlier run copied it there and did not come to delete it here.
            (Some(Plain::New(token)), Some((_, key, same))) if token == same => {
                Some(LastStep::Delete { key, token })
            }
            (Some(Plain::New(_) | Plain::Foreign) | None, _) => None,
        };
        found.into_iter().filter(|(name, _)| !unclear.contains(name)).filter_map(step).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{FileValues, KeyTemplate, RunValues, StreamValues};

    const NEW: Uuid = Uuid::from_u128(1);
    const OLD: Uuid = Uuid::from_u128(2);

    fn replacement(rule: OldObjects) -> Replacement {
        let descriptor = StreamDescriptor::new(Some("crm"), "users");
        Replacement {
            owner: Owner::new(&descriptor, "c"),
            descriptor,
            rule,
            prefix: "raw/users".to_owned(),
            marks: vec!["users".to_owned()],
            stems: BTreeSet::new(),
            attempt_id: NEW,
        }
    }

    fn object(
        generation: Option<&str>,
        attempt: Uuid,
        change: &[(&str, Option<&str>)],
    ) -> StoredObject {
        let attempt = attempt.to_string();
        let mut metadata = vec![
            ("destination-s3-token", Some("t")),
            ("stream", Some("users")),
            ("namespace", Some("crm")),
            ("connection-id", Some("c")),
            ("attempt-id", Some(attempt.as_str())),
            ("generation-id", generation),
        ];
        for (name, value) in change {
            metadata.retain(|(other, _)| other != name);
            metadata.push((name, *value));
        }
        let metadata: Vec<_> =
            metadata.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        StoredObject::for_test(&metadata)
    }

    #[test]
    fn the_generation_or_the_attempt_decides_and_only_over_objects_of_the_stream() {
        use OldObjects::{Keep, RemoveOlderThan, RemoveOthers};
        let table: &[(OldObjects, Option<&str>, Uuid, Verdict)] = &[
            (RemoveOlderThan(7), Some("6"), OLD, Verdict::Remove),
            (RemoveOlderThan(7), None, OLD, Verdict::Remove),
            (RemoveOlderThan(7), Some("7"), OLD, Verdict::Keep),
            (RemoveOlderThan(7), Some("8"), OLD, Verdict::Keep),
            (RemoveOlderThan(7), Some("7"), NEW, Verdict::Keep),
            (RemoveOthers, Some("7"), OLD, Verdict::Remove),
            (RemoveOthers, None, OLD, Verdict::Remove),
            (RemoveOthers, Some("7"), NEW, Verdict::Keep),
            (Keep, None, OLD, Verdict::Keep),
        ];
        let others: &[&[(&str, Option<&str>)]] = &[
            &[("stream", Some("user"))],
            &[("stream", None)],
            &[("namespace", None)],
            &[("namespace", Some("CRM"))],
            &[("connection-id", Some("d"))],
            &[("connection-id", None)],
            &[("destination-s3-token", None)],
        ];
        for (rule, generation, attempt, expected) in table {
            let replacement = replacement(*rule);
            let verdict = |key: &str, change: &[(&str, Option<&str>)]| {
                replacement.verdict(key, &object(*generation, *attempt, change))
            };
            assert_eq!(verdict("raw/users.csv", &[]), *expected, "{rule:?}");
            for change in others {
                assert_eq!(verdict("raw/users.csv", change), Verdict::NotOurs, "{change:?}");
            }
            let hash = [("key-hash", Some("of another key"))];
            assert_eq!(verdict("raw/users.csv", &hash), Verdict::Copy);
        }
        let bare = StoredObject::for_test(&[("owner", "somebody")]);
        let replacement = replacement(RemoveOthers);
        assert_eq!(replacement.verdict("raw/users.csv", &bare), Verdict::Unmarked);
        assert_eq!(
            replacement.verdict("raw/users/", &bare),
            Verdict::NotOurs,
            "a folder of a console"
        );
    }

    /// As S3 itself would show it: `printf %s raw/users.csv | sha256sum`.
    #[test]
    fn an_object_is_ours_only_under_the_key_that_it_was_written_to() {
        let hash = "359bbab3b928ce0a6df7f0d2997ef454bebad95e35cbd17387e36e3d813790d2";
        let ours = object(None, OLD, &[("key-hash", Some(hash))]);
        let replacement = replacement(OldObjects::RemoveOthers);
        assert_eq!(replacement.verdict("raw/users.csv", &ours), Verdict::Remove);
        assert_eq!(replacement.verdict("raw/users_2.csv", &ours), Verdict::Copy);
        assert_eq!(replacement.verdict("raw/users/archive/users.csv", &ours), Verdict::Copy);
    }

    #[test]
    fn nothing_is_listed_twice_and_nothing_is_left_out() {
        let with = |prefix: &str| Replacement {
            prefix: prefix.to_owned(),
            ..replacement(OldObjects::RemoveOthers)
        };
        let list = ["raw/users", "raw/", "a", "raw/orders", "ab", "b/c", "raw/"].map(with);
        let group =
            |prefix: &'static str, members: &[usize]| Group { prefix, members: members.to_vec() };
        let mut found = groups(&list);
        found.iter_mut().for_each(|group| group.members.sort_unstable());
        assert_eq!(found, [group("a", &[2, 4]), group("b/c", &[5]), group("raw/", &[0, 1, 3, 6])]);
        let all = ["x", "", "y"].map(with);
        assert_eq!(groups(&all), [group("", &[1, 0, 2])]);
        let users = with("raw/users");
        let keys = [
            ("raw/users.csv", true),
            ("raw/users_2.csv", true),
            ("raw/user.csv", false),
            ("users.csv", false),
        ];
        for (key, expected) in keys {
            assert_eq!(users.may_own(key), expected, "{key}");
        }
    }

    #[test]
    fn a_name_with_an_object_that_could_not_be_looked_at_stays_as_it_is() {
        let stems = BTreeSet::from([stem("{stream_name}.csv")]);
        for (missed, steps) in [("users_2.csv", 0), ("users.csv", 0), ("users.csv.bak", 1)] {
            let mut names = PlainNames::default();
            names.mark_unclear(&stems, missed);
            names.see(&stems, "users.csv", "o", Verdict::Remove);
            assert_eq!(names.last_steps().len(), steps, "{missed}");
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
    fn the_plain_name_is_dealt_with_last() {
        use Verdict::{Keep, NotOurs, Remove};
        type Seen<'a> = &'a [(&'a str, &'a str, Verdict, bool)];
        let moved = |from: &str, over: Option<&str>| LastStep::Move {
            from: from.to_owned(),
            to: "users.csv".to_owned(),
            token: "n".to_owned(),
            over: over.map(str::to_owned),
        };
        let deleted = |key: &str, token: &str| LastStep::Delete {
            key: key.to_owned(),
            token: token.to_owned(),
        };
        let table: &[(&str, Seen<'_>, &[LastStep])] = &[
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
                "{stream_name}.csv",
                &[("users.csv", "f", NotOurs, true), ("users_2.csv", "n", Keep, true)],
                &[],
            ),
            (
                "{stream_name}_{part}.csv",
                &[("users_0.csv", "o", Remove, false), ("users_1.csv", "n", Keep, false)],
                &[],
            ),
        ];
        for (template, seen, steps) in table {
            let mut names = PlainNames::default();
            let stems = BTreeSet::from([stem(template)]);
            for (key, token, verdict, left) in *seen {
                assert_eq!(names.see(&stems, key, token, *verdict), *left, "{template} {key}");
            }
            assert_eq!(&names.last_steps(), steps, "{template} {seen:?}");
        }
    }
}

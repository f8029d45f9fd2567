//! Which objects are removed: pure.
//!
//! A [`Replacement`] and what is known about an object (first its key, then its metadata) ->
//! [`Verdict`].
//!
//! Not here: objects under plain keys, which are dealt with last (`plain_keys`).

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::key::KeyStem;
use crate::model::StreamDescriptor;
use crate::protocol::catalog::OldObjects;
use crate::provenance::{self, Owner};
use crate::store::StoredObject;

/// A stream whose objects of earlier runs are removed.
#[derive(Clone, Debug)]
pub(crate) struct Replacement {
    /// Its name, for messages.
    pub descriptor: StreamDescriptor,
    /// What its objects say about their owner.
    pub owner: Owner,
    /// Which of them are removed.
    pub rule: OldObjects,
    /// What all its keys begin with.
    pub prefix: String,
    /// Each of its keys contains at least one of these texts. Objects with other keys need no HEAD.
    pub marks: Vec<String>,
    /// Stems whose plain key an old object may hold while a new object has a numbered key.
    pub stems: BTreeSet<KeyStem>,
    /// The process whose objects are new.
    pub attempt_id: Uuid,
}

/// Who owns an object, and what happens to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It does not belong to the stream.
    NotOurs,
    /// It has none of our metadata: it is another program's, or the store has lost the metadata.
    Unmarked,
    /// It is a copy of the stream's object, with the metadata of the original: an archive that
    /// someone made.
    Copy,
    /// It belongs to the stream.
    Ours(Fate),
}

/// What happens to an object of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Keep,
    Remove,
}

impl Replacement {
    /// Whether an object with this key may belong to the stream, so that its metadata must be read.
    pub(super) fn may_own(&self, key: &str) -> bool {
        key.starts_with(&self.prefix) && self.marks.iter().any(|mark| key.contains(mark))
    }

    /// Decides on the object at `key`, which may belong to the stream.
    pub(super) fn verdict(&self, key: &str, object: &StoredObject) -> Verdict {
        let value = |name: &str| object.get(name);
        if object.token().is_none() {
            // An empty mark is in every key: the key then says nothing about the stream. Keys that
            // end with `/` are empty objects that some programs create for folders.
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
        let is_old = match self.rule {
            OldObjects::Keep => false,
            // An object without a generation is older than all generations.
            OldObjects::RemoveOlderThan(minimum) => {
                provenance::generation(value).is_none_or(|generation| generation < minimum)
            }
            OldObjects::RemoveOthers => provenance::attempt(value) != Some(self.attempt_id),
        };
        Verdict::Ours(if is_old { Fate::Remove } else { Fate::Keep })
    }
}

/// One listing, and the replacements that it is for. No key is in the listings of two groups.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ListingGroup<'a> {
    /// What is listed.
    pub(super) prefix: &'a str,
    /// The replacements whose keys all begin with the prefix, by their positions.
    pub(super) members: Vec<usize>,
}

/// Returns the smallest set of listings that together cover the objects of all `replacements`.
pub(super) fn listing_groups(replacements: &[Replacement]) -> Vec<ListingGroup<'_>> {
    let mut sorted: Vec<_> =
        replacements.iter().map(|one| one.prefix.as_str()).enumerate().collect();
    sorted.sort_unstable_by_key(|(_, prefix)| *prefix);
    let mut groups: Vec<ListingGroup<'_>> = Vec::new();
    // In this order a prefix comes right before all prefixes that begin with it.
    for (member, prefix) in sorted {
        match groups.last_mut() {
            Some(group) if prefix.starts_with(group.prefix) => group.members.push(member),
            Some(_) | None => groups.push(ListingGroup { prefix, members: vec![member] }),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

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
            (RemoveOlderThan(7), Some("6"), OLD, Verdict::Ours(Fate::Remove)),
            (RemoveOlderThan(7), None, OLD, Verdict::Ours(Fate::Remove)),
            (RemoveOlderThan(7), Some("7"), OLD, Verdict::Ours(Fate::Keep)),
            (RemoveOlderThan(7), Some("8"), OLD, Verdict::Ours(Fate::Keep)),
            (RemoveOlderThan(7), Some("7"), NEW, Verdict::Ours(Fate::Keep)),
            (RemoveOthers, Some("7"), OLD, Verdict::Ours(Fate::Remove)),
            (RemoveOthers, None, OLD, Verdict::Ours(Fate::Remove)),
            (RemoveOthers, Some("7"), NEW, Verdict::Ours(Fate::Keep)),
            (Keep, None, OLD, Verdict::Ours(Fate::Keep)),
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

    /// As S3 shows it: `printf %s raw/users.csv | sha256sum`.
    #[test]
    fn an_object_is_ours_only_under_the_key_that_it_was_written_to() {
        let hash = "359bbab3b928ce0a6df7f0d2997ef454bebad95e35cbd17387e36e3d813790d2";
        let ours = object(None, OLD, &[("key-hash", Some(hash))]);
        let replacement = replacement(OldObjects::RemoveOthers);
        assert_eq!(replacement.verdict("raw/users.csv", &ours), Verdict::Ours(Fate::Remove));
        assert_eq!(replacement.verdict("raw/users_2.csv", &ours), Verdict::Copy);
        assert_eq!(replacement.verdict("raw/users/archive/users.csv", &ours), Verdict::Copy);
    }

    #[test]
    fn no_key_is_listed_twice_and_none_is_left_out() {
        let with = |prefix: &str| Replacement {
            prefix: prefix.to_owned(),
            ..replacement(OldObjects::RemoveOthers)
        };
        let list = ["raw/users", "raw/", "a", "raw/orders", "ab", "b/c", "raw/"].map(with);
        let group = |prefix: &'static str, members: &[usize]| ListingGroup {
            prefix,
            members: members.to_vec(),
        };
        let mut found = listing_groups(&list);
        found.iter_mut().for_each(|group| group.members.sort_unstable());
        assert_eq!(found, [group("a", &[2, 4]), group("b/c", &[5]), group("raw/", &[0, 1, 3, 6])]);
        let all = ["x", "", "y"].map(with);
        assert_eq!(listing_groups(&all), [group("", &[1, 0, 2])]);
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
}

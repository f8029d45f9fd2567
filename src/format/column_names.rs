//! What columns are called in Parquet and CSV files.
//!
//! In: the names that one level of a schema declares, in its order. Out: for each, its name in the
//! file and, if that is not the declared name, the name that caused the change. Pure.
//!
//! Most readers fold case, and some engines refuse certain names: Delta (without column mapping)
//! refuses ` ,;{}()\n\t=`, Hive refuses the same and the empty name, and BigQuery by default takes
//! only letters, digits and underscores.
//!
//! Invariants
//! - Within a level all names of the file differ, also for a reader that folds case.
//! - Of declared names that differ only in case, the last by code points keeps its name, which is
//!   the one in lower case. The order of the schema does not matter, because a source may change
//!   it.
//! - A declared name is only changed because of another declared name or a column of ours, never
//!   because of an appended suffix: suffixes avoid all names of the level.
//! - Messages are short, whatever a schema holds.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// The longest part of a name that a message repeats, in characters.
const SHOWN_CHARS: usize = 80;

/// The most names that one warning lists.
const LISTED_NAMES: usize = 10;

/// What columns of Parquet and CSV files are called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColumnNames {
    /// The names of the stream's schema.
    #[default]
    Original,
    /// Letters A to Z in both cases, digits and underscores only.
    Safe,
}

/// The characters that Delta refuses in a column's name; Hive refuses the same.
const REFUSED: [char; 11] = [' ', ',', ';', '{', '}', '(', ')', '=', '\t', '\n', '\r'];

impl ColumnNames {
    /// Returns the name in the file of a column that the schema calls `declared`. Two declared
    /// names may become one; [`file_names`] numbers them.
    #[must_use]
    pub fn in_file(self, declared: &str) -> Cow<'_, str> {
        match self {
            Self::Original => Cow::Borrowed(declared),
            Self::Safe => safe(declared),
        }
    }
}

/// Replaces every other character by an underscore. An underscore also stands before a leading
/// digit and for the empty name, because engines would want quotes around these.
fn safe(declared: &str) -> Cow<'_, str> {
    let is_safe = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let begins_well = declared.starts_with(|c: char| is_safe(c) && !c.is_ascii_digit());
    if begins_well && declared.chars().all(is_safe) {
        return Cow::Borrowed(declared);
    }
    let mut name = String::with_capacity(declared.len() + 1);
    if declared.is_empty() || declared.starts_with(|c: char| c.is_ascii_digit()) {
        name.push('_');
    }
    name.extend(declared.chars().map(|c| if is_safe(c) { c } else { '_' }));
    Cow::Owned(name)
}

/// Whether Hive, Delta or BigQuery refuse a table for a column of this name.
fn is_refused_by_engines(name: &str) -> bool {
    name.is_empty() || name.contains(REFUSED)
}

/// The name of a column or member in the file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FileName<'a> {
    /// What the file calls it.
    pub name: String,
    /// The name that it had to differ from, if it was changed.
    pub made_way_for: Option<&'a str>,
}

/// Returns the file's names for the declared names of one level. `ours` are the names of our own
/// columns in the level, which do not change.
///
/// Case is folded with Unicode's lower case, whatever the language.
#[must_use]
pub(crate) fn file_names<'a>(
    declared: &[&'a str],
    ours: &[&'a str],
    style: ColumnNames,
) -> Vec<FileName<'a>> {
    let mut holders: HashMap<String, &str> =
        ours.iter().map(|name| (name.to_lowercase(), *name)).collect();
    let mut names: Vec<FileName<'a>> = declared
        .iter()
        .map(|declared| FileName { name: style.in_file(declared).into_owned(), made_way_for: None })
        .collect();
    let mut by_rank: Vec<_> = names.iter_mut().zip(declared.iter().copied()).collect();
    by_rank.sort_by(|(_, one), (_, other)| other.cmp(one));
    for (name, declared) in &mut by_rank {
        match holders.entry(name.name.to_lowercase()) {
            Entry::Vacant(free) => {
                free.insert(declared);
            }
            Entry::Occupied(holder) => name.made_way_for = Some(*holder.get()),
        }
    }
    // The next suffix to try for each folded name. Without it a thousand spellings of one name
    // would take a million attempts.
    let mut suffixes: HashMap<String, u64> = HashMap::new();
    for (renamed, declared) in by_rank.into_iter().filter(|(name, _)| name.made_way_for.is_some()) {
        let wanted = std::mem::take(&mut renamed.name);
        let suffix = suffixes.entry(wanted.to_lowercase()).or_insert(2);
        loop {
            renamed.name = format!("{wanted}_{suffix}");
            *suffix += 1;
            if let Entry::Vacant(free) = holders.entry(renamed.name.to_lowercase()) {
                free.insert(declared);
                break;
            }
        }
    }
    names
}

impl FileName<'_> {
    /// What the user should know, as the end of a sentence that begins with `column "..."`.
    #[must_use]
    pub(crate) fn warning(&self, declared: &str) -> Option<String> {
        let other = self.made_way_for?;
        let called = format!("is called {:?} in the files", clipped(&self.name));
        Some(if other == declared {
            format!("{called}: another column has that name")
        } else if other.to_lowercase() != declared.to_lowercase() {
            format!("{called}: {:?} has the same safe name", clipped(other))
        } else {
            format!(
                "{called}: {:?} differs from it only in case, and most readers fold case",
                clipped(other)
            )
        })
    }
}

/// Returns a sentence about the names that some engines refuse, to follow the stream's name, or
/// `None` if there are no such names.
#[must_use]
pub(crate) fn refused_names<'a>(names: impl Iterator<Item = &'a str>) -> Option<String> {
    let refused: Vec<String> = names
        .filter(|name| is_refused_by_engines(name))
        .map(|name| format!("{:?}", clipped(name)))
        .collect();
    let (listed, rest) = refused.split_at(refused.len().min(LISTED_NAMES));
    let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
    (!listed.is_empty()).then(|| {
        format!(
            "Hive, Delta and BigQuery refuse column names that are empty or contain a blank, a \
             tab, a line break or one of ,;{{}}()=, such as {}{more}: if such an engine reads the \
             files, set column_names to safe",
            listed.join(", ")
        )
    })
}

/// Shortens a text for a message.
#[must_use]
pub(crate) fn clipped(text: &str) -> String {
    let mut chars = text.chars();
    let mut shown: String = chars.by_ref().take(SHOWN_CHARS).collect();
    if chars.next().is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn safe_names_have_letters_digits_and_underscores_only() {
        for (declared, expected) in [
            ("id", "id"),
            ("Total_2", "Total_2"),
            ("", "_"),
            ("a b", "a_b"),
            ("a.b", "a_b"),
            ("1st", "_1st"),
            ("été", "_t_"),
            ("日本", "__"),
            ("{x}=;", "_x___"),
            ("_airbyte_x", "_airbyte_x"),
        ] {
            assert_eq!(ColumnNames::Safe.in_file(declared), expected, "{declared:?}");
            assert_eq!(ColumnNames::Original.in_file(declared), declared);
        }
    }

    #[test]
    fn equal_safe_names_are_numbered() {
        let names = |declared: &[&'static str], ours: &[&'static str]| -> Vec<String> {
            file_names(declared, ours, ColumnNames::Safe)
                .into_iter()
                .map(|name| name.name)
                .collect()
        };
        assert_eq!(names(&["a b", "a.b", "a_b", "A B"], &[]), ["a_b_3", "a_b_2", "a_b", "A_B_4"]);
        assert_eq!(names(&["", "_", "é"], &[]), ["__3", "__2", "_"]);
        assert_eq!(names(&["_airbyte meta"], &["_airbyte_meta"]), ["_airbyte_meta_2"]);
        let twins = file_names(&["a b", "a.b"], &[], ColumnNames::Safe);
        assert_eq!(
            twins[0].warning("a b").unwrap(),
            r#"is called "a_b_2" in the files: "a.b" has the same safe name"#
        );
        assert_eq!(twins[1].warning("a.b"), None);
    }

    #[test]
    fn one_sentence_names_what_engines_refuse() {
        let names: Vec<String> = (0..13).map(|n| format!("column {n}")).collect();
        let sentence = refused_names(names.iter().map(String::as_str)).unwrap();
        assert!(
            sentence.contains("\"column 9\" and 3 more")
                && sentence.contains("column_names to safe"),
            "{sentence}"
        );
        assert_eq!(refused_names(["a", "b.c", "été"].into_iter()), None);
    }

    #[test]
    fn names_that_engines_refuse() {
        for name in ["", "a b", " a", "a,b", "a;b", "{", "}", "(", ")", "a=b", "a\tb", "a\nb"] {
            assert!(is_refused_by_engines(name), "{name:?}");
        }
        for name in ["a", "a.b", "été", "a-b", "A/B", "1st", "a:b"] {
            assert!(!is_refused_by_engines(name), "{name:?}");
        }
    }

    fn named(declared: &[&str], ours: &[&str]) -> Vec<String> {
        file_names(declared, ours, ColumnNames::Original)
            .into_iter()
            .map(|name| name.name)
            .collect()
    }

    #[test]
    fn names_that_differ_only_in_case_get_a_suffix() {
        for (declared, ours, expected) in [
            (vec![], vec![], vec![]),
            (vec!["id", "name"], vec![], vec!["id", "name"]),
            (vec!["id", "ID"], vec![], vec!["id", "ID_2"]),
            (vec!["ID", "id"], vec![], vec!["ID_2", "id"]),
            (vec!["status", "Status"], vec![], vec!["status", "Status_2"]),
            (vec!["Status", "STATUS", "status"], vec![], vec!["Status_2", "STATUS_3", "status"]),
            (vec!["Status", "STATUS"], vec![], vec!["Status", "STATUS_2"]),
            (vec!["id", "ID", "Id", "iD"], vec![], vec!["id", "ID_4", "Id_3", "iD_2"]),
            // A declared name keeps its name, before or after the one that is changed.
            (vec!["id", "ID", "ID_2"], vec![], vec!["id", "ID_3", "ID_2"]),
            (vec!["id_2", "id", "ID", "Id_3"], vec![], vec!["id_2", "id", "ID_4", "Id_3"]),
            (vec!["a", "A", "A_2", "a_2"], vec![], vec!["a", "A_3", "A_2_2", "a_2"]),
            (vec!["", "_2"], vec![], vec!["", "_2"]),
            (vec!["Ångström", "ÅNGSTRÖM"], vec![], vec!["Ångström", "ÅNGSTRÖM_2"]),
            (vec!["straße", "STRASSE", "STRAẞE"], vec![], vec!["straße", "STRASSE", "STRAẞE_2"]),
            (vec!["Имя", "имя"], vec![], vec!["Имя_2", "имя"]),
            // Columns of ours never move.
            (vec!["_AIRBYTE_META", "x"], vec!["_airbyte_meta"], vec!["_AIRBYTE_META_2", "x"]),
            (vec!["extra"], vec!["extra"], vec!["extra_2"]),
            (vec!["Extra", "extra"], vec!["extra", "EXTRA_2"], vec!["Extra_4", "extra_3"]),
        ] {
            assert_eq!(named(&declared, &ours), expected, "{declared:?} beside {ours:?}");
            // The same names, whatever the order of the schema.
            let backwards =
                |names: &[&'static str]| names.iter().rev().copied().collect::<Vec<_>>();
            assert_eq!(named(&backwards(&declared), &ours), backwards(&expected), "{declared:?}");
        }
    }

    #[test]
    fn warnings_name_the_other_column() {
        let names = file_names(&["id", "ID", "extra"], &["extra"], ColumnNames::Original);
        assert_eq!(names[0].warning("id"), None);
        assert_eq!(
            names[1].warning("ID").unwrap(),
            r#"is called "ID_2" in the files: "id" differs from it only in case, and most readers fold case"#
        );
        assert_eq!(
            names[2].warning("extra").unwrap(),
            r#"is called "extra_2" in the files: another column has that name"#
        );
    }

    #[test]
    fn thousands_of_spellings_of_one_name_take_linear_time() {
        let spellings: Vec<String> = (0..8192)
            .map(|bits: u32| {
                (0..13).map(|bit| if bits >> bit & 1 == 0 { 'x' } else { 'X' }).collect()
            })
            .collect();
        let names = named(&spellings.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
        assert_eq!(names.last().unwrap(), "XXXXXXXXXXXXX_8192");
        assert_eq!(names[0], "xxxxxxxxxxxxx");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

        #[test]
        fn no_two_names_fold_to_one(
            declared in prop::collection::vec("[aAσΣςİiß]{0,2}(_[23])?(_2)?", 0..20),
            ours in prop::collection::hash_set("[abσ]{0,2}(_[23])?", 0..4),
        ) {
            let declared: Vec<&str> = declared.iter().map(String::as_str).collect();
            let ours: Vec<&str> = ours.iter().map(String::as_str).collect();
            let names = file_names(&declared, &ours, ColumnNames::Original);
            let mut seen: HashSet<String> = ours.iter().map(|name| name.to_lowercase()).collect();
            for (at, (name, declared_name)) in names.iter().zip(&declared).enumerate() {
                prop_assert!(seen.insert(name.name.to_lowercase()), "{names:?}");
                let folded = declared_name.to_lowercase();
                let before = declared.iter().enumerate().filter(|(place, other)| {
                    *other > declared_name || (*other == declared_name && *place < at)
                });
                let taken = ours
                    .iter()
                    .chain(before.map(|(_, other)| other))
                    .any(|other| other.to_lowercase() == folded);
                prop_assert_eq!(taken, name.made_way_for.is_some());
                prop_assert_eq!(!taken, name.name == *declared_name);
            }
        }
    }
}

//! The names of columns: in a file, and in what the user is told about them.
//!
//! In: the names that one level of a schema declares, in its order. Out: one name each for the file, and which other
//! name it had to make way for. Besides, sentences about columns at any level become the stream's [`Warnings`].
//!
//! Invariants
//! - Within a level no two names of the file are the same to a reader that folds case.
//! - Of declared names that a reader which folds case cannot tell apart, the last by code points keeps its own: the one
//!   in lower case. The order of a schema decides nothing: it may be another one tomorrow.
//! - A name is only changed if such a name, or a column of ours, has it. No declared name is ever changed because an
//!   appended suffix took its place: suffixes go around all names that are declared.
//! - Messages are short, whatever a schema holds.
//!
//! Not here: which properties become columns, and the walk through the levels (`schema`).

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::fmt;

/// The longest part of somebody else's text that a message repeats, in characters.
const SHOWN_CHARS: usize = 80;

/// How many warnings a stream gives one by one.
const MAX_WARNINGS: usize = 20;

/// The name of a column or member in the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FileName<'a> {
    /// What the file calls it.
    pub(super) name: String,
    /// The name that has its place, if the name had to be changed.
    pub(super) made_way_for: Option<&'a str>,
}

/// The file's names for the names of one level. `ours` stand in the same level and keep theirs.
///
/// Folding is Unicode's lower-casing, whatever the language.
pub(super) fn file_names<'a>(declared: &[&'a str], ours: &[&'a str]) -> Vec<FileName<'a>> {
    let mut holders: HashMap<String, &str> = ours.iter().map(|name| (name.to_lowercase(), *name)).collect();
    let mut names: Vec<FileName<'a>> = declared
        .iter()
        .map(|declared| FileName { name: (*declared).to_owned(), made_way_for: None })
        .collect();
    let mut by_rank: Vec<_> = names.iter_mut().zip(declared.iter().copied()).collect();
    by_rank.sort_by(|(_, one), (_, other)| other.cmp(one));
    for (name, declared) in &mut by_rank {
        match holders.entry(declared.to_lowercase()) {
            Entry::Vacant(free) => {
                free.insert(declared);
            }
            Entry::Occupied(holder) => name.made_way_for = Some(*holder.get()),
        }
    }
    // Where the search for a folded name's suffix goes on: a thousand spellings of one name must not cost a million.
    let mut suffixes: HashMap<String, u64> = HashMap::new();
    for (renamed, declared) in by_rank.into_iter().filter(|(name, _)| name.made_way_for.is_some()) {
        let suffix = suffixes.entry(declared.to_lowercase()).or_insert(2);
        loop {
            renamed.name = format!("{declared}_{suffix}");
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
    /// What the user should know, to go behind `column "..."`.
    pub(super) fn warning(&self, declared: &str) -> Option<String> {
        let other = self.made_way_for?;
        let called = format!("is called {:?} in the files", clipped(&self.name));
        Some(if other == declared {
            format!("{called}: another column has that name")
        } else {
            format!("{called}: {:?} differs from it only in case, and most readers fold case", clipped(other))
        })
    }
}

/// Where a column, member or element stands in the schema.
#[derive(Clone, Copy, Debug)]
pub(super) enum Path<'a> {
    /// A column of the file.
    Column(&'a str),
    /// A member of a struct.
    Member(&'a Path<'a>, &'a str),
    /// The elements of a list.
    Element(&'a Path<'a>),
}

impl<'a> Path<'a> {
    /// The way to a property: a column if there is nothing around it.
    pub(super) fn of(around: Option<&'a Path<'a>>, name: &'a str) -> Self {
        match around {
            Some(around) => Self::Member(around, name),
            None => Self::Column(name),
        }
    }
}

impl fmt::Display for Path<'_> {
    /// Dotted, with `[]` for elements: `orders[].price`. Long names are cut.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Column(name) => f.write_str(&clipped(name)),
            Self::Member(around, name) => write!(f, "{around}.{}", clipped(name)),
            Self::Element(list) => write!(f, "{list}[]"),
        }
    }
}

/// What the user should know about the columns of one stream, in the schema's order.
#[derive(Debug, Default)]
pub(super) struct Warnings {
    /// The path and what is said of it.
    entries: Vec<(String, String)>,
}

impl Warnings {
    /// `says` goes behind `column "..."`.
    pub(super) fn add(&mut self, path: &Path<'_>, says: String) {
        self.entries.push((path.to_string(), says));
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Takes back what was added since there were `len`.
    pub(super) fn truncate(&mut self, len: usize) {
        self.entries.truncate(len);
    }

    /// Takes out what was added since there were `len`.
    pub(super) fn split_off(&mut self, len: usize) -> Self {
        Self { entries: self.entries.split_off(len.min(self.entries.len())) }
    }

    /// Adds what was taken out.
    pub(super) fn append(&mut self, mut others: Self) {
        self.entries.append(&mut others.entries);
    }

    /// One sentence each, up to a bound; then one that says how many more columns there are.
    pub(super) fn sentences(&self) -> Vec<String> {
        let (shown, rest) = self.entries.split_at(self.entries.len().min(MAX_WARNINGS));
        let mut sentences: Vec<String> =
            shown.iter().map(|(path, says)| format!("column {path:?} {says}")).collect();
        match rest.iter().map(|(path, _)| path).collect::<HashSet<_>>().len() {
            0 => {}
            1 => sentences.push("and 1 more column".to_owned()),
            more => sentences.push(format!("and {more} more columns")),
        }
        sentences
    }
}

/// A text for a message: the whole, or its beginning.
pub(super) fn clipped(text: &str) -> String {
    let mut chars = text.chars();
    let mut shown: String = chars.by_ref().take(SHOWN_CHARS).collect();
    if chars.next().is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn named(declared: &[&str], ours: &[&str]) -> Vec<String> {
        file_names(declared, ours).into_iter().map(|name| name.name).collect()
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
            // A declared name keeps its place, before or behind the name that is changed.
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
            let backwards = |names: &[&'static str]| names.iter().rev().copied().collect::<Vec<_>>();
            assert_eq!(named(&backwards(&declared), &ours), backwards(&expected), "{declared:?}");
        }
    }

    #[test]
    fn warnings_name_the_other_column() {
        let names = file_names(&["id", "ID", "extra"], &["extra"]);
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
    fn paths_are_dotted_and_bounded() {
        let long = "ü".repeat(1000);
        let column = Path::of(None, "orders");
        let element = Path::Element(&column);
        let member = Path::of(Some(&element), &long);
        assert_eq!(member.to_string(), format!("orders[].{}…", "ü".repeat(80)));
    }

    #[test]
    fn thousands_of_spellings_of_one_name_are_no_trouble() {
        let spellings: Vec<String> = (0..8192)
            .map(|bits: u32| (0..13).map(|bit| if bits >> bit & 1 == 0 { 'x' } else { 'X' }).collect())
            .collect();
        let names = named(&spellings.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
        assert_eq!(names.last().unwrap(), "XXXXXXXXXXXXX_8192");
        assert_eq!(names[0], "xxxxxxxxxxxxx");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 500, ..ProptestConfig::default() })]

        #[test]
        fn no_two_names_fold_to_one(
            declared in prop::collection::vec("[aAσΣςİiß]{0,2}(_[23])?(_2)?", 0..20),
            ours in prop::collection::hash_set("[abσ]{0,2}(_[23])?", 0..4),
        ) {
            let declared: Vec<&str> = declared.iter().map(String::as_str).collect();
            let ours: Vec<&str> = ours.iter().map(String::as_str).collect();
            let names = file_names(&declared, &ours);
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

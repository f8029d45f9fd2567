//! What the user is told about the columns of a stream, and where in the schema they stand.
//!
//! Sentences about columns at any level become the stream's [`Warnings`].
//!
//! Invariants
//! - Messages are short, whatever a schema holds.
//!
//! Not here: what columns are called in files (`format::column_names`), which properties become
//! columns and the walk through the levels (`schema`).

use std::collections::HashSet;
use std::fmt;

pub(crate) use crate::format::column_names::{clipped, file_names};

/// How many warnings a stream gives one by one.
const MAX_WARNINGS: usize = 20;

/// Where a column, member or element stands in the schema.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Path<'a> {
    /// A column of the file.
    Column(&'a str),
    /// A member of a struct.
    Member(&'a Path<'a>, &'a str),
    /// The elements of a list.
    Element(&'a Path<'a>),
}

impl<'a> Path<'a> {
    /// The way to a property: a column if there is nothing around it.
    pub(crate) fn of(around: Option<&'a Path<'a>>, name: &'a str) -> Self {
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
pub(crate) struct Warnings {
    /// The path and what is said of it.
    entries: Vec<(String, String)>,
}

impl Warnings {
    /// `says` goes behind `column "..."`.
    pub(crate) fn add(&mut self, path: &Path<'_>, says: String) {
        self.entries.push((path.to_string(), says));
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Takes back what was added since there were `len`.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.entries.truncate(len);
    }

    /// Takes out what was added since there were `len`.
    pub(crate) fn split_off(&mut self, len: usize) -> Self {
        Self { entries: self.entries.split_off(len.min(self.entries.len())) }
    }

    /// Adds what was taken out.
    pub(crate) fn append(&mut self, mut others: Self) {
        self.entries.append(&mut others.entries);
    }

    /// One sentence each, up to a bound; then one that says how many more columns there are.
    pub(crate) fn sentences(&self) -> Vec<String> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_dotted_and_bounded() {
        let long = "ü".repeat(1000);
        let column = Path::of(None, "orders");
        let element = Path::Element(&column);
        let member = Path::of(Some(&element), &long);
        assert_eq!(member.to_string(), format!("orders[].{}…", "ü".repeat(80)));
    }
}

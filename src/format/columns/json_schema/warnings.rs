//! Warnings about the columns of a stream, with the path of each column in the schema.
//!
//! Invariants
//! - Messages are short, whatever a schema holds.
//!
//! Not here: the names of columns in files (`format::column_names`).

use std::collections::HashSet;
use std::fmt;

use crate::format::column_names::clipped;

/// How many warnings of a stream are written one by one.
const MAX_WARNINGS: usize = 20;

/// Where a column, member or element is in the schema.
#[derive(Clone, Copy, Debug)]
pub(super) enum SchemaPath<'a> {
    /// A column of the file.
    Column(&'a str),
    /// A member of a struct.
    Member(&'a SchemaPath<'a>, &'a str),
    /// The elements of a list.
    Element(&'a SchemaPath<'a>),
}

impl<'a> SchemaPath<'a> {
    /// The path of a property: a member, or a column if nothing is around it.
    pub(super) fn of(around: Option<&'a SchemaPath<'a>>, name: &'a str) -> Self {
        match around {
            Some(around) => Self::Member(around, name),
            None => Self::Column(name),
        }
    }
}

impl fmt::Display for SchemaPath<'_> {
    /// With dots, and with `[]` for elements: `orders[].price`. Long names are shortened.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Column(name) => f.write_str(&clipped(name)),
            Self::Member(around, name) => write!(f, "{around}.{}", clipped(name)),
            Self::Element(list) => write!(f, "{list}[]"),
        }
    }
}

/// The warnings about the columns of one stream, in the schema's order.
#[derive(Debug, Default)]
pub(super) struct Warnings {
    /// The path, and the message about it.
    entries: Vec<(String, String)>,
}

impl Warnings {
    /// Adds a warning. `message` continues `column "..."`.
    pub(super) fn add(&mut self, path: &SchemaPath<'_>, message: String) {
        self.entries.push((path.to_string(), message));
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Drops the warnings after the first `len`.
    pub(super) fn truncate(&mut self, len: usize) {
        self.entries.truncate(len);
    }

    /// Takes out the warnings after the first `len`.
    pub(super) fn split_off(&mut self, len: usize) -> Self {
        Self { entries: self.entries.split_off(len.min(self.entries.len())) }
    }

    /// Puts back what was taken out.
    pub(super) fn append(&mut self, mut others: Self) {
        self.entries.append(&mut others.entries);
    }

    /// One sentence each, up to a bound; then one that says how many more columns have warnings.
    pub(super) fn sentences(&self) -> Vec<String> {
        let (shown, rest) = self.entries.split_at(self.entries.len().min(MAX_WARNINGS));
        let mut sentences: Vec<String> =
            shown.iter().map(|(path, message)| format!("column {path:?} {message}")).collect();
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
    fn paths_have_dots_and_a_bounded_length() {
        let long = "ü".repeat(1000);
        let column = SchemaPath::of(None, "orders");
        let element = SchemaPath::Element(&column);
        let member = SchemaPath::of(Some(&element), &long);
        assert_eq!(member.to_string(), format!("orders[].{}…", "ü".repeat(80)));
    }
}

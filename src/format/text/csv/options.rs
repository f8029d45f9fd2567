//! What a user may choose about CSV files.

use crate::format::{ColumnNames, UndeclaredFields};

/// How a CSV file is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvOptions {
    /// One ASCII byte between fields.
    pub delimiter: u8,
    /// Which fields are quoted.
    pub quote_style: QuoteStyle,
    /// Whether a file begins with the column names.
    pub header: bool,
    /// The text that stands for null; empty by default. An empty string is then `""`.
    pub null_text: String,
    /// What the header calls the columns.
    pub column_names: ColumnNames,
    /// What happens to fields that the stream's schema does not name.
    pub undeclared_fields: UndeclaredFields,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self {
            delimiter: b',',
            quote_style: QuoteStyle::Minimal,
            header: true,
            null_text: String::new(),
            column_names: ColumnNames::Original,
            undeclared_fields: UndeclaredFields::Column,
        }
    }
}

/// Which CSV fields are quoted. Nulls never are: that is how readers tell null from an empty
/// string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuoteStyle {
    /// Texts that need it, the empty string, and texts that some readers change unless they are
    /// quoted.
    Minimal,
    /// Every value that is not null.
    All,
    /// Every value that is neither null nor a JSON number.
    NonNumeric,
}

//! The metadata columns: their names, which of them a file has, and what all rows of a stream have
//! in them.
//!
//! The names are Airbyte's. Every format takes them from here, so that a column has one name in all
//! of them. A record may have fields of these names itself; then its own value wins.
//!
//! Not here: the ids ([`super::RowIds`]), and how each format writes the values (its folder).

use crate::json::Member;

/// A UUIDv7 per row.
pub(crate) const RAW_ID: &str = "_airbyte_raw_id";
/// When the source read the record: epoch milliseconds.
pub(crate) const EXTRACTED_AT: &str = "_airbyte_extracted_at";
/// Generation of the stream.
pub(crate) const GENERATION_ID: &str = "_airbyte_generation_id";
/// `{"sync_id":..,"changes":[..]}`.
pub(crate) const META: &str = "_airbyte_meta";
/// The columns before a row's data, in their order.
pub(crate) const METADATA_NAMES: [&str; 4] = [RAW_ID, EXTRACTED_AT, GENERATION_ID, META];
/// The last column of formats with columns: the fields that the schema does not name, as the text
/// of a JSON object.
pub(crate) const ADDITIONAL_PROPERTIES: &str = "_airbyte_additional_properties";

/// Which metadata columns a file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetadataColumns {
    /// All of [`METADATA_NAMES`].
    All,
    /// All but [`META`], for readers that cannot read its quoted JSON.
    Ids,
    /// The record's own fields only.
    None,
}

impl MetadataColumns {
    /// The names of the columns, in their order.
    #[must_use]
    pub fn names(self) -> &'static [&'static str] {
        match self {
            Self::All => &METADATA_NAMES,
            Self::Ids => &[RAW_ID, EXTRACTED_AT, GENERATION_ID],
            Self::None => &[],
        }
    }
}

/// What is the same in the metadata of all rows of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamMeta {
    /// Generation of the stream; `None` (null in the rows) where the catalog has none.
    pub generation_id: Option<i64>,
    /// Sync id of the run.
    pub sync_id: i64,
}

/// Which of [`METADATA_NAMES`] the record has as fields of its own, with or without escapes in the
/// key.
#[inline]
pub(crate) fn own_fields(data: &[u8], members: &[Member]) -> [bool; 4] {
    let mut own = [false; 4];
    for member in members {
        // Every name begins with an underscore, which sorts out nearly all keys. A key with escapes
        // may say anything.
        if member.key_escaped || data.get(member.key.start as usize) == Some(&b'_') {
            mark(data, member, &mut own);
        }
    }
    own
}

#[cold]
fn mark(data: &[u8], member: &Member, own: &mut [bool; 4]) {
    let key = member.key_in(data);
    for (name, own) in METADATA_NAMES.iter().zip(own) {
        *own |= key.is(name);
    }
}

//! The names of the columns that are ours.
//!
//! In: a key. Out: which of our names it is.

use crate::json::Member;

/// A UUIDv7 per row.
pub const RAW_ID: &str = "_airbyte_raw_id";
/// When the source read the record: epoch milliseconds.
pub const EXTRACTED_AT: &str = "_airbyte_extracted_at";
/// Generation of the stream.
pub const GENERATION_ID: &str = "_airbyte_generation_id";
/// `{"sync_id":..,"changes":[..]}`.
pub const META: &str = "_airbyte_meta";
/// The columns that stand before a row's data, in their order.
pub const METADATA_NAMES: [&str; 4] = [RAW_ID, EXTRACTED_AT, GENERATION_ID, META];
/// The last CSV column: the fields that the schema does not name, as the text of a JSON object.
pub const ADDITIONAL_PROPERTIES: &str = "_airbyte_additional_properties";

/// Which of [`METADATA_NAMES`] the record itself bears, however spelt.
#[inline]
pub(crate) fn borne(data: &[u8], members: &[Member]) -> [bool; 4] {
    let mut borne = [false; 4];
    for member in members {
        // All our names begin with an underscore, and an escaped key may be anything.
        if member.key_escaped || data.get(member.key.start as usize) == Some(&b'_') {
            mark(data, member, &mut borne);
        }
    }
    borne
}

#[cold]
fn mark(data: &[u8], member: &Member, borne: &mut [bool; 4]) {
    let key = member.key_in(data);
    for (name, borne) in METADATA_NAMES.iter().zip(borne) {
        *borne |= key.is(name);
    }
}

/// What every row of a stream says about the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamMeta {
    /// Generation of the stream; `None` (null in the rows) where the catalog has none.
    pub generation_id: Option<i64>,
    /// Sync id of the run.
    pub sync_id: i64,
}

/// Whether rows carry the `_airbyte_*` columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetadataColumns {
    /// `_airbyte_raw_id`, `_airbyte_extracted_at`, `_airbyte_generation_id`, `_airbyte_meta`.
    All,
    /// The same without `_airbyte_meta`, for readers that cannot read its quoted JSON.
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

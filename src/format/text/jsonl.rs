//! JSONL: the record's own text, with the metadata members inserted before its first member.
//!
//! In: a record. Out: one line `{"_airbyte_raw_id":..,..,<the record's members as they were>}`.
//!
//! Invariants
//! - From the record's first member on, the line is the record's text, byte for byte.
//! - A metadata member is left out where the record has a member of that name itself.

use super::record::{RecordView, RowNotes};
use crate::format::metadata::{
    EXTRACTED_AT, GENERATION_ID, META, METADATA_NAMES, RAW_ID, own_fields,
};
use crate::format::{MetadataColumns, RowIds, StreamMeta};

/// Makes the JSONL rows of one stream.
#[derive(Debug)]
pub struct JsonlEncoder {
    metadata: MetadataColumns,
    /// `"_airbyte_raw_id":"`
    raw_id: Vec<u8>,
    /// `"_airbyte_extracted_at":`
    extracted_at: Vec<u8>,
    /// `"_airbyte_generation_id":..`
    generation: Vec<u8>,
    /// `"_airbyte_meta":{"sync_id":..,"changes":`
    meta: Vec<u8>,
    /// The three fixed parts of a usual row's metadata: before the id, between id and time, and
    /// after the time. The last has the generation and, where rows have it, the meta member with an
    /// empty array.
    usual: [Vec<u8>; 3],
}

impl JsonlEncoder {
    pub(crate) fn new(metadata: MetadataColumns, meta: &StreamMeta) -> Self {
        let raw_id = format!("\"{RAW_ID}\":\"");
        let extracted_at = format!("\"{EXTRACTED_AT}\":");
        let generation = match meta.generation_id {
            Some(id) => format!("\"{GENERATION_ID}\":{id}"),
            None => format!("\"{GENERATION_ID}\":null"),
        };
        let meta = format!("\"{META}\":{{\"sync_id\":{},\"changes\":", meta.sync_id);
        let after_time = match metadata {
            MetadataColumns::All | MetadataColumns::None => format!(",{generation},{meta}[]}}"),
            MetadataColumns::Ids => format!(",{generation}"),
        };
        let usual = [format!("{{{raw_id}"), format!("\",{extracted_at}"), after_time];
        Self {
            metadata,
            raw_id: raw_id.into_bytes(),
            extracted_at: extracted_at.into_bytes(),
            generation: generation.into_bytes(),
            meta: meta.into_bytes(),
            usual: usual.map(String::into_bytes),
        }
    }

    #[inline]
    pub(crate) fn encode(
        &self,
        record: &RecordView<'_>,
        ids: &mut RowIds,
        out: &mut Vec<u8>,
    ) -> RowNotes {
        // The metadata takes about 220 bytes: one growth per row at most.
        out.reserve(record.data.len() + record.changes.map_or(0, <[u8]>::len) + 320);
        if self.metadata == MetadataColumns::None {
            out.extend_from_slice(record.data);
            out.push(b'\n');
            return RowNotes::default();
        }
        let own = own_fields(record.data, record.members);
        let own = &own[..self.metadata.names().len()];
        let changes = record.changes.filter(|_| self.metadata == MetadataColumns::All);
        if !own.contains(&true) && changes.is_none() {
            let [before_id, before_time, after_time] = &self.usual;
            out.extend_from_slice(before_id);
            out.extend_from_slice(ids.next_text());
            out.extend_from_slice(before_time);
            out.extend_from_slice(itoa::Buffer::new().format(record.emitted_at_ms).as_bytes());
            out.extend_from_slice(after_time);
        } else {
            self.write_members(record, own, ids, out);
        }
        match record.data.split_first() {
            Some((_, rest)) if !record.members.is_empty() => {
                // If the record has all metadata names itself, no metadata comes before it, and no
                // comma.
                if own.contains(&false) {
                    out.push(b',');
                }
                out.extend_from_slice(rest);
            }
            // `{}` may have whitespace inside; there is nothing to keep.
            _ => out.push(b'}'),
        }
        out.push(b'\n');
        RowNotes::default()
    }

    /// Writes the opening brace and the metadata members that the record does not have itself.
    #[cold]
    fn write_members(
        &self,
        record: &RecordView<'_>,
        own: &[bool],
        ids: &mut RowIds,
        out: &mut Vec<u8>,
    ) {
        // Taken even where it is not written, so that the ids of the following rows do not depend
        // on what this record holds.
        let id = ids.next_text();
        let mut before = b'{';
        for (name, _) in METADATA_NAMES.iter().zip(own).filter(|(_, own)| !**own) {
            out.push(before);
            before = b',';
            match *name {
                RAW_ID => {
                    out.extend_from_slice(&self.raw_id);
                    out.extend_from_slice(id);
                    out.push(b'"');
                }
                EXTRACTED_AT => {
                    out.extend_from_slice(&self.extracted_at);
                    out.extend_from_slice(
                        itoa::Buffer::new().format(record.emitted_at_ms).as_bytes(),
                    );
                }
                GENERATION_ID => out.extend_from_slice(&self.generation),
                _ => {
                    out.extend_from_slice(&self.meta);
                    out.extend_from_slice(record.changes.unwrap_or(b"[]"));
                    out.push(b'}');
                }
            }
        }
        if before == b'{' {
            out.push(b'{');
        }
    }
}

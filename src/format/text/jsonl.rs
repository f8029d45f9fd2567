//! JSONL: the record's own text, with our members spliced in front.
//!
//! In: a record. Out: one line `{"_airbyte_raw_id":..,..,<the record's members as they were>}`.
//!
//! Invariants
//! - From the record's first member on, the line is the record's text, byte for byte.
//! - A member of ours whose name the record bears is left out.

use super::record::{RecordView, RowNotes};
use crate::format::metadata::{EXTRACTED_AT, GENERATION_ID, META, METADATA_NAMES, RAW_ID, borne};
use crate::format::{MetadataColumns, RowIds, StreamMeta};

/// Makes the JSONL rows of one stream.
#[derive(Debug)]
pub struct JsonlEncoder {
    metadata: MetadataColumns,
    /// `"_airbyte_generation_id":..`
    generation: Vec<u8>,
    /// `"_airbyte_meta":{"sync_id":..,"changes":`
    meta: Vec<u8>,
    /// What usually stands behind the time: the generation and, where rows have it, meta with an
    /// empty array.
    behind_time: Vec<u8>,
}

impl JsonlEncoder {
    pub(crate) fn new(metadata: MetadataColumns, meta: &StreamMeta) -> Self {
        let generation = match meta.generation_id {
            Some(id) => format!("\"{GENERATION_ID}\":{id}"),
            None => format!("\"{GENERATION_ID}\":null"),
        };
        let meta = format!("\"{META}\":{{\"sync_id\":{},\"changes\":", meta.sync_id);
        let behind_time = match metadata {
            MetadataColumns::All | MetadataColumns::None => format!(",{generation},{meta}[]}}"),
            MetadataColumns::Ids => format!(",{generation}"),
        };
        Self {
            metadata,
            behind_time: behind_time.into_bytes(),
            generation: generation.into_bytes(),
            meta: meta.into_bytes(),
        }
    }

    #[inline]
    pub(crate) fn encode(
        &self,
        record: &RecordView<'_>,
        ids: &mut RowIds,
        out: &mut Vec<u8>,
    ) -> RowNotes {
        // Our members take about 220 bytes: one growth per row at most.
        out.reserve(record.data.len() + record.changes.map_or(0, <[u8]>::len) + 320);
        if self.metadata == MetadataColumns::None {
            out.extend_from_slice(record.data);
            out.push(b'\n');
            return RowNotes::default();
        }
        let borne = borne(record.data, record.members);
        let borne = &borne[..self.metadata.names().len()];
        let changes = record.changes.filter(|_| self.metadata == MetadataColumns::All);
        if !borne.contains(&true) && changes.is_none() {
            out.extend_from_slice(b"{\"_airbyte_raw_id\":\"");
            out.extend_from_slice(ids.next_text());
            out.extend_from_slice(b"\",\"_airbyte_extracted_at\":");
            out.extend_from_slice(itoa::Buffer::new().format(record.emitted_at_ms).as_bytes());
            out.extend_from_slice(&self.behind_time);
        } else {
            self.write_members(record, borne, ids, out);
        }
        match record.data.split_first() {
            Some((_, rest)) if !record.members.is_empty() => {
                // Nothing of ours is left when the record has all the names.
                if borne.contains(&false) {
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

    /// The opening brace and those of our members that the record does not bear itself.
    #[cold]
    fn write_members(
        &self,
        record: &RecordView<'_>,
        borne: &[bool],
        ids: &mut RowIds,
        out: &mut Vec<u8>,
    ) {
        // The id is taken all the same: ids do not depend on what a record bears.
        let id = ids.next_text();
        let mut before = b'{';
        for (name, _) in METADATA_NAMES.iter().zip(borne).filter(|(_, borne)| !**borne) {
            out.push(before);
            before = b',';
            match *name {
                RAW_ID => {
                    out.extend_from_slice(b"\"_airbyte_raw_id\":\"");
                    out.extend_from_slice(id);
                    out.push(b'"');
                }
                EXTRACTED_AT => {
                    out.extend_from_slice(b"\"_airbyte_extracted_at\":");
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

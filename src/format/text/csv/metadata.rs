//! The metadata columns of a CSV row: what is the same in every row of a stream, written once.

use super::quoting::Quoting;
use crate::format::StreamMeta;
use crate::format::metadata::META;

/// The parts of a row's metadata that are the same in every row.
#[derive(Debug)]
pub(super) struct MetadataText {
    /// The text before the id, between id and time, and after the time up to the delimiter of the
    /// last metadata column. `None` if the delimiter or the null text could be part of an id or a
    /// time: then each row decides what is quoted.
    pub(super) pieces: Option<[Vec<u8>; 3]>,
    generation: Option<String>,
    /// `{"sync_id":..,"changes":`, where rows have that column.
    pub(super) meta: Option<String>,
}

impl MetadataText {
    pub(super) fn new(quoting: &Quoting, ours: &[&str], meta: &StreamMeta) -> Self {
        let mut text = Self {
            pieces: None,
            generation: meta.generation_id.map(|id| id.to_string()),
            meta: ours
                .contains(&META)
                .then(|| format!("{{\"sync_id\":{},\"changes\":", meta.sync_id)),
        };
        if quoting.is_plain(b"0123456789abcdef-") {
            text.pieces = Some(text.pieces(quoting));
        }
        text
    }

    /// Writes a row's metadata with `0` in place of its id and its time, and keeps the text around
    /// the zeros.
    fn pieces(&self, quoting: &Quoting) -> [Vec<u8>; 3] {
        let around = |write: &dyn Fn(&[u8], &mut Vec<u8>)| {
            let mut field = Vec::new();
            write(b"0", &mut field);
            field.iter().position(|byte| *byte == b'0').map(|at| field.split_at(at)).map_or_else(
                || (Vec::new(), Vec::new()),
                |(before, after)| (before.to_vec(), after.get(1..).unwrap_or_default().to_vec()),
            )
        };
        let (before_id, mut before_time) = around(&|field, out| quoting.text(field, out));
        let (quote, mut after_time) = around(&|field, out| quoting.number(field, out));
        before_time.push(quoting.delimiter);
        before_time.extend_from_slice(&quote);
        after_time.push(quoting.delimiter);
        self.write_generation(quoting, &mut after_time);
        after_time.push(quoting.delimiter);
        if self.meta.is_some() {
            self.write_meta(quoting, None, &mut Vec::new(), &mut after_time);
            after_time.push(quoting.delimiter);
        }
        [before_id, before_time, after_time]
    }

    pub(super) fn write_generation(&self, quoting: &Quoting, out: &mut Vec<u8>) {
        match &self.generation {
            Some(id) => quoting.number(id.as_bytes(), out),
            None => quoting.null(out),
        }
    }

    pub(super) fn write_meta(
        &self,
        quoting: &Quoting,
        changes: Option<&[u8]>,
        scratch: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) {
        scratch.clear();
        scratch.extend_from_slice(self.meta.as_deref().unwrap_or_default().as_bytes());
        scratch.extend_from_slice(changes.unwrap_or(b"[]"));
        scratch.push(b'}');
        quoting.text(scratch, out);
    }
}

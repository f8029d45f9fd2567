//! The metadata columns of a CSV row: the texts that are the same in every row of a stream.

use super::quoting::Quoting;
use crate::format::StreamMeta;
use crate::format::metadata::META;

/// The parts of a row's metadata that are the same in every row.
#[derive(Debug)]
pub(super) struct MetadataText {
    /// Before the id, between id and time, and from behind the time to the delimiter behind the
    /// last column. `None` where the choices are so odd that each row must be looked at.
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

    /// Writes a row's metadata around stand-ins for its id and its time, and takes what is around
    /// them.
    fn pieces(&self, quoting: &Quoting) -> [Vec<u8>; 3] {
        let around = |write: &dyn Fn(&[u8], &mut Vec<u8>)| {
            let mut field = Vec::new();
            write(b"0", &mut field);
            field.iter().position(|byte| *byte == b'0').map(|at| field.split_at(at)).map_or_else(
                || (Vec::new(), Vec::new()),
                |(before, behind)| (before.to_vec(), behind.get(1..).unwrap_or_default().to_vec()),
            )
        };
        let (before_id, mut before_time) = around(&|field, out| quoting.text(field, out));
        let (quote, mut behind_time) = around(&|field, out| quoting.number(field, out));
        before_time.push(quoting.delimiter);
        before_time.extend_from_slice(&quote);
        behind_time.push(quoting.delimiter);
        self.write_generation(quoting, &mut behind_time);
        behind_time.push(quoting.delimiter);
        if self.meta.is_some() {
            self.write_meta(quoting, None, &mut Vec::new(), &mut behind_time);
            behind_time.push(quoting.delimiter);
        }
        [before_id, before_time, behind_time]
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

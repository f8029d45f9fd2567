//! How the rows of one file become its bytes: loose rows, frames in work, the body.
//!
//! In: rows in order, finished frames in any order. Out: [`Action`]s that ask for frames, and the
//! bytes of the object in order, to be taken from the front.
//!
//! A frame is a gzip member of some text, or a row group of a Parquet file. Where rows are final
//! already there are none.
//!
//! Invariants
//! - Frames join the body in order, whatever order they are finished in.
//! - Once sealed and with every frame joined, the body ends as the format wants it: a Parquet file
//!   with its footer.
//!
//! Not here: where the bytes go (`file`), when a file is sealed (`engine`).

mod row_group;

use std::collections::{BTreeMap, VecDeque};

pub use row_group::{ColumnTask, column_tasks};

use crate::error::{Failure, FailureType};
use crate::format::parquet::{EncodedRowGroup, FileAssembler, ParquetFileError};
use crate::model::StreamIx;
use crate::pipeline::budget::Permit;
use crate::pipeline::messages::Action;
use crate::pipeline::messages::FileId;
use crate::pipeline::messages::ParquetLayout;
use crate::pipeline::messages::{ColumnSegment, Frame, Rows, Segment, SegmentSlice};

/// How rows become frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// They are text in its final form already.
    None,
    /// Text is compressed.
    Gzip {
        /// Text of one frame, at least.
        frame_bytes: usize,
    },
    /// Columns are encoded. A row group also ends at the rows that its stream's layout allows.
    RowGroups {
        /// Memory of its rows, at least.
        row_group_bytes: usize,
    },
}

/// Memory that a column of a row group takes until the footer is written: no less than the
/// library's entry with its texts.
const FOOTER_ENTRY_BYTES: u64 = 1024;

/// What makes a Parquet file of row groups.
#[derive(Debug)]
pub struct Assembly {
    columns: ParquetLayout,
    /// Made with the first row group.
    assembler: Option<FileAssembler>,
    footer_permit: Permit,
}

impl Assembly {
    /// `footer_permit` is the right to hold the footer: of no bytes, until there is something to
    /// say.
    #[must_use]
    pub fn new(columns: ParquetLayout, footer_permit: Permit) -> Self {
        Self { columns, assembler: None, footer_permit }
    }

    fn entry_bytes(&self) -> u64 {
        self.columns.layout.leaf_count() as u64 * FOOTER_ENTRY_BYTES
    }

    fn row_group(
        &mut self,
        group: EncodedRowGroup,
        mut permit: Permit,
    ) -> Result<Segment, ParquetFileError> {
        let assembler = match &mut self.assembler {
            Some(assembler) => assembler,
            None => self.assembler.insert(FileAssembler::new(&self.columns.layout)?),
        };
        let bytes = assembler.row_group(group)?;
        permit.resize(bytes.len() as u64);
        self.footer_permit.resize(self.footer_permit.bytes() + self.entry_bytes());
        Ok(Segment { bytes, permit })
    }

    fn footer(self) -> Result<Segment, ParquetFileError> {
        let assembler = match self.assembler {
            Some(assembler) => assembler,
            None => FileAssembler::new(&self.columns.layout)?,
        };
        let bytes = assembler.finish()?;
        let mut permit = self.footer_permit;
        permit.resize(bytes.len() as u64);
        Ok(Segment { bytes, permit })
    }
}

/// The rows and bytes of one file.
#[derive(Debug)]
pub struct Frames {
    file: FileId,
    stream: StreamIx,
    /// Rows that no frame has taken yet.
    loose: Vec<Rows>,
    loose_bytes: usize,
    loose_rows: u64,
    cut: u32,
    joined: u32,
    early: BTreeMap<u32, Frame>,
    /// Size of the rows of each frame that has not joined the body.
    in_work: BTreeMap<u32, u64>,
    sealed: bool,
    discarded: bool,
    /// Until the footer has joined the body of a Parquet file.
    assembly: Option<Assembly>,
    body: VecDeque<SegmentSlice>,
    body_bytes: usize,
    /// Memory that loose rows and the body hold, as the budget counts it.
    held_bytes: u64,
    encoded_bytes: u64,
}

impl Frames {
    /// No rows yet. `header` is what the file begins with, `assembly` what ends it if it is
    /// Parquet.
    #[must_use]
    pub fn new(
        file: FileId,
        stream: StreamIx,
        header: Option<Segment>,
        assembly: Option<Assembly>,
    ) -> Self {
        let held_bytes = header.as_ref().map_or(0, Segment::held_bytes);
        let loose: Vec<Rows> = header.into_iter().map(Rows::Text).collect();
        Self {
            file,
            stream,
            loose_bytes: loose.iter().map(Rows::size_bytes).sum(),
            loose,
            loose_rows: 0,
            cut: 0,
            joined: 0,
            early: BTreeMap::new(),
            in_work: BTreeMap::new(),
            sealed: false,
            discarded: false,
            assembly,
            body: VecDeque::new(),
            body_bytes: 0,
            held_bytes,
            encoded_bytes: 0,
        }
    }

    /// Whose rows and bytes.
    #[must_use]
    pub fn file(&self) -> FileId {
        self.file
    }

    /// The file's stream.
    #[must_use]
    pub fn stream(&self) -> StreamIx {
        self.stream
    }

    /// Adds `count` rows; says whether the body has grown.
    pub fn append(
        &mut self,
        rows: Rows,
        count: u64,
        framing: Framing,
        out: &mut Vec<Action>,
    ) -> bool {
        if self.loose_rows + count > self.most_rows() {
            self.cut_frame(framing, out);
        }
        self.loose_bytes += rows.size_bytes();
        self.held_bytes += rows.held_bytes();
        self.loose_rows += count;
        self.loose.push(rows);
        let full = match framing {
            Framing::None => true,
            Framing::Gzip { frame_bytes } => self.loose_bytes >= frame_bytes,
            Framing::RowGroups { row_group_bytes } => {
                self.loose_bytes >= row_group_bytes || self.loose_rows >= self.most_rows()
            }
        };
        if full {
            self.cut_frame(framing, out);
        }
        full && framing == Framing::None
    }

    /// Makes a frame of the loose rows, if there are any.
    pub fn cut_frame(&mut self, framing: Framing, out: &mut Vec<Action>) {
        if self.loose.is_empty() {
            return;
        }
        let rows = std::mem::take(&mut self.loose);
        let size_bytes = std::mem::take(&mut self.loose_bytes);
        self.loose_rows = 0;
        self.held_bytes -= rows.iter().map(Rows::held_bytes).sum::<u64>();
        let (text, columns) = split(rows);
        if framing == Framing::None {
            text.into_iter().for_each(|segment| self.join_body(segment));
            return;
        }
        let (file, frame) = (self.file, self.cut);
        self.cut += 1;
        self.in_work.insert(frame, size_bytes as u64);
        out.push(match &self.assembly {
            Some(assembly) => Action::EncodeRowGroup {
                file,
                frame,
                layout: assembly.columns.clone(),
                rows: columns,
            },
            None => Action::Compress { file, frame, text },
        });
    }

    /// No more rows come.
    ///
    /// # Errors
    /// The file cannot be completed: a defect.
    pub fn seal(&mut self, framing: Framing, out: &mut Vec<Action>) -> Result<(), Failure> {
        self.sealed = true;
        self.cut_frame(framing, out);
        self.finish()
    }

    /// A frame is finished.
    ///
    /// # Errors
    /// The file cannot be completed: a defect.
    pub fn join(&mut self, frame: u32, content: Frame) -> Result<(), Failure> {
        self.early.insert(frame, content);
        while let Some(content) = self.early.remove(&self.joined) {
            self.in_work.remove(&self.joined);
            self.joined += 1;
            if self.discarded {
                continue;
            }
            let segment = match (content, &mut self.assembly) {
                (Frame::Bytes(segment), _) => segment,
                (Frame::RowGroup(group, permit), Some(assembly)) => {
                    assembly.row_group(group, permit)?
                }
                (Frame::RowGroup(..), None) => {
                    return Err(Failure::new(
                        FailureType::System,
                        "a row group came for a file that takes none; please report this",
                    ));
                }
            };
            self.join_body(segment);
        }
        self.finish()
    }

    /// Gives everything up.
    pub fn discard(&mut self) {
        self.discarded = true;
        self.loose = Vec::new();
        self.body = VecDeque::new();
        self.early.clear();
        self.assembly = None;
        (self.loose_bytes, self.body_bytes, self.held_bytes) = (0, 0, 0);
    }

    /// Whether all the bytes that the object will have are in the body, or were.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.sealed && self.loose.is_empty() && self.joined == self.cut
    }

    /// Bytes in the body now.
    #[must_use]
    pub fn body_bytes(&self) -> usize {
        self.body_bytes
    }

    /// Bytes of the object so far, in their final form.
    #[must_use]
    pub fn encoded_bytes(&self) -> u64 {
        self.encoded_bytes
    }

    /// Size of the rows that no frame has taken yet.
    #[must_use]
    pub fn loose_bytes(&self) -> usize {
        self.loose_bytes
    }

    /// Memory that loose rows, the body and what the footer will say hold.
    #[must_use]
    pub fn held_bytes(&self) -> u64 {
        self.held_bytes
            + self.assembly.as_ref().map_or(0, |assembly| assembly.footer_permit.bytes())
    }

    /// Memory that the footer takes for one row group more.
    #[must_use]
    pub fn footer_entry_bytes(&self) -> u64 {
        self.assembly.as_ref().map_or(0, Assembly::entry_bytes)
    }

    /// Rows of one frame at most.
    fn most_rows(&self) -> u64 {
        self.assembly.as_ref().map_or(u64::MAX, |assembly| assembly.columns.most_rows)
    }

    /// Size of the rows of a frame that is not finished.
    #[must_use]
    pub fn in_work_bytes(&self, frame: u32) -> u64 {
        self.in_work.get(&frame).copied().unwrap_or_default()
    }

    /// Bytes of the object, with rows that are not encoded yet counted at `ratio` (encoded bytes
    /// per byte of rows).
    #[must_use]
    pub fn estimated_bytes(&self, ratio: f64) -> u64 {
        let rows = (self.loose_bytes as u64 + self.in_work.values().sum::<u64>()) as f64;
        self.encoded_bytes + (rows * ratio) as u64
    }

    /// Takes `part_bytes` from the front of the body, or all that there is.
    pub fn take_part(&mut self, part_bytes: usize) -> Vec<SegmentSlice> {
        let mut part = Vec::new();
        let mut wanted = part_bytes;
        while wanted > 0
            && let Some(mut slice) = self.body.pop_front()
        {
            let taken = match slice.split_front(wanted) {
                Some(front) => {
                    self.body.push_front(slice);
                    front
                }
                // The rest of its segment: nothing of that is held here any more.
                None => {
                    self.held_bytes -= slice.held_bytes();
                    slice
                }
            };
            wanted -= taken.len();
            self.body_bytes -= taken.len();
            part.push(taken);
        }
        if self.body.is_empty() {
            self.body = VecDeque::new();
            if self.is_complete() {
                // Also empty they keep a node each, and tens of thousands of files may wait for a
                // STATE.
                self.early = BTreeMap::new();
                self.in_work = BTreeMap::new();
            }
        }
        part
    }

    /// Takes back all that was taken.
    pub fn put_back(&mut self, body: Vec<SegmentSlice>) {
        self.body_bytes = body.iter().map(SegmentSlice::len).sum();
        self.held_bytes = body.iter().map(SegmentSlice::held_bytes).sum();
        self.body = body.into();
    }

    fn finish(&mut self) -> Result<(), Failure> {
        if !self.is_complete() || self.discarded {
            return Ok(());
        }
        if let Some(assembly) = self.assembly.take() {
            let footer = assembly.footer()?;
            self.join_body(footer);
        }
        Ok(())
    }

    fn join_body(&mut self, segment: Segment) {
        self.encoded_bytes += segment.bytes.len() as u64;
        self.body_bytes += segment.bytes.len();
        self.held_bytes += segment.held_bytes();
        self.body.push_back(segment.into());
    }
}

fn split(rows: Vec<Rows>) -> (Vec<Segment>, Vec<ColumnSegment>) {
    let (mut text, mut columns) = (Vec::new(), Vec::new());
    for rows in rows {
        match rows {
            Rows::Text(segment) => text.push(segment),
            Rows::Columns(segment) => columns.push(segment),
        }
    }
    (text, columns)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::format::columns::{Batch, RecordDecoder, TableSchema, TableSchemaOptions};
    use crate::format::parquet::FileLayout;
    use crate::format::{
        Codec, MetadataColumns, RowIds, StreamMeta, TypeOptions, UndeclaredFields,
    };
    use crate::pipeline::budget::Budget;
    use crate::pipeline::file::column_tasks;

    const FRAMING: Framing = Framing::RowGroups { row_group_bytes: 1 << 20 };

    fn layout(most_rows: u64) -> ParquetLayout {
        let options = TableSchemaOptions {
            metadata: MetadataColumns::None,
            undeclared_fields: UndeclaredFields::Drop,
            types: TypeOptions::DEFAULT,
        };
        let properties = [("id".to_owned(), serde_json::json!({"type": "integer"}))];
        let shape = TableSchema::new(
            &options,
            &StreamMeta { generation_id: None, sync_id: 0 },
            &properties,
        );
        let layout = FileLayout::new(&shape.to_arrow(), Codec::Snappy, Vec::new()).unwrap();
        ParquetLayout { shape: Arc::new(shape), layout: Arc::new(layout), most_rows }
    }

    fn rows(layout: &ParquetLayout, budget: &Budget, count: u64) -> Rows {
        let mut decoder = RecordDecoder::new(Arc::clone(&layout.shape));
        for id in 0..count {
            decoder.read(format!("{{\"id\":{id}}}").as_bytes(), 0).unwrap();
            decoder.end_row(0, None, &mut RowIds::new(0, 0));
        }
        let batch: Batch = decoder.take().batch;
        let permit = budget.take(batch.held_bytes() as u64);
        Rows::Columns(ColumnSegment { batch, permit })
    }

    fn parquet(layout: &ParquetLayout, budget: &Budget) -> Frames {
        let assembly = Assembly::new(layout.clone(), budget.take(0));
        Frames::new(FileId(1), StreamIx(0), None, Some(assembly))
    }

    /// The frames that were asked for: their numbers and rows.
    fn asked(out: &mut Vec<Action>) -> Vec<(u32, Vec<ColumnSegment>)> {
        out.drain(..)
            .map(|action| match action {
                Action::EncodeRowGroup { frame, rows, .. } => (frame, rows),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    fn encoded(layout: &ParquetLayout, budget: &Budget, rows: Vec<ColumnSegment>) -> Frame {
        let done =
            column_tasks(layout.clone(), rows, budget).into_iter().find_map(|task| task.run());
        done.unwrap().unwrap()
    }

    #[test]
    fn a_row_group_never_has_more_rows_than_allowed() {
        for (most_rows, expected) in [(10, [8, 8, 4].as_slice()), (5, &[4, 4, 4, 4, 4])] {
            let (layout, budget) = (layout(most_rows), Budget::new(1 << 20, 1 << 20));
            let (mut frames, mut out) = (parquet(&layout, &budget), Vec::new());
            for _ in 0..5 {
                frames.append(rows(&layout, &budget, 4), 4, FRAMING, &mut out);
            }
            frames.seal(FRAMING, &mut out).unwrap();
            let groups = asked(&mut out);
            let counts: Vec<usize> = groups
                .iter()
                .map(|(_, rows)| rows.iter().map(|rows| rows.batch.rows()).sum())
                .collect();
            assert_eq!(counts, expected);
        }
    }

    #[test]
    fn what_the_footer_will_say_is_held_until_it_is_said() {
        let (layout, budget) = (layout(10), Budget::new(1 << 20, 1 << 20));
        let (mut frames, mut out) = (parquet(&layout, &budget), Vec::new());
        for _ in 0..3 {
            frames.append(rows(&layout, &budget, 10), 10, FRAMING, &mut out);
        }
        // The last one first: the body must be in order all the same.
        for (frame, rows) in asked(&mut out).into_iter().rev() {
            let content = encoded(&layout, &budget, rows);
            frames.join(frame, content).unwrap();
        }
        let body = frames.body_bytes() as u64;
        assert_eq!(frames.held_bytes(), body + 3 * frames.footer_entry_bytes());
        assert_eq!(budget.used_bytes(), frames.held_bytes());
        frames.seal(FRAMING, &mut out).unwrap();
        assert!(frames.is_complete());
        assert!(frames.body_bytes() as u64 > body, "the footer is there");
        assert_eq!(frames.held_bytes(), frames.body_bytes() as u64);
        assert_eq!(budget.used_bytes(), frames.held_bytes());
        let file: Vec<u8> =
            frames.take_part(usize::MAX).iter().flat_map(|slice| slice.as_ref().to_vec()).collect();
        assert!(file.starts_with(b"PAR1") && file.ends_with(b"PAR1"));
        assert_eq!((frames.held_bytes(), budget.used_bytes()), (0, 0));
    }
}

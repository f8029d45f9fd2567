//! One file by itself: frames in any order, parts of the right size, and nothing left behind.

use uuid::Uuid;

use super::*;
use crate::format::text::RowEncoder;
use crate::format::{CsvOptions, Format, MetadataColumns, StreamMeta, UndeclaredFields};
use crate::pipeline::budget::Budget;
use crate::pipeline::messages::{Compression, Rows, Segment, StreamFormat};

const PART: usize = 10;

const PIECES: PieceSizes = PieceSizes { min_frame_bytes: 4, min_row_group_bytes: 0 };

fn segment(text: &str) -> Segment {
    Segment { bytes: text.as_bytes().to_vec(), permit: Budget::new(1, 1).take(text.len() as u64) }
}

/// A file of the format: plain text, or text of which each frame asks for a compressor.
fn file_of(format: &Format, columns: &[String]) -> File {
    let meta = StreamMeta { generation_id: None, sync_id: 0 };
    let encoder = RowEncoder::new(format, MetadataColumns::None, &meta, columns).unwrap();
    let compression =
        format.gzip_level().map_or(Compression::None, |level| Compression::Gzip { level });
    let format = StreamFormat::text(encoder, compression);
    let object =
        ObjectInfo { content_type: "text/plain", token: Uuid::nil(), metadata: Vec::new() };
    let start = FileStart {
        id: FileId(1),
        stream: StreamIx(0),
        first: 1,
        opened_at: crate::env::instant(),
        object,
        body: FileBody::open(&format, PIECES, &Budget::new(1, 1)),
    };
    let settings = FileSettings { pieces: PIECES, part_bytes: PART, key_when_sealed: false };
    File::new(start, settings)
}

fn file() -> File {
    file_of(&Format::Jsonl { gzip_level: None }, &[])
}

fn rows(text: &str) -> Chunk {
    Chunk {
        stream: StreamIx(0),
        rows: 1,
        data: Rows::Text(segment(text)),
        issues: Vec::new(),
        cursor: CursorNotes::default(),
        dropped_fields: 0,
        repaired_strings: 0,
        input_bytes: 0,
        sample: None,
    }
}

fn text(body: &[impl AsRef<[u8]>]) -> String {
    body.iter().map(|slice| std::str::from_utf8(slice.as_ref()).unwrap()).collect()
}

/// The jobs that the file asks for.
fn jobs(out: &mut Vec<Action>) -> Vec<Job> {
    out.drain(..)
        .map(|action| match action {
            Action::Job(job) => job,
            other => panic!("{other:?}"),
        })
        .collect()
}

/// The number and the text of each job.
fn texts(jobs: &[Job]) -> Vec<(u32, String)> {
    jobs.iter().map(|job| (job.piece, job.work.text().unwrap())).collect()
}

/// What the file asks for, one word each.
fn asked(out: &mut Vec<Action>) -> Vec<String> {
    out.drain(..)
        .map(|action| match action {
            Action::Store(_, StoreRequest::Create { key, .. }) => format!("create {key}"),
            Action::Store(_, StoreRequest::Part { number, body, .. }) => {
                format!("part {number} {}", text(&body))
            }
            Action::Store(_, StoreRequest::Put { key, body, .. }) => {
                format!("put {key} {}", text(&body))
            }
            Action::Store(_, StoreRequest::Complete { parts, .. }) => {
                let numbers: Vec<String> =
                    parts.iter().map(|part| part.part_number.to_string()).collect();
                format!("complete {}", numbers.join(","))
            }
            Action::Store(_, StoreRequest::Abort { upload_id, .. }) => format!("abort {upload_id}"),
            Action::Store(_, StoreRequest::DeleteObject { key, .. }) => format!("delete {key}"),
            Action::Skip(_) => "skip".to_owned(),
            other => format!("{other:?}"),
        })
        .collect()
}

fn receipt(part_number: i32) -> PartReceipt {
    PartReceipt { part_number, etag: String::new(), checksum: None }
}

#[test]
fn a_small_file_is_put_from_memory_with_its_header_first() {
    let mut out = Vec::new();
    let options = CsvOptions { undeclared_fields: UndeclaredFields::Drop, ..CsvOptions::default() };
    let csv = Format::Csv { options, gzip_level: None };
    let mut file = file_of(&csv, &["h".to_owned()]);
    out.extend(file.key_ready("k".to_owned()));
    out.extend(file.append(rows("a\n"), 1).unwrap());
    assert!(!file.is_staged(), "it is still open");
    out.extend(file.seal(SealReason::End).unwrap());
    assert!(file.is_staged());
    out.extend(file.publish());
    assert_eq!(asked(&mut out), ["put k h\na\n"]);
    assert_eq!((file.rows, file.body().encoded_bytes()), (1, 4));
}

#[test]
fn frames_join_in_order_and_every_part_but_the_last_has_the_same_length() {
    let mut out = Vec::new();
    let mut file = file_of(&Format::Jsonl { gzip_level: Some(1) }, &[]);
    out.extend(file.key_ready("k".to_owned()));
    for row in ["abcdef", "ghijkl", "mno"] {
        out.extend(file.append(rows(row), 1).unwrap());
    }
    let mut frames = jobs(&mut out);
    assert_eq!(texts(&frames), [(0, "abcdef".to_owned()), (1, "ghijkl".to_owned())]);
    let half = CompressionSample { text_bytes: 2, compressed_bytes: 1 };
    let estimate = file.body().estimated_bytes(half, CompressionSample::default());
    assert_eq!(estimate, 7, "fifteen bytes of text at half their size");
    let compressed = |file: &mut File, job: Job, out: &mut Vec<Action>| {
        let text = job.work.text().unwrap().to_uppercase();
        job.work.finish_with(segment(&text));
        out.extend(file.piece_done(job.piece).unwrap().0);
    };
    compressed(&mut file, frames.remove(1), &mut out);
    assert_eq!(asked(&mut out), Vec::<String>::new(), "the first frame is not back");
    compressed(&mut file, frames.remove(0), &mut out);
    assert_eq!(asked(&mut out), ["create k"]);
    out.extend(file.created("u".to_owned()));
    assert_eq!(asked(&mut out), ["part 1 ABCDEFGHIJ"]);
    out.extend(file.seal(SealReason::Size).unwrap());
    let mut frames = jobs(&mut out);
    assert_eq!(texts(&frames), [(2, "mno".to_owned())]);
    compressed(&mut file, frames.remove(0), &mut out);
    assert_eq!(asked(&mut out), ["part 2 KLMNO"]);
    out.extend(file.part_uploaded(receipt(2)));
    assert!(!file.is_staged());
    out.extend(file.part_uploaded(receipt(1)));
    assert!(file.is_staged());
    out.extend(file.publish());
    assert_eq!(asked(&mut out), ["complete 1,2"]);
}

#[test]
fn short_memory_stages_a_small_sealed_file_in_s3() {
    let mut out = Vec::new();
    let mut file = file();
    out.extend(file.append(rows("abc"), 1).unwrap());
    out.extend(file.seal(SealReason::Memory).unwrap());
    assert_eq!(file.resident_bytes(), 3);
    out.extend(file.leave_memory());
    assert_eq!(file.resident_bytes(), 0, "it is on its way");
    out.extend(file.key_ready("k".to_owned()));
    out.extend(file.created("u".to_owned()));
    assert_eq!(asked(&mut out), ["create k", "part 1 abc"]);
    out.extend(file.part_uploaded(receipt(1)));
    assert!(file.is_staged());
}

#[test]
fn a_discarded_file_aborts_its_upload_once_nothing_of_it_is_under_way() {
    let mut out = Vec::new();
    let mut file = file();
    out.extend(file.key_ready("k".to_owned()));
    out.extend(file.append(rows("0123456789"), 1).unwrap());
    out.extend(file.discard());
    assert!(!file.is_gone(), "the upload is being opened");
    out.extend(file.created("u".to_owned()));
    assert_eq!(asked(&mut out), ["create k", "skip", "abort u"], "and no part is sent any more");
    out.extend(file.removed());
    assert!(file.is_gone());
}

#[test]
fn a_failed_completion_aborts_and_a_taken_key_asks_for_another() {
    let mut out = Vec::new();
    let mut large = file();
    out.extend(large.key_ready("k".to_owned()));
    out.extend(large.append(rows("0123456789"), 1).unwrap());
    out.extend(large.created("u".to_owned()));
    out.extend(large.part_uploaded(receipt(1)));
    out.extend(large.seal(SealReason::End).unwrap());
    out.extend(large.publish());
    out.extend(large.request_failed(true));
    out.extend(large.discard());
    out.extend(large.removed());
    assert_eq!(
        asked(&mut out)[3..],
        ["skip", "abort u", "delete k"],
        "it may have happened all the same"
    );
    assert!(!large.is_gone());
    out.extend(large.removed());
    assert!(large.is_gone());

    let mut small = file();
    out.extend(small.key_ready("k".to_owned()));
    out.extend(small.append(rows("abc"), 1).unwrap());
    out.extend(small.seal(SealReason::End).unwrap());
    out.extend(small.publish());
    small.key_taken(vec![segment("abc").into()]);
    assert!(!small.is_staged(), "it has no key");
    out.extend(small.key_ready("k_2".to_owned()));
    out.extend(small.publish());
    assert_eq!(asked(&mut out), ["put k abc", "put k_2 abc"]);
}

#[test]
fn a_discarded_file_deletes_its_object_if_that_is_visible() {
    let mut out = Vec::new();
    let published = |out: &mut Vec<Action>| {
        let mut file = file();
        out.extend(file.key_ready("k".to_owned()));
        out.extend(file.append(rows("abc"), 1).unwrap());
        out.extend(file.seal(SealReason::Checkpoint).unwrap());
        out.extend(file.publish());
        file
    };
    // Visible, then given up; given up, then visible; refused; not sent.
    let mut visible = published(&mut out);
    out.extend(visible.published());
    assert!(visible.is_visible());
    out.extend(visible.discard());
    let mut late = published(&mut out);
    out.extend(late.discard());
    out.extend(late.published());
    for file in [&mut visible, &mut late] {
        assert!(!file.is_visible() && !file.is_gone());
        out.extend(file.removed());
        assert!(file.is_gone());
    }
    let expected = ["put k abc", "skip", "delete k"];
    assert_eq!(asked(&mut out), [expected, expected].concat());
    let mut refused = published(&mut out);
    out.extend(refused.request_failed(false));
    out.extend(refused.discard());
    assert!(refused.is_gone());
    assert_eq!(asked(&mut out), ["put k abc", "skip"]);
}

#[test]
fn metadata_has_the_rows_if_they_are_known_when_the_upload_is_created() {
    let told = |out: &[Action]| -> Vec<(String, String)> {
        let object = out.iter().find_map(|action| match action {
            Action::Store(
                _,
                StoreRequest::Create { object, .. } | StoreRequest::Put { object, .. },
            ) => Some(object),
            _ => None,
        });
        object.unwrap().metadata.clone()
    };
    let fields = [("rows".to_owned(), "1".to_owned()), ("sealed-by".to_owned(), "size".to_owned())];
    for text in ["abc", "0123456789"] {
        let mut out = Vec::new();
        let mut file = file();
        out.extend(file.append(rows(text), 1).unwrap());
        out.extend(file.seal(SealReason::Size).unwrap());
        out.extend(file.key_ready("k".to_owned()));
        out.extend(file.publish());
        assert_eq!(told(&out), fields);
        assert!(file.metadata_has_rows());
    }
    let mut out = Vec::new();
    let mut early = file();
    out.extend(early.key_ready("k".to_owned()));
    out.extend(early.append(rows("0123456789"), 1).unwrap());
    assert_eq!(told(&out), []);
    assert!(!early.metadata_has_rows());
}

#[test]
fn a_segment_of_many_parts_is_not_copied_and_is_held_until_its_last_part_is_sent() {
    let mut out = Vec::new();
    let budget = Budget::new(1, 1);
    let mut file = file();
    out.extend(file.key_ready("k".to_owned()));
    let line = Segment { bytes: b"0123456789abcdefghijKLMNO".to_vec(), permit: budget.take(25) };
    out.extend(file.append(Chunk { data: Rows::Text(line), ..rows("") }, 1).unwrap());
    out.extend(file.created("u".to_owned()));
    assert_eq!(file.resident_bytes(), 25, "the rest keeps all of its segment in memory");
    out.extend(file.seal(SealReason::Memory).unwrap());
    assert_eq!(file.resident_bytes(), 0);
    let mut parts: Vec<Vec<SegmentSlice>> = out
        .drain(..)
        .filter_map(|action| match action {
            Action::Store(_, StoreRequest::Part { body, .. }) => Some(body),
            _ => None,
        })
        .collect();
    assert_eq!(
        parts.iter().map(|part| text(part)).collect::<Vec<_>>(),
        ["0123456789", "abcdefghij", "KLMNO"]
    );
    parts.truncate(1);
    assert_eq!(budget.used_bytes(), 25);
    parts.clear();
    assert_eq!(budget.used_bytes(), 0);
}

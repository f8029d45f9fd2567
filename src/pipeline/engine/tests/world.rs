//! The world around the engine: what the platform, the workers and S3 would do.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

use chrono::TimeZone;
use uuid::Uuid;

use super::super::{Engine, EngineSettings, StreamPlan};
use crate::error::{Failure, FailureType};
use crate::format::text::RowEncoder;
use crate::format::{Format, MetadataColumns, StreamMeta};
use crate::key::{KeyTemplate, RunValues, StreamValues, highest_listed, ids};
use crate::model::{StreamDescriptor, StreamIx};
use crate::pipeline::budget::Budget;
use crate::pipeline::file::{FileSettings, PieceSizes};
use crate::pipeline::messages::{
    Action, Chunk, Compression, CursorNotes, EncodedBlock, Event, FileId, Item, Job, JobDone,
    LineFault, Rows, Segment, SegmentSlice, StoreAnswer, StoreRequest, StreamFormat,
};
use crate::pipeline::summary::RunSummary;
use crate::protocol::state::{StateMessage, StateScope};
use crate::store::{Effect, Operation, PartReceipt, StoreError, StoreErrorKind};

pub(super) const STREAMS: usize = 3;

/// What is to be different from the usual run.
#[derive(Clone, Debug)]
pub(super) struct Options {
    pub(super) template: &'static str,
    pub(super) file_size_bytes: u64,
    pub(super) interval: Duration,
    pub(super) checkpoint_records: Option<u64>,
    pub(super) tail_bytes: u64,
    pub(super) memory_bytes: u64,
    pub(super) compress: bool,
    pub(super) expects_complete: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            template: "{stream_name}/{date_time}_{part}.{extension}",
            file_size_bytes: 1 << 30,
            interval: Duration::from_secs(60),
            checkpoint_records: None,
            tail_bytes: 1 << 20,
            memory_bytes: 1 << 30,
            compress: false,
            expects_complete: false,
        }
    }
}

/// What S3 does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Done,
    Refused,
    /// It is done, and no answer comes, nor can it be found out.
    AnswerLost,
}

/// A printed STATE: the number it was given on the way in, and its record count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Printed {
    pub(super) state: usize,
    pub(super) records: u64,
}

pub(super) struct World {
    engine: Engine,
    budget: Budget,
    now: Instant,
    next_block: u64,
    /// Rows sent so far, per stream.
    pub(super) sent: [u64; STREAMS],
    /// (stream or all, rows sent per stream when it was sent)
    pub(super) states: Vec<(Option<usize>, [u64; STREAMS])>,
    /// Work that the engine has asked for and that is not answered yet.
    pub(super) pending: Vec<Action>,
    pub(super) objects: BTreeMap<String, String>,
    /// The tokens of our objects.
    tokens: HashMap<String, Uuid>,
    pub(super) uploads: HashMap<String, BTreeMap<i32, String>>,
    pub(super) printed: Vec<Printed>,
    pub(super) logs: Vec<String>,
    pub(super) requests: u64,
    skipped: HashSet<FileId>,
    /// Every put is refused so.
    pub(super) refuses_keys: Option<StoreErrorKind>,
    /// What a STATE is longer by than it need be.
    pub(super) state_padding: usize,
}

/// A refusal that leaves nothing behind.
fn taken(op: Operation, kind: StoreErrorKind) -> StoreError {
    let mut error = StoreError::for_test(op, kind);
    error.effect = Effect::NotApplied;
    error
}

impl StreamPlan {
    pub(super) fn for_tests(descriptor: StreamDescriptor, compression: Compression) -> Self {
        let stream_id = ids::stream_id("c", &descriptor);
        let stream_run_id = ids::stream_run_id(Uuid::nil(), stream_id);
        let values = StreamValues { descriptor, stream_id, stream_run_id, generation_id: Some(1) };
        let meta = StreamMeta { generation_id: None, sync_id: 0 };
        let format = Format::Jsonl { gzip_level: None };
        let encoder = RowEncoder::new(&format, MetadataColumns::None, &meta, &[]).unwrap();
        Self { values, format: StreamFormat::text(encoder, compression) }
    }
}

/// The settings of a run over these streams.
pub(super) fn settings(options: &Options, streams: Vec<StreamPlan>) -> EngineSettings {
    let template = KeyTemplate::parse(options.template).unwrap();
    EngineSettings {
        run: RunValues {
            extension: "jsonl",
            started_at: chrono_tz::UTC.with_ymd_and_hms(2026, 11, 22, 1, 2, 3).unwrap(),
            connection_id: "c".to_owned(),
            connection_run_id: Uuid::nil(),
            sync_id: 7,
        },
        streams,
        content_type: "text/plain",
        file: FileSettings {
            pieces: PieceSizes { min_frame_bytes: 30, min_row_group_bytes: 0 },
            part_bytes: 60,
            key_when_sealed: template.uses_cursor(),
        },
        template,
        file_size_bytes: options.file_size_bytes,
        checkpoint_interval: options.interval,
        checkpoint_records: options.checkpoint_records,
        tail_bytes: options.tail_bytes,
        expects_complete: options.expects_complete,
        attempt_id: Uuid::nil(),
    }
}

impl World {
    pub(super) fn new(options: &Options) -> Self {
        let compression =
            if options.compress { Compression::Gzip { level: 1 } } else { Compression::None };
        let plan =
            |ix| StreamPlan::for_tests(StreamDescriptor::new(None, format!("s{ix}")), compression);
        let settings = settings(options, (0..STREAMS).map(plan).collect());
        let budget = Budget::new(options.memory_bytes, u64::MAX);
        Self {
            engine: Engine::new(settings, budget.clone()),
            budget,
            now: crate::env::instant(),
            next_block: 0,
            sent: [0; STREAMS],
            states: Vec::new(),
            pending: Vec::new(),
            objects: BTreeMap::new(),
            tokens: HashMap::new(),
            uploads: HashMap::new(),
            printed: Vec::new(),
            logs: Vec::new(),
            requests: 0,
            skipped: HashSet::new(),
            refuses_keys: None,
            state_padding: 0,
        }
    }

    /// Rows `s:n;` of a stream.
    pub(super) fn rows(&mut self, stream: usize, count: u64) {
        let first = self.sent[stream] + 1;
        self.sent[stream] += count;
        let text: String = (first..first + count).map(|row| format!("{stream}:{row};")).collect();
        let permit = self.budget.take(text.len() as u64);
        let chunk = Chunk {
            stream: StreamIx(stream as u32),
            rows: count,
            data: Rows::Text(Segment { bytes: text.into_bytes(), permit }),
            issues: Vec::new(),
            cursor: CursorNotes {
                highest: chrono::DateTime::from_timestamp(first as i64, 0),
                rows_without: 0,
            },
            dropped_fields: 0,
            repaired_strings: 0,
            input_bytes: 1,
            sample: None,
        };
        self.block(vec![Item::Chunk(chunk)], None);
    }

    pub(super) fn state(&mut self, stream: Option<usize>) {
        let scope = stream.map_or(StateScope::All, |ix| StateScope::Stream(StreamIx(ix as u32)));
        let padding = "x".repeat(self.state_padding);
        let line = format!(r#"{{"n":{},"padding":"{padding}","state":{{}}}}"#, self.states.len());
        let at = line.find(r#"{}"#).unwrap();
        let message = StateMessage::keep(line.as_bytes(), at, Some(scope)).unwrap();
        self.states.push((stream, self.sent));
        let permit = self.budget.take(message.held_bytes());
        self.block(vec![Item::State(message, permit)], None);
    }

    pub(super) fn complete(&mut self, stream: usize) {
        self.block(vec![Item::Complete(StreamIx(stream as u32))], None);
    }

    pub(super) fn fault(&mut self) {
        self.block(Vec::new(), Some(LineFault { line: 1, reason: "is garbled".to_owned() }));
    }

    pub(super) fn end_of_input(&mut self) {
        let blocks = self.next_block;
        self.handle(Event::InputEnded { blocks, fault: None });
    }

    pub(super) fn stdout_closed(&mut self) {
        self.handle(Event::StdoutClosed);
    }

    pub(super) fn wait(&mut self, time: Duration) {
        self.now += time;
        if self.engine.deadline().is_some_and(|deadline| deadline <= self.now) {
            self.handle(Event::Timer);
        }
    }

    pub(super) fn deadline_in(&self) -> Option<Duration> {
        self.engine.deadline().map(|deadline| deadline.saturating_duration_since(self.now))
    }

    pub(super) fn waiting_state_bytes(&self) -> u64 {
        self.engine.waiting_state_bytes
    }

    pub(super) fn used_bytes(&self) -> u64 {
        self.budget.used_bytes()
    }

    /// Answers one pending request. Says whether the run has lost something by its fate. Removals
    /// always succeed.
    pub(super) fn answer(&mut self, nth: usize, fate: Fate) -> bool {
        let ix = nth % self.pending.len();
        let (event, lost) = match self.pending.remove(ix) {
            Action::Job(Job { file, piece, work }) => {
                // What a compressor that changes nothing makes of the text.
                let bytes = work.text().unwrap().into_bytes();
                work.finish_with(Segment { bytes, permit: self.budget.take(0) });
                let done = JobDone { file, piece, result: Ok(()), is_rationed: false };
                (Event::JobDone(done), false)
            }
            Action::Store(file, request) => {
                let (answer, lost) = self.serve(file, request, fate);
                (Event::Stored(file, answer), lost)
            }
            Action::PrintState(_) | Action::Log(..) | Action::Skip(_) => unreachable!(),
        };
        self.handle(event);
        lost
    }

    /// Another writer's object appears under a key that is about to be put.
    pub(super) fn take_key(&mut self) {
        for action in &self.pending {
            if let Action::Store(
                _,
                StoreRequest::Put { key, .. } | StoreRequest::Create { key, .. },
            ) = action
            {
                self.objects.entry(key.clone()).or_default();
                return;
            }
        }
    }

    /// Answers everything, oldest first, until nothing is pending.
    pub(super) fn settle(&mut self) {
        while !self.pending.is_empty() {
            self.answer(0, Fate::Done);
        }
    }

    pub(super) fn is_finished(&self) -> bool {
        self.engine.is_finished()
    }

    pub(super) fn finish(self) -> (RunSummary, Result<(), Failure>) {
        self.engine.into_outcome()
    }

    /// Every visible row of a stream, in the order of the keys.
    pub(super) fn visible(&self, stream: usize) -> Vec<u64> {
        let prefix = format!("{stream}:");
        self.objects
            .values()
            .flat_map(|text| text.split_terminator(';'))
            .filter_map(|row| row.strip_prefix(&prefix))
            .map(|row| row.parse().unwrap())
            .collect()
    }

    fn block(&mut self, items: Vec<Item>, fault: Option<LineFault>) {
        let index = self.next_block;
        self.next_block += 1;
        self.handle(Event::Block(EncodedBlock { index, items, fault, lines: 1 }));
    }

    fn handle(&mut self, event: Event) {
        self.engine.handle(event, self.now);
        for action in self.engine.actions() {
            match action {
                Action::PrintState(line) => {
                    let line: serde_json::Value = serde_json::from_slice(&line).unwrap();
                    let state = line["n"].as_u64().unwrap() as usize;
                    let records =
                        line["state"]["destinationStats"]["recordCount"].as_f64().unwrap() as u64;
                    self.printed.push(Printed { state, records });
                }
                Action::Log(_, message) => self.logs.push(message),
                Action::Skip(file) => {
                    self.skipped.insert(file);
                }
                Action::Job(_) | Action::Store(..) => {
                    self.pending.push(action);
                }
            }
        }
    }

    fn serve(&mut self, file: FileId, request: StoreRequest, fate: Fate) -> (StoreAnswer, bool) {
        self.requests += 1;
        let error = |op| StoreError::for_test(op, StoreErrorKind::Server);
        let refused = match request {
            StoreRequest::List { .. } => StoreAnswer::Listed(Err(error(Operation::ListObjects))),
            StoreRequest::Abort { .. } | StoreRequest::DeleteObject { .. } => {
                return (self.carry_out(request), false);
            }
            _ if self.skipped.contains(&file) => return (StoreAnswer::Skipped, false),
            StoreRequest::Create { .. } => {
                StoreAnswer::Created(Err(error(Operation::CreateMultipartUpload)))
            }
            StoreRequest::Part { .. } => StoreAnswer::Part(Err(error(Operation::UploadPart))),
            StoreRequest::Put { .. } => StoreAnswer::Published(Err(error(Operation::PutObject))),
            StoreRequest::Complete { .. } => {
                StoreAnswer::Published(Err(error(Operation::CompleteMultipartUpload)))
            }
        };
        match fate {
            Fate::Done => (self.carry_out(request), false),
            // An upload whose id is lost stays behind whatever we do, so such a request is not
            // done.
            Fate::AnswerLost if !matches!(refused, StoreAnswer::Created(_)) => {
                match self.carry_out(request) {
                    taken @ StoreAnswer::KeyTaken(..) => (taken, false),
                    _ => (refused, true),
                }
            }
            Fate::Refused | Fate::AnswerLost => (refused, true),
        }
    }

    fn carry_out(&mut self, request: StoreRequest) -> StoreAnswer {
        let text = |body: Vec<SegmentSlice>| -> String {
            body.iter().map(|slice| std::str::from_utf8(slice.as_ref()).unwrap()).collect()
        };
        match request {
            StoreRequest::List { prefix, stem } => {
                let keys =
                    self.objects.keys().map(String::as_str).filter(|key| key.starts_with(&prefix));
                StoreAnswer::Listed(Ok(highest_listed(&stem, keys).map(|(_, key)| key.to_owned())))
            }
            StoreRequest::Create { key, .. } if self.objects.contains_key(&key) => {
                StoreAnswer::Created(Err(taken(
                    Operation::CreateMultipartUpload,
                    StoreErrorKind::KeyTaken,
                )))
            }
            StoreRequest::Create { .. } => {
                let id = format!("u{}", self.requests);
                self.uploads.insert(id.clone(), BTreeMap::new());
                StoreAnswer::Created(Ok(id))
            }
            StoreRequest::Part { upload_id, number, body, .. } => {
                self.uploads.get_mut(&upload_id).unwrap().insert(number, text(body));
                StoreAnswer::Part(Ok(PartReceipt {
                    part_number: number,
                    etag: String::new(),
                    checksum: None,
                }))
            }
            StoreRequest::Put { body, .. } if let Some(kind) = &self.refuses_keys => {
                StoreAnswer::KeyTaken(body, taken(Operation::PutObject, kind.clone()))
            }
            StoreRequest::Put { key, body, object } => match self.objects.entry(key.clone()) {
                Entry::Occupied(_) => StoreAnswer::KeyTaken(
                    body,
                    taken(Operation::PutObject, StoreErrorKind::KeyTaken),
                ),
                Entry::Vacant(free) => {
                    free.insert(text(body));
                    self.tokens.insert(key, object.token);
                    StoreAnswer::Published(Ok(()))
                }
            },
            StoreRequest::Complete { key, upload_id, parts, object } => {
                let stored = self.uploads.remove(&upload_id).unwrap();
                let named: Vec<i32> = parts.iter().map(|part| part.part_number).collect();
                assert_eq!(
                    named,
                    (1..=stored.len() as i32).collect::<Vec<_>>(),
                    "parts in order, all of them"
                );
                let (_, whole) =
                    stored.iter().next_back().map(|(last, _)| (last, stored.len())).unwrap();
                assert!(
                    stored.values().take(whole - 1).all(|part| part.len() == 60),
                    "parts of different sizes"
                );
                self.tokens.insert(key.clone(), object.token);
                assert!(
                    self.objects.insert(key, stored.into_values().collect()).is_none(),
                    "overwritten"
                );
                StoreAnswer::Published(Ok(()))
            }
            StoreRequest::Abort { upload_id, .. } => {
                self.uploads.remove(&upload_id);
                StoreAnswer::Aborted(Ok(()))
            }
            StoreRequest::DeleteObject { key, token } => {
                if self.tokens.get(&key) == Some(&token) {
                    self.objects.remove(&key);
                    self.tokens.remove(&key);
                }
                StoreAnswer::Deleted(Ok(()))
            }
        }
    }
}

/// The failure type of a finished run, `None` if it was good.
pub(super) fn failure_type(result: &Result<(), Failure>) -> Option<FailureType> {
    result.as_ref().err().map(|failure| failure.failure_type)
}

//! The source: numbered streams with a STATE at fixed intervals, which continue after the last
//! STATE that came back.
//!
//! A [`Plan`] and a position ([`Cursors`]) go in; the messages of one attempt come out. A record of
//! stream `s` is `{"id": n, "attempt": a, "text": ...}`: `n` counts from 1 in its stream, `a` is
//! the attempt that sent it (so that a row shows which process wrote it), and the text follows from
//! stream and number (so that a changed value is noticed).
//!
//! Invariants
//! - The records of a stream are the same in every attempt, except for `attempt`.
//! - The STATE after record `n` says `n`; it comes after the same records in every attempt.
//!
//! Not here: how fast messages are sent, and what comes back (`attempt`).

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::{Value, json};

use super::chance::{Chance, mix};

/// For each stream, the number of the last record that is done.
pub(crate) type Cursors = BTreeMap<String, u64>;

/// Which kind of STATE a source sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum States {
    /// One for each stream.
    Stream,
    /// One for all streams.
    Global,
}

/// How a source says that it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Generation fields in the catalog, and COMPLETE for every stream.
    Refresh,
    /// No generation fields; the input simply ends.
    Plain,
}

/// What happens to rows that are there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// They stay.
    Append,
    /// Those of earlier generations are removed at a good end.
    Truncate,
    /// All that this process did not write are removed at a good end.
    Overwrite,
}

/// A source with its catalog.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Determines the order of streams and the texts.
    pub(crate) seed: u64,
    /// Names of the streams.
    pub(crate) streams: Vec<String>,
    /// The number before a stream's first record: two sources of one stream send different records.
    pub(crate) first: u64,
    /// The number of records of each stream.
    pub(crate) records: u64,
    /// An additional STATE after this record; 0 for none.
    pub(crate) early_state: u64,
    /// The number of records between two STATEs.
    pub(crate) state_every: u64,
    /// Whether a STATE always follows the last record.
    pub(crate) state_at_end: bool,
    /// The kind of STATEs.
    pub(crate) states: States,
    /// How it ends.
    pub(crate) dialect: Dialect,
    /// What happens to older rows.
    pub(crate) mode: Mode,
    /// The generation of its rows, in the refresh dialect.
    pub(crate) generation: u64,
    /// The length of a record's text in bytes; the text hardly compresses.
    pub(crate) text_bytes: usize,
}

/// One line for the connector, and its kind.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    /// The line, with its line feed.
    pub(crate) line: String,
    /// The kind of message.
    pub(crate) kind: Kind,
}

/// The kind of a [`Message`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A RECORD of the stream with this index.
    Record { stream: usize, id: u64 },
    /// A STATE.
    State,
    /// COMPLETE for a stream.
    Complete,
}

impl Plan {
    /// Returns a plan of one stream of small records with STREAM states, in the refresh dialect.
    pub(crate) fn small(seed: u64) -> Self {
        Self {
            seed,
            streams: vec!["users".to_owned()],
            first: 0,
            records: 100,
            early_state: 0,
            state_every: 20,
            state_at_end: true,
            states: States::Stream,
            dialect: Dialect::Refresh,
            mode: Mode::Append,
            generation: 5,
            text_bytes: 100,
        }
    }

    /// Returns the catalog; the sync id is 42.
    pub(crate) fn catalog(&self) -> Value {
        let (mode, minimum) = match self.mode {
            Mode::Append => ("append", 0),
            Mode::Truncate => ("append", self.generation),
            Mode::Overwrite => ("overwrite", self.generation),
        };
        let streams = self.streams.iter().map(|name| {
            let properties = json!({
                "id": { "type": "integer" }, "attempt": { "type": "integer" },
                "text": { "type": "string" },
            });
            let mut stream = json!({
                "stream": {
                    "name": name,
                    "json_schema": { "type": "object", "properties": properties },
                    "supported_sync_modes": ["full_refresh", "incremental"],
                },
                "sync_mode": "incremental",
                "destination_sync_mode": mode,
            });
            if self.dialect == Dialect::Refresh {
                stream["generation_id"] = json!(self.generation);
                stream["minimum_generation_id"] = json!(minimum);
                stream["sync_id"] = json!(42);
            }
            stream
        });
        json!({ "streams": streams.collect::<Vec<_>>() })
    }

    /// Returns the position of a source that has never run.
    pub(crate) fn beginning(&self) -> Cursors {
        self.streams.iter().map(|name| (name.clone(), self.first)).collect()
    }

    /// Returns the number of a stream's last record.
    pub(crate) fn last(&self) -> u64 {
        self.first + self.records
    }

    /// Returns the number of records of all streams.
    pub(crate) fn all_records(&self) -> u64 {
        self.records * self.streams.len() as u64
    }

    /// Returns everything that attempt number `attempt` sends, from `position` on.
    pub(crate) fn messages(&self, position: &Cursors, attempt: u32) -> Vec<Message> {
        let mut chance = Chance::new(self.seed ^ u64::from(attempt) << 32);
        let mut at: Vec<u64> = self.streams.iter().map(|name| position[name]).collect();
        let mut messages = Vec::new();
        let mut stateless = 0;
        loop {
            let open: Vec<usize> =
                (0..at.len()).filter(|stream| at[*stream] < self.last()).collect();
            if open.is_empty() {
                break;
            }
            let stream = chance.one_of(&open);
            for _ in 0..chance.between(1, 8) {
                if at[stream] == self.last() {
                    break;
                }
                at[stream] += 1;
                stateless += 1;
                messages.push(self.record(stream, at[stream], attempt));
                let due = match self.states {
                    States::Stream => self.is_state_due(at[stream] - self.first),
                    States::Global => stateless >= self.state_every,
                };
                if due {
                    stateless = 0;
                    messages.push(self.state(stream, &at));
                }
            }
        }
        if self.states == States::Global && self.state_at_end && stateless > 0 {
            messages.push(self.state(0, &at));
        }
        if self.dialect == Dialect::Refresh {
            messages.extend(self.streams.iter().map(|name| complete(name)));
        }
        messages
    }

    fn is_state_due(&self, count: u64) -> bool {
        count.is_multiple_of(self.state_every)
            || count == self.early_state
            || (count == self.records && self.state_at_end)
    }

    fn record(&self, stream: usize, id: u64, attempt: u32) -> Message {
        let name = json!(self.streams[stream]);
        let text = self.text(&self.streams[stream], id);
        let line = format!(
            "{{\"type\":\"RECORD\",\"record\":{{\"stream\":{name},\"data\":{{\"id\":{id},\"attempt\":{attempt},\
             \"text\":\"{text}\"}},\"emitted_at\":1795347447038}}}}\n"
        );
        Message { line, kind: Kind::Record { stream, id } }
    }

    fn state(&self, stream: usize, at: &[u64]) -> Message {
        let one = |stream: usize| {
            json!({ "stream_descriptor": { "name": self.streams[stream] },
            "stream_state": { "cursor": at[stream] } })
        };
        let state = match self.states {
            States::Stream => json!({ "type": "STREAM", "stream": one(stream) }),
            States::Global => {
                let streams: Vec<Value> = (0..at.len()).map(one).collect();
                json!({ "type": "GLOBAL",
                    "global": { "shared_state": { "lsn": 1 }, "stream_states": streams } })
            }
        };
        Message {
            line: format!("{}\n", json!({ "type": "STATE", "state": state })),
            kind: Kind::State,
        }
    }

    /// Returns the text of a record, which does not depend on the attempt.
    pub(crate) fn text(&self, stream: &str, id: u64) -> String {
        let name = stream.bytes().fold(self.seed, |hash, byte| mix(hash ^ u64::from(byte)));
        let number = mix(name ^ id);
        let noise = noise();
        let length = self.text_bytes.min(noise.len() / 2);
        let start = (number % (noise.len() - length) as u64) as usize;
        format!("{number:016x}{}", noise.get(start..start + length).unwrap_or_default())
    }
}

/// Returns the cursors in a STATE message.
pub(crate) fn cursors(message: &Value) -> Cursors {
    let state = &message["state"];
    let streams = match state["type"].as_str() {
        Some("GLOBAL") => state["global"]["stream_states"].as_array().cloned().unwrap_or_default(),
        _ => vec![state["stream"].clone()],
    };
    let pairs = streams.iter().map(|stream| {
        let name = stream["stream_descriptor"]["name"].as_str().expect("a descriptor with a name");
        (name.to_owned(), stream["stream_state"]["cursor"].as_u64().expect("a cursor"))
    });
    pairs.collect()
}

fn complete(name: &str) -> Message {
    let message = json!({ "type": "TRACE",
        "trace": { "type": "STREAM_STATUS", "emitted_at": 1_795_347_447_038_u64,
        "stream_status": { "stream_descriptor": { "name": name }, "status": "COMPLETE" } } });
    Message { line: format!("{message}\n"), kind: Kind::Complete }
}

/// Returns letters and digits without a pattern, far more than a compressor's window.
fn noise() -> &'static str {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    static NOISE: OnceLock<String> = OnceLock::new();
    NOISE.get_or_init(|| {
        let mut chance = Chance::new(7);
        let mut text = String::with_capacity(2 << 20);
        while text.len() < 2 << 20 {
            let number = chance.any();
            text.extend(
                (0..10).map(|sextet| char::from(ALPHABET[(number >> (6 * sextet)) as usize & 63])),
            );
        }
        text
    })
}

//! Measures the window: from the moment at which rows are visible to the moment at which their
//! STATE is on stdout.
//!
//! A process is sent one STATE after the other, each when the previous one is back. The bucket is
//! polled all the time: the first new object opens the window, the STATE closes it. Both moments
//! are observed from outside, so that the figure includes the time to observe them.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::BUCKET;
use super::source::{Kind, Plan, States};
use crate::support::connector::Connector;
use crate::support::faulty_s3::FaultyS3;

/// The longest wait for anything.
const LIMIT: Duration = Duration::from_secs(60);

/// The windows of one process.
#[derive(Clone, Debug)]
pub(crate) struct Windows {
    /// The number of files per STATE: one for each stream.
    pub(crate) files: usize,
    /// Every window, shortest first.
    pub(crate) sorted: Vec<Duration>,
}

impl Windows {
    /// Returns the median window.
    pub(crate) fn median(&self) -> Duration {
        self.sorted.get(self.sorted.len() / 2).copied().unwrap_or_default()
    }

    /// Returns the longest window.
    pub(crate) fn longest(&self) -> Duration {
        self.sorted.last().copied().unwrap_or_default()
    }
}

/// Measures `count` windows of STATEs that cover `files` files each.
pub(crate) fn measure(connector: &Connector, files: usize, count: usize) -> Windows {
    let server = FaultyS3::start();
    server.create_bucket(BUCKET);
    let streams: Vec<String> = (0..files).map(|number| format!("stream{number}")).collect();
    let plan = Plan {
        state_every: 12 * files as u64,
        records: 12 * count as u64,
        streams,
        states: States::Global,
        ..Plan::small(9)
    };
    let mut config = server.config(BUCKET);
    config["format"] = json!({ "format_type": "jsonl.gz" });
    config["checkpoint_interval_seconds"] = json!(0);
    let mut session = connector.write(&config, &plan.catalog()).start();
    let mut sorted = Vec::new();
    for message in plan.messages(&plan.beginning(), 1) {
        session.send(message.line);
        if message.kind != Kind::State {
            continue;
        }
        let before = server.keys(BUCKET).len();
        let sent = Instant::now();
        while server.keys(BUCKET).len() == before {
            assert!(sent.elapsed() < LIMIT, "no object");
            std::thread::yield_now();
        }
        let visible = Instant::now();
        let is_state = |message: &Value| message["type"] == "STATE";
        session.wait_for(LIMIT, is_state).expect("the STATE of visible rows");
        sorted.push(visible.elapsed());
    }
    session.finish(LIMIT).expect_success();
    sorted.sort();
    Windows { files, sorted }
}

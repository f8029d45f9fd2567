//! One memory budget: the connector stops reading stdin while S3 does not answer.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::gate::Gate;
use crate::world::{World, catalog, complete, record, refresh, state};

const LIMIT_MB: u64 = 64;
const ROWS: usize = 9_000;
const ROW_BYTES: usize = 10_000;

#[test]
fn stdin_waits_while_s3_does_not_answer_and_nothing_is_lost() {
    let world = World::new();
    let gate = Gate::closed(&world.server.endpoint());
    let settings = json!({
        "s3_endpoint": gate.endpoint(),
        "memory_limit_mb": LIMIT_MB,
        "format": { "format_type": "jsonl" },
    });
    let catalog = catalog([refresh("users", &json!({ "id": {}, "text": {} }))]);
    let text = "x".repeat(ROW_BYTES);
    let mut input: String =
        (0..ROWS).map(|id| record("users", &format!(r#"{{"id":{id},"text":"{text}"}}"#))).collect();
    input.push_str(&[state("users", 1), complete("users")].concat());
    let total = input.len();

    let mut session = world.write(&settings, &catalog).start();
    session.send(input);
    let taken = settled(|| total - session.pending_input(), 10_000_000);
    assert!(
        taken < total - 10_000_000,
        "{taken} of {total} bytes were read while S3 did not answer"
    );
    let peak_mb = peak_rss_kib(session.pid()) / 1024;
    assert!(peak_mb < 2 * LIMIT_MB, "{peak_mb} MiB in use at a limit of {LIMIT_MB}");

    gate.open();
    session.close_stdin();
    session.finish(Duration::from_secs(120)).expect_success();
    let rows = world.rows();
    let ids = rows.iter().map(|row| row.get("id").unwrap().parse::<usize>().unwrap());
    assert!(ids.eq(0..ROWS), "{} rows", rows.len());
}

/// Returns `value` once it is over `least` and has not changed for a second.
fn settled(value: impl Fn() -> usize, least: usize) -> usize {
    let deadline = Instant::now() + Duration::from_secs(60);
    let (mut last, mut since) = (value(), Instant::now());
    while last <= least || since.elapsed() < Duration::from_secs(1) {
        assert!(Instant::now() < deadline, "still at {last}");
        std::thread::sleep(Duration::from_millis(20));
        let now = value();
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
    last
}

fn peak_rss_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

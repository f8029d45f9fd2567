//! What comes on stdin, and when its effects are seen.

use crate::world::{SOON, World, jsonl, users};

/// It was seen with the first STATE, or at the end: a person looked at an empty screen for a minute.
#[test]
fn a_log_line_is_seen_before_anything_is_read() {
    let world = World::new();
    let mut session = world.write(&jsonl(), &users()).start();
    let log = session.wait_for(SOON, |message| message["type"] == "LOG");
    assert!(log.is_some(), "the LOG about the store that is not AWS waits for input");
}

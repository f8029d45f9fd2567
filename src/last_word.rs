//! What the program says when it panics, which it should never do.
//!
//! A panic in any thread would leave the others waiting for it: the hook prints one TRACE ERROR, so that the platform
//! shows a reason, and ends the process. Rows that no STATE has acknowledged are sent again by the source.

use std::panic;

use crate::env;
use crate::error::{Failure, FailureType};
use crate::protocol::emitter::Emitter;

/// Installs the hook. Call it first.
pub fn install() {
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        let failure = Failure {
            // The payload may hold content of a record; the place says enough to find the defect.
            internal: Some(format!("panic at {place}")),
            ..Failure::new(
                FailureType::System,
                "the connector has a defect and stopped; what was acknowledged is safe, the rest is sent again. Please report this with the log",
            )
        };
        let mut emitter = Emitter::stdout();
        // Another emitter may have written half a line.
        let _ = emitter.line(b"");
        let _ = emitter.trace_error(&failure, env::unix_ms());
        exit();
    }));
}

#[allow(
    clippy::exit,
    clippy::disallowed_methods,
    reason = "the threads of a broken process cannot be joined"
)]
fn exit() -> ! {
    std::process::exit(1)
}

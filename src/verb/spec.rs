//! `spec`: prints what settings the connector takes.

use std::io::{self, Write};

use serde_json::json;

use crate::config::connector_specification;
use crate::protocol::emitter::Emitter;

/// Prints one SPEC message, and nothing before it: platforms look for it in the first lines.
pub(super) fn spec<W: Write>(emitter: &mut Emitter<W>) -> io::Result<()> {
    emitter.message(&json!({"type": "SPEC", "spec": connector_specification()}))?;
    emitter.flush()
}

//! The Airbyte protocol as a destination meets it: the catalog, the messages that come in, the
//! lines that go out.
//!
//! `envelope` reads a line of stdin, `state` keeps a STATE so that it can be echoed as it came,
//! `catalog` is the configured catalog, `emitter` is the only writer to stdout.

pub mod catalog;
pub mod emitter;
pub mod envelope;
pub mod state;

//! The Airbyte protocol as a destination meets it: the catalog, the messages that come in, the
//! lines that go out.
//!
//! | file | duty |
//! |---|---|
//! | `catalog` | reads the configured catalog |
//! | `envelope` | reads a line of stdin |
//! | `state` | keeps a STATE so that it can be echoed byte for byte |
//! | `emitter` | the only writer to stdout |
//!
//! Not here: what is done with records and STATEs (`pipeline`).

pub(crate) mod catalog;
pub(crate) mod emitter;
pub(crate) mod envelope;
pub(crate) mod state;

//! The settings as the user writes them, and the form that `spec` prints for them.
//!
//! JSON value -> [`settings::RawConfig`], by serde. The same Rust types -> JSON schema
//! ([`schema::configuration_schema`]), by schemars: the form and the reader cannot disagree.
//!
//! Not here: rules that a schema cannot express (`checked`), comparing settings with the schema in
//! words for people (`schema_check`).

pub(super) mod format;
pub(super) mod objects;
pub(super) mod schema;
pub(super) mod settings;

//! The user's settings: from the JSON text of the configuration to one checked [`Config`].
//!
//! JSON text -> `schema_check` (every name, type, bound and choice, against the schema that `spec`
//! prints) -> `form` (serde) -> `checked` (every rule that a schema cannot express) -> [`Config`].
//! `parse` goes through the steps, `error` words what is wrong.
//!
//! Invariants
//! - One [`Config`] is made once; no stage sees raw settings or the environment.
//! - The value of a secret, and any value under the name of one, is in no error, no warning and no
//!   `Debug` text.
//! - Nothing is trimmed, corrected or ignored silently: a setting is used as it was written, or
//!   rejected. A member that is null counts as absent; so does an empty text in an optional field.
//! - One answer names everything that is wrong.
//! - What `spec` prints and what [`Config::parse`] accepts come from the same Rust types.
//!
//! Not here: what a key template may hold (`key`), what the formats do (`format`), the environment
//! (`env`, `verb`).

mod checked;
mod error;
mod form;
mod parse;
mod schema_check;
mod secret;

#[cfg(test)]
mod tests;

pub(crate) use checked::Config;
pub(crate) use checked::endpoint::Endpoint;
#[cfg(test)]
pub(crate) use checked::sign_in::Role;
pub(crate) use checked::sign_in::{AccessKey, SignIn, is_external_id};
#[cfg(test)]
use error::{ConfigError, ConfigErrors};
pub(crate) use form::schema::connector_specification;
pub(crate) use secret::Secret;

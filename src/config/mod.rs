//! The user's settings: from the JSON text of the configuration to one checked [`Config`].
//!
//! JSON text -> `shape` (every name, type, bound and choice, against the schema that `spec` prints)
//! -> `raw` (serde) -> [`Config`] (every rule that a schema cannot say).
//!
//! Invariants
//! - One [`Config`] is made once; no stage sees raw settings or the environment.
//! - The value of a secret, and any value under the name of one, is in no error, no warning and no
//!   `Debug` text.
//! - Nothing is trimmed, corrected or ignored in silence: a setting is used as it was written, or
//!   refused. A member that is null counts as absent, an empty text too where the field is
//!   optional.
//! - One answer names everything that is wrong.
//! - What `spec` prints and what [`Config::parse`] takes come from the same Rust types.
//!
//! Not here: what a key template may hold (`key`), what the formats do (`format`), the environment
//! (`env`). May import: `error`, `json`, `format::options`, the choices of the formats, `key`, the
//! options of `store`.

mod checked;
mod error;
mod form;
mod schema_check;
mod secret;

#[cfg(test)]
mod tests;

pub use checked::Config;
pub use checked::endpoint::{Endpoint, EndpointError, Scheme};
pub use checked::sign_in::{AccessKey, Role, SignIn, is_external_id};
pub use error::{ConfigError, ConfigErrors};
pub use form::schema::connector_specification;
pub use secret::Secret;

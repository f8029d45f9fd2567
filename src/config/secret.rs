//! Strings that must never be shown.
//!
//! Invariants
//! - A [`Secret`] has no `Display` and its `Debug` is `***`, so that it cannot get into a message
//!   by accident.
//! - Deserializing one never quotes a wrong value: serde's own message about a number in place of a
//!   string repeats the number, and a password may well be a number.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// A string that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    /// Wraps a string.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the string itself, to sign requests with.
    #[must_use]
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SecretVisitor)
    }
}

impl JsonSchema for Secret {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "airbyte_secret": true })
    }
}

struct SecretVisitor;

fn not_a_text<E: Error>() -> E {
    E::custom("a secret must be a string")
}

// The default methods of the trait quote scalars in their errors. All methods that may get a scalar
// are overridden here.
impl Visitor<'_> for SecretVisitor {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Secret, E> {
        Ok(Secret::new(text))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Secret, E> {
        Ok(Secret(text))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Secret, E> {
        Err(not_a_text())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Secret, E> {
        Err(not_a_text())
    }

    fn visit_i128<E: Error>(self, _: i128) -> Result<Secret, E> {
        Err(not_a_text())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Secret, E> {
        Err(not_a_text())
    }

    fn visit_u128<E: Error>(self, _: u128) -> Result<Secret, E> {
        Err(not_a_text())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Secret, E> {
        Err(not_a_text())
    }

    fn visit_bytes<E: Error>(self, _: &[u8]) -> Result<Secret, E> {
        Err(not_a_text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(tag = "kind")]
    enum Tagged {
        #[serde(rename = "key")]
        Key { secret: Secret },
    }

    #[test]
    fn a_secret_is_never_in_an_error_or_a_debug_text() {
        for value in [
            "7391846",
            "-7391846",
            "73.91846",
            "true",
            "[7391846]",
            r#"{"7391846":7391846}"#,
            "null",
        ] {
            let plain = serde_json::from_str::<Secret>(value).unwrap_err().to_string();
            assert!(!plain.contains("91846") && !plain.contains("true"), "{plain}");
            let tagged = format!(r#"{{"kind":"key","secret":{value}}}"#);
            let tagged = serde_json::from_str::<Tagged>(&tagged).unwrap_err().to_string();
            assert!(!tagged.contains("91846") && !tagged.contains("true"), "{tagged}");
        }
        let read: Tagged = serde_json::from_str(r#"{"kind":"key","secret":"s7391846"}"#).unwrap();
        assert_eq!(format!("{read:?}"), "Key { secret: *** }");
        let Tagged::Key { secret } = read;
        assert_eq!(secret.expose(), "s7391846");
    }
}

//! Takes the settings through all steps: from JSON text to [`Config`].
//!
//! Each step adds to one list of problems and hands on what can still be read, so that one answer
//! names everything that is wrong.
//!
//! Not here: the steps themselves (`schema_check`, `form`, `checked`).

use serde_json::Value;

use super::Config;
use super::error::{ConfigError, ConfigErrors, Problems};
use super::form::schema::configuration_schema;
use super::schema_check::duplicate_names::duplicate_names;
use super::schema_check::{check_against_schema, type_name};
use crate::json::value::Broken;
use crate::json::{self, ForeignText, without_byte_order_mark};

impl Config {
    /// Reads and checks the text of a configuration.
    ///
    /// # Errors
    /// Everything that is wrong. It is for the user to correct; no message holds a secret.
    pub(crate) fn parse(json_text: &[u8]) -> Result<Self, ConfigErrors> {
        let text = without_byte_order_mark(json_text);
        let value = json::value::parse(text).map_err(|broken| not_json(text, &broken))?;
        if !value.is_object() {
            return Err(ConfigError::NotAnObject { found: type_name(&value) }.into());
        }
        if let Some(problem) = other_document(&value) {
            return Err(ConfigError::NotSettings { problem }.into());
        }
        let mut problems = Problems::default();
        duplicate_names(text)
            .into_iter()
            .for_each(|path| problems.add(ConfigError::DuplicateName { path }));
        let value = check_against_schema(value, configuration_schema(), &mut problems);
        let config = match serde_path_to_error::deserialize(value) {
            Ok(raw) => Self::from_form(raw, &mut problems),
            Err(error) => {
                // If a problem is known already, a placeholder may have caused this error, which
                // must not be reported then.
                if problems.is_empty() {
                    problems.add(ConfigError::Unreadable { path: error.path().to_string() });
                }
                None
            }
        };
        problems.finish(config)
    }
}

fn not_json(text: &[u8], broken: &Broken) -> ConfigError {
    match ForeignText::recognise(text) {
        Some(foreign) => ConfigError::OtherFormat(foreign),
        None => ConfigError::NotJson {
            fault: broken.error.fault,
            line: broken.line,
            column: broken.column,
        },
    }
}

/// Recognizes a JSON object of another kind: returns what it holds and what to do.
fn other_document(value: &Value) -> Option<&'static str> {
    let is_message = |kind: &str| value.get("type").is_some_and(|found| found == kind);
    let wraps =
        |name: &str| value.get(name).and_then(|inner| inner.get("s3_bucket_name")).is_some();
    if value.get("s3_bucket_name").is_some() || value.get("authentication").is_some() {
        None
    } else if value.get("streams").is_some_and(Value::is_array) || is_message("CATALOG") {
        Some("holds a catalog: are --config and --catalog swapped?")
    } else if value.get("connectionSpecification").is_some() || is_message("SPEC") {
        Some(
            "holds the output of `spec`: give settings that fit it, such as those under \
             spec/examples",
        )
    } else if wraps("configuration") || wraps("connectionConfiguration") || wraps("config") {
        Some("holds the settings inside another object: pass only the inner object")
    } else {
        None
    }
}

//! Settings from JSON text to [`Config`]. Files: `form` (the schema and the examples), `values`
//! (which setting becomes what), `messages` (what is said about settings that are wrong),
//! `any_json` (what must hold for any text whatsoever).

mod any_json;
mod form;
mod messages;
mod values;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::*;

fn in_spec(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("spec").join(path)
}

/// The JSON files of a folder of `spec/`, with their names.
fn json_files(folder: &str) -> Vec<(String, PathBuf)> {
    let mut files: Vec<_> = fs::read_dir(in_spec(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), path))
        .collect();
    files.sort();
    files
}

#[allow(clippy::disallowed_methods, reason = "a switch of this test, which no stage sees")]
fn golden_is_to_be_written() -> bool {
    std::env::var("UPDATE_GOLDEN").is_ok_and(|value| value == "1")
}

pub(crate) fn parse(config: &Value) -> Result<Config, ConfigErrors> {
    Config::parse(config.to_string().as_bytes())
}

/// A configuration that is taken, with some members replaced.
pub(crate) fn with(members: &Value) -> Value {
    let mut config = json!({
        "s3_bucket_name": "acme-raw-data",
        "s3_bucket_region": "us-east-1",
        "authentication": {
            "auth_type": "access_key",
            "access_key_id": "AKIAIOSFODNN7EXAMPLE",
            "secret_access_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        },
    });
    for (name, value) in members.as_object().unwrap() {
        config[name] = value.clone();
    }
    config
}

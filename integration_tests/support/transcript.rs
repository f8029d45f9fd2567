//! Records everything that the connector printed and wrote during the tests, and every secret that
//! it was given.
//!
//! The servers and the connector's runs report runs, objects and secrets here; a caller learns
//! whether a text contains a secret. Tests keep all of it in a folder per process under
//! `target/tmp/transcript`, where the last step of `make test` searches the output of the whole
//! suite for the secrets of the whole suite (`secrets`).
//!
//! Invariants
//! - A secret is known before the connector gets it.
//! - The records of two processes never mix: each process id has a folder.
//!
//! Not here: which members and variables hold secrets (`connector`).

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use memchr::memmem;

use super::read_back;

/// What appears in signed requests only, in lower case.
const MARKS: [&str; 7] = [
    "aws4-hmac-sha256",
    "signature=",
    "signedheaders=",
    "credential=",
    "x-amz-security-token",
    "<secretaccesskey>",
    "proxy-authorization",
];
/// Shorter texts occur by chance.
const SHORTEST_SECRET_BYTES: usize = 6;
/// Larger objects are searched when they are recorded, but not kept.
const LARGEST_KEPT_BYTES: usize = 64 * 1024;

/// Longer than any suite takes.
const LONGEST_KEPT: Duration = Duration::from_secs(24 * 3600);
/// The first bytes of every gzip file.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The names of the files of a process.
pub(crate) const PRINTED: &str = "printed.txt";
pub(crate) const WRITTEN: &str = "written.txt";
pub(crate) const SECRETS: &str = "secrets.json";

/// Returns the folder of all processes; `None` if the program is not a test.
pub(crate) fn folder() -> Option<PathBuf> {
    option_env!("CARGO_TARGET_TMPDIR").map(|folder| Path::new(folder).join("transcript"))
}

static KNOWN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
static FILES: OnceLock<Option<Files>> = OnceLock::new();

/// The files of this process.
#[derive(Debug)]
struct Files {
    printed: Mutex<File>,
    written: Mutex<File>,
    secrets: Mutex<File>,
}

impl Files {
    fn get() -> Option<&'static Self> {
        let open = || {
            let all = folder()?;
            remove_old(&all);
            let folder = all.join(std::process::id().to_string());
            // Left by an older process with the same id.
            let _ = fs::remove_dir_all(&folder);
            fs::create_dir_all(&folder).expect("a folder for the transcript");
            let file = |name: &str| {
                Mutex::new(File::create(folder.join(name)).expect("a file of the transcript"))
            };
            Some(Self { printed: file(PRINTED), written: file(WRITTEN), secrets: file(SECRETS) })
        };
        FILES.get_or_init(open).as_ref()
    }
}

/// Removes the records of processes that ended long ago; `make test` removes everything before it
/// begins.
fn remove_old(all: &Path) {
    for entry in fs::read_dir(all).into_iter().flatten().flatten() {
        let modified = entry.metadata().and_then(|metadata| metadata.modified());
        let age =
            modified.ok().and_then(|modified| SystemTime::now().duration_since(modified).ok());
        if age.is_some_and(|age| age > LONGEST_KEPT) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn append(file: &Mutex<File>, text: &[u8]) {
    let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
    file.write_all(text).expect("room for the transcript");
}

/// Records a text that must not appear in any output, now and at the end of the suite.
pub(crate) fn secret(text: &str) {
    if text.len() >= SHORTEST_SECRET_BYTES && known().insert(text.to_owned()) {
        let line = format!("{}\n", serde_json::Value::from(text));
        Files::get().into_iter().for_each(|files| append(&files.secrets, line.as_bytes()));
    }
}

/// Records what a run of the connector printed.
pub(crate) fn printed(arguments: &[String], stdout: &[String], stderr: &str) {
    let Some(files) = Files::get() else { return };
    let mut text = format!("=== {}\n", arguments.join(" "));
    stdout.iter().for_each(|line| {
        text.push_str(line);
        text.push('\n');
    });
    text.push_str(stderr);
    text.push('\n');
    append(&files.printed, text.as_bytes());
}

/// Records an object that a server held when it stopped. Returns a description of a leak in it.
pub(crate) fn written(
    key: &str,
    metadata: &BTreeMap<String, String>,
    content: &[u8],
    secrets: &[String],
) -> Option<String> {
    if let Some(files) = Files::get() {
        let mut text = description(key, metadata).into_bytes();
        if content.len() <= LARGEST_KEPT_BYTES {
            text.extend_from_slice(&plain(key, content));
            text.push(b'\n');
        }
        append(&files.written, &text);
    }
    leak_of_object(key, metadata, content, secrets)
}

/// Returns a description of a leak in an object. Parquet is searched as it is: its names and footer
/// are plain, its pages are compressed.
pub(crate) fn leak_of_object(
    key: &str,
    metadata: &BTreeMap<String, String>,
    content: &[u8],
    secrets: &[String],
) -> Option<String> {
    leak(description(key, metadata).as_bytes(), secrets)
        .or_else(|| leak(&plain(key, content), secrets))
}

fn description(key: &str, metadata: &BTreeMap<String, String>) -> String {
    let pairs: String = metadata.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    format!("=== {key}\n{pairs}")
}

/// Returns the text of an object, whatever its name says.
fn plain(key: &str, content: &[u8]) -> Vec<u8> {
    if content.starts_with(&GZIP_MAGIC) {
        read_back::content(key, content)
    } else {
        content.to_owned()
    }
}

/// Returns every secret that this process knows of.
pub(crate) fn secrets() -> Vec<String> {
    known().iter().cloned().collect()
}

/// Returns a description of the first leak in `text`: a mark of a signed request, or one of
/// `secrets`.
pub(crate) fn leak(text: &[u8], secrets: &[String]) -> Option<String> {
    leaks(text, secrets).into_iter().next()
}

/// Returns descriptions of all leaks in `text`. They do not repeat the secret.
pub(crate) fn leaks(text: &[u8], secrets: &[String]) -> Vec<String> {
    let marks = MARKS.iter().filter(|mark| holds_in_any_case(text, mark.as_bytes()));
    let mut leaks: Vec<String> =
        marks.map(|mark| format!("the mark \"{mark}\" of a signed request")).collect();
    let is_there = |secret: &&String| {
        let encoded =
            percent_encoding::utf8_percent_encode(secret, percent_encoding::NON_ALPHANUMERIC)
                .to_string();
        memmem::find(text, secret.as_bytes()).is_some()
            || (encoded != **secret && memmem::find(text, encoded.as_bytes()).is_some())
    };
    leaks.extend(secrets.iter().filter(is_there).map(|secret| {
        let beginning: String = secret.chars().take(4).collect();
        format!("a secret of {} bytes that begins with \"{beginning}\"", secret.len())
    }));
    leaks
}

/// Returns whether `text` contains `mark`, which is in lower case, in any case.
fn holds_in_any_case(text: &[u8], mark: &[u8]) -> bool {
    let first = mark[0];
    memchr::memchr2_iter(first, first.to_ascii_uppercase(), text).any(|start| {
        text[start..].get(..mark.len()).is_some_and(|found| found.eq_ignore_ascii_case(mark))
    })
}

fn known() -> MutexGuard<'static, BTreeSet<String>> {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::leak;

    #[test]
    fn secrets_are_found_in_every_spelling() {
        let secrets = ["wJalr/XUtn+FEMI".to_owned()];
        for text in [
            "Authorization: AWS4-HMAC-SHA256 Credential",
            "aws4-hmac-sha256",
            "a=b&X-Amz-Signature=00",
            "{\"key\":\"wJalr/XUtn+FEMI\"}",
            "?key=wJalr%2FXUtn%2BFEMI&",
            "X-Amz-Security-Token: ",
        ] {
            assert!(leak(text.as_bytes(), &secrets).is_some(), "{text}");
        }
        for text in ["", "a signature is wrong", "wJalr/XUtn+FEM", "the credentials have expired"] {
            assert_eq!(leak(text.as_bytes(), &secrets), None, "{text}");
        }
    }
}

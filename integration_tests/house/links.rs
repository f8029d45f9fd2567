//! Paths in documents and comments lead to files that exist.

use std::collections::BTreeSet;

use super::finding::Finding;
use super::markdown::{code_spans, lines, without_code_spans};
use super::repository::SourceFile;
use super::tokens::{Kind, tokens};

/// Folders whose paths are checked where they stand in backticks.
const FOLDERS: [&str; 7] = [".ci", "benches", "docs", "fuzz", "integration_tests", "spec", "src"];

/// Reports links and paths of a document that lead nowhere; `paths` holds all files and folders.
pub(crate) fn check_document(
    file: &SourceFile,
    documents: &[SourceFile],
    paths: &BTreeSet<String>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line, is_fenced) in lines(&file.text) {
        if is_fenced {
            continue;
        }
        findings.extend(check_spans(&file.path, number, line, paths));
        for target in link_targets(&without_code_spans(line)) {
            findings.extend(check_link(file, number, target, documents, paths));
        }
    }
    findings
}

/// Reports paths in the comments of a Rust file that lead nowhere.
pub(crate) fn check_source(file: &SourceFile, paths: &BTreeSet<String>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for comment in tokens(&file.text).iter().filter(|token| token.kind == Kind::Comment) {
        for (number, line) in (comment.line..).zip(comment.text.lines()) {
            findings.extend(check_spans(&file.path, number, line, paths));
        }
    }
    findings
}

/// Reports the paths between backticks that do not exist; a pattern such as `src/*.rs` is no path.
///
/// A path from the root begins with one of [`FOLDERS`]. Other names of Rust files may leave out the
/// folders around them.
fn check_spans(path: &str, number: usize, line: &str, paths: &BTreeSet<String>) -> Vec<Finding> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    let exists = |span: &str| {
        let is_from_root =
            span.split_once('/').is_some_and(|(folder, _)| FOLDERS.contains(&folder));
        let name = span.strip_suffix(".rs");
        let is_file = name.is_some_and(|name| name.ends_with(char::is_alphanumeric));
        if is_from_root || !is_file {
            return !is_from_root || paths.contains(span.trim_end_matches('/'));
        }
        paths.iter().any(|path| path.strip_suffix(span).is_some_and(is_folder))
    };
    let spans = code_spans(line).into_iter().filter(|span| span.chars().all(is_plain));
    let missing = spans.filter(|span| !exists(span));
    missing
        .map(|span| {
            Finding::new(path, number, format!("`{span}` does not exist: correct the path"))
        })
        .collect()
}

fn is_folder(path: &str) -> bool {
    path.is_empty() || path.ends_with('/')
}

/// Returns the targets of `[text](target)` and `[name]: target`.
fn link_targets(line: &str) -> Vec<&str> {
    let mut targets: Vec<&str> = Vec::new();
    for piece in line.split("](").skip(1) {
        targets.extend(piece.split_once(')').map(|(target, _)| target));
    }
    if let Some((_, target)) = line.strip_prefix('[').and_then(|rest| rest.split_once("]: ")) {
        targets.push(target.trim());
    }
    targets
}

fn check_link(
    file: &SourceFile,
    number: usize,
    target: &str,
    documents: &[SourceFile],
    paths: &BTreeSet<String>,
) -> Option<Finding> {
    if ["https:", "http:", "mailto:"].iter().any(|scheme| target.starts_with(scheme)) {
        return None;
    }
    let (name, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = if name.is_empty() { file.path.clone() } else { resolve(&file.path, name) };
    if !paths.contains(&path) {
        return Some(Finding::new(
            &file.path,
            number,
            format!("the link to {target} leads nowhere: correct it"),
        ));
    }
    let document = documents.iter().find(|document| document.path == path)?;
    let is_broken =
        !anchor.is_empty() && !anchors(&document.text).iter().any(|known| known == anchor);
    is_broken.then(|| {
        Finding::new(
            &file.path,
            number,
            format!("{path} has no heading for #{anchor}: correct the link"),
        )
    })
}

/// Returns the path that `name` has in a document at `from`.
fn resolve(from: &str, name: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in name.trim_end_matches('/').split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Returns the anchors of the headings, as GitHub makes them.
fn anchors(text: &str) -> Vec<String> {
    let mut anchors: Vec<String> = Vec::new();
    for (_, line, _) in
        lines(text).into_iter().filter(|(_, line, is_fenced)| !is_fenced && line.starts_with('#'))
    {
        let title = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        let title: String =
            title.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect();
        let earlier = anchors.iter().filter(|anchor| **anchor == title).count();
        anchors.push(if earlier == 0 { title } else { format!("{title}-{earlier}") });
    }
    anchors
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(text: &str) -> Vec<String> {
        let documents = [
            SourceFile::new("docs/a.md", text),
            SourceFile::new("README.md", "# One `two`, three\n# 4\n# 4\n"),
        ];
        let paths =
            ["docs", "docs/a.md", "README.md", "src", "src/lib.rs"].map(str::to_owned).into();
        let found = check_document(&documents[0], &documents, &paths);
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn links_and_paths_that_exist_pass() {
        let text = "[a](../README.md) [b](../src/) [c](https://x.y/z) [d](#e) [h][h]\n\
                    `src/lib.rs` `src/` `src/*.rs` `a/b` `lib.rs`\n\
                    [f](../README.md#one-two-three) [g](../README.md#4-1)\n\
                    # E\n\n[h]: ../README.md\n\n```\n`src/x.rs`\n```\n";
        assert_eq!(findings(text), [""; 0]);
    }

    #[test]
    fn links_and_paths_that_lead_nowhere_fail() {
        let text =
            "[a](README.md)\n`src/x.rs`\n[b](../README.md#5)\n[c]: ../x.md\n`x/lib.rs`, `b.rs`\n";
        let expected = [
            "docs/a.md:1: the link to README.md leads nowhere: correct it",
            "docs/a.md:2: `src/x.rs` does not exist: correct the path",
            "docs/a.md:3: README.md has no heading for #5: correct the link",
            "docs/a.md:4: the link to ../x.md leads nowhere: correct it",
            "docs/a.md:5: `x/lib.rs` does not exist: correct the path",
            "docs/a.md:5: `b.rs` does not exist: correct the path",
        ];
        assert_eq!(findings(text), expected);
    }

    #[test]
    fn paths_in_comments_are_checked_and_those_in_strings_are_not() {
        let file = SourceFile::new(
            "src/lib.rs",
            "//! `src/lib.rs`\n//! `src/x.rs`\nconst A: &str = \"`src/y.rs`\";\n",
        );
        let paths = ["src/lib.rs"].map(str::to_owned).into();
        let found = check_source(&file, &paths);
        assert_eq!(
            found,
            [Finding::new("src/lib.rs", 2, "`src/x.rs` does not exist: correct the path")]
        );
    }
}

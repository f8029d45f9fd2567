//! Words that do not belong into comments, documents and messages, each with its replacement.

use super::finding::Finding;
use super::prose::{Word, of_comments, of_document, of_strings};
use super::repository::SourceFile;
use super::test_code::without_tests;
use super::tokens::code;

/// Phrases and what to write instead.
const BANNED: [(&str, &str); 16] = [
    ("a look at", "a request for, a check of"),
    ("anew", "again"),
    ("as good as", "almost"),
    ("bears", "has, carries"),
    ("for ever", "forever"),
    ("in silence", "silently"),
    ("is none", "is not a ..., does not have one"),
    ("mend", "fix"),
    ("mended", "fixed"),
    ("nobody else's", "whose it is by name"),
    ("one behind the other", "concatenated, in sequence"),
    ("somebody else", "another writer"),
    ("somebody else's", "another writer's"),
    ("surroundings", "environment"),
    ("thousand million", "billion"),
    ("whose it is", "its owner"),
];

/// Longer phrases in which the end is a banned one, and right.
const ALLOWED: [&str; 1] = ["there is none"];

/// Words that do not begin a documentation comment.
const OPENINGS: [(&str, &str); 1] = [("gives", "Returns")];

/// Checks the comments of a Rust file, and the messages of the program.
pub(crate) fn check_source(file: &SourceFile) -> Vec<Finding> {
    let mut findings = check(&file.path, &of_comments(file));
    if file.path.starts_with("src/") {
        findings.extend(check(&file.path, &of_strings(&without_tests(&code(&file.text)))));
    }
    findings
}

/// Checks a document.
pub(crate) fn check_document(file: &SourceFile) -> Vec<Finding> {
    check(&file.path, &of_document(file))
}

fn check(path: &str, prose: &[Word]) -> Vec<Finding> {
    let found = |line, phrase: &str, instead: &str| {
        Finding::new(path, line, format!("\"{phrase}\": write {instead}"))
    };
    let mut findings = Vec::new();
    for (phrase, instead) in BANNED {
        let allowed = |at: usize| {
            ALLOWED.iter().any(|allowed| allowed.ends_with(phrase) && ends_at(prose, at, allowed))
        };
        let ends = (0..prose.len()).filter(|at| ends_at(prose, *at, phrase) && !allowed(*at));
        findings.extend(ends.map(|at| found(prose[at].line, phrase, instead)));
    }
    for (opening, instead) in OPENINGS {
        let places = prose.iter().filter(|word| word.is_first && word.text == opening);
        findings.extend(places.map(|word| found(word.line, opening, instead)));
    }
    findings
}

/// Whether the word at `last` ends `phrase`, with no punctuation in between.
fn ends_at(prose: &[Word], last: usize, phrase: &str) -> bool {
    let length = phrase.split(' ').count();
    let Some(first) = (last + 1).checked_sub(length) else { return false };
    let words = &prose[first..=last];
    let is_unbroken =
        words.split_last().is_some_and(|(_, before)| before.iter().all(|word| !word.is_last));
    is_unbroken && words.iter().zip(phrase.split(' ')).all(|(word, text)| word.text == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(findings: &[Finding]) -> Vec<(usize, &str)> {
        findings.iter().map(|finding| (finding.line, finding.message.as_str())).collect()
    }

    #[test]
    fn banned_phrases_are_found_in_comments_and_messages() {
        let text = "\
//! Fails in
//! silence.
/// Gives it anew, or is. None of it `mend`s, and there is none.
fn f() { g(\"This is none of yours\"); let surroundings = 'a'; }
#[cfg(test)]
fn h() { g(\"surroundings\"); }
";
        let found = check_source(&SourceFile::new("src/a.rs", text));
        let expected = [
            (3, "\"anew\": write again"),
            (2, "\"in silence\": write silently"),
            (3, "\"gives\": write Returns"),
            (4, "\"is none\": write is not a ..., does not have one"),
        ];
        assert_eq!(lines(&found), expected);
        assert_eq!(check_source(&SourceFile::new("benches/a.rs", text)).len(), 3);
    }

    #[test]
    fn banned_phrases_are_found_in_documents() {
        let text = "# Do not\n\nmend `mend`, *mend*,\n\n```\nmend\n```\n\n| a | mend |\n";
        let found = check_document(&SourceFile::new("a.md", text));
        let fix = "\"mend\": write fix";
        assert_eq!(lines(&found), [(3, fix), (3, fix), (9, fix)]);
    }
}

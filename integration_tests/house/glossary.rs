//! Holds the identifiers in `src/` to the glossary.
//!
//! The last column of its table lists identifiers that the product gave up, as they were spelt.

use std::collections::BTreeMap;

use super::finding::Finding;
use super::markdown::{code_spans, table};
use super::repository::SourceFile;
use super::tokens::{Kind, code};

/// The header of its table.
const HEADER: [&str; 3] = ["word", "meaning", "instead of"];

/// Reports the identifiers in `sources` that the glossary forbids.
pub(crate) fn check(glossary: &SourceFile, sources: &[SourceFile]) -> Vec<Finding> {
    let Some(rows) = table(&glossary.text, &HEADER) else {
        let message = format!("the table that begins with | {} | is missing", HEADER.join(" | "));
        return vec![Finding::new(&glossary.path, 1, message)];
    };
    let mut forbidden = BTreeMap::new();
    for row in &rows {
        if let [word, _, not, ..] = row.cells[..] {
            forbidden.extend(code_spans(not).into_iter().map(|name| (name, word)));
        }
    }
    let mut findings = Vec::new();
    for file in sources.iter().filter(|file| file.path.starts_with("src/")) {
        for token in code(&file.text).iter().filter(|token| token.kind == Kind::Word) {
            if let Some(word) = forbidden.get(token.text) {
                let name = token.text;
                let message = format!("rename `{name}`: {} calls it \"{word}\"", glossary.path);
                findings.push(Finding::new(&file.path, token.line, message));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_that_was_given_up_fails() {
        let glossary = "| word | meaning | instead of |\n|---|---|---|\n\
                        | pool | Buffers. | `Recycler`, `last_word` |\n";
        let source = "struct Recycler; // Recycler\nfn last_word() { LastWord(\"Recycler\") }\n";
        let sources =
            [SourceFile::new("src/a.rs", source), SourceFile::new("benches/a.rs", source)];
        let found = check(&SourceFile::new("GLOSSARY.md", glossary), &sources);
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        let expected = [
            "src/a.rs:1: rename `Recycler`: GLOSSARY.md calls it \"pool\"",
            "src/a.rs:2: rename `last_word`: GLOSSARY.md calls it \"pool\"",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_glossary_without_its_table_fails() {
        let found = check(&SourceFile::new("GLOSSARY.md", "# Words\n"), &[]);
        assert_eq!(found.len(), 1);
    }
}

//! The English of a file: its comments or its paragraphs, word by word.

use super::markdown::{lines, without_code_spans};
use super::repository::SourceFile;
use super::tokens::{Kind, Token, tokens};

/// A word of prose.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) line: usize,
    /// In lower case, without the punctuation around it.
    pub(crate) text: String,
    /// Whether punctuation separates it from the next word.
    pub(crate) is_last: bool,
    /// Whether it begins a documentation comment.
    pub(crate) is_first: bool,
}

/// Returns the words of the comments in `file`; code in backticks is left out.
pub(crate) fn of_comments(file: &SourceFile) -> Vec<Word> {
    let mut prose = Vec::new();
    let mut before = (0, None);
    for token in tokens(&file.text).iter().filter(|token| token.kind == Kind::Comment) {
        let marker = ["///", "//!"].into_iter().find(|marker| token.text.starts_with(marker));
        let continues = before == (token.line - 1, marker);
        add_lines(token, marker.is_some() && !continues, &mut prose);
        before = (token.last_line(), marker);
    }
    prose
}

/// Returns the words of the strings in `tokens`, which hold no comments.
pub(crate) fn of_strings(tokens: &[Token<'_>]) -> Vec<Word> {
    let mut prose = Vec::new();
    for token in
        tokens.iter().filter(|token| matches!(token.kind, Kind::Literal | Kind::RawLiteral))
    {
        add_lines(token, false, &mut prose);
        end_phrase(&mut prose);
    }
    prose
}

/// Returns the words of a document; fenced blocks and code in backticks are left out.
pub(crate) fn of_document(file: &SourceFile) -> Vec<Word> {
    let mut prose = Vec::new();
    for (number, line, is_fenced) in lines(&file.text) {
        if is_fenced || line.trim().is_empty() {
            end_phrase(&mut prose);
        } else {
            add_line(number, line, false, &mut prose);
        }
    }
    prose
}

fn add_lines(token: &Token<'_>, is_first: bool, prose: &mut Vec<Word>) {
    if prose.last().is_some_and(|word| word.line + 1 < token.line) {
        end_phrase(prose);
    }
    for (number, line) in (token.line..).zip(token.text.lines()) {
        add_line(number, line, is_first && number == token.line, prose);
    }
}

fn add_line(number: usize, line: &str, mut is_first: bool, prose: &mut Vec<Word>) {
    for piece in without_code_spans(line).split(|c: char| c.is_whitespace() || "|*_\"".contains(c))
    {
        let is_part = |c: char| c.is_alphanumeric() || c == '\'' || c == '`';
        let text = piece.trim_matches(|c| !is_part(c)).trim_matches('\'').to_lowercase();
        if text.is_empty() {
            continue;
        }
        let is_last = !piece.ends_with(is_part);
        prose.push(Word { line: number, text, is_last, is_first });
        is_first = false;
    }
}

fn end_phrase(prose: &mut [Word]) {
    if let Some(word) = prose.last_mut() {
        word.is_last = true;
    }
}

#[cfg(test)]
mod tests {
    use super::super::tokens::code;
    use super::*;

    fn shown(words: &[Word]) -> String {
        let shown = words.iter().map(|word| {
            let Word { line, text, is_last, is_first } = word;
            format!(
                "{}{line}:{text}{}",
                if *is_first { "^" } else { "" },
                if *is_last { "." } else { "" }
            )
        });
        shown.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn words_know_where_they_stand() {
        let text = "/// It's `x::y` *here*\n/// and there.\nfn f() {} // \"So\"\n";
        let words = of_comments(&SourceFile::new("a.rs", text));
        assert_eq!(shown(&words), "^1:it's 1:`` 1:here 2:and 2:there. 3:so");
        let words = of_strings(&code("f(\"Hello, you\", 'c')"));
        assert_eq!(shown(&words), "1:hello. 1:you. 1:c.");
        let words = of_document(&SourceFile::new("a.md", "# A b\n\n```\nc\n```\n| d | e`f` |\n"));
        assert_eq!(shown(&words), "1:a 1:b. 6:d 6:e``");
    }
}

//! What every file keeps to: its head, its length, its columns.

use super::finding::Finding;
use super::markdown;
use super::repository::SourceFile;
use super::tokens::{Kind, tokens};

/// The most lines of code in a file: neither blank nor only comment.
pub(crate) const LINES_MAX: usize = 500;
/// The most characters in a line.
pub(crate) const COLUMNS_MAX: usize = 100;

/// Reports a Rust file that does not begin with a `//!` comment.
pub(crate) fn check_head(file: &SourceFile) -> Option<Finding> {
    let has_head = file.text.starts_with("//! ");
    (!has_head).then(|| {
        Finding::new(&file.path, 1, "begin the file with a `//!` comment that says what it does")
    })
}

/// Reports lines in the head of a module that say what it may import; the table of rooms says it,
/// and is checked.
pub(crate) fn check_import_notes(file: &SourceFile) -> Vec<Finding> {
    let head = (1..).zip(file.text.lines()).take_while(|(_, line)| line.starts_with("//!"));
    let notes = head
        .filter(|(_, line)| line.trim_start_matches("//!").trim_start().starts_with("May import"));
    let message = "remove this line: the table in docs/ARCHITECTURE.md says what a room may import";
    notes.map(|(number, _)| Finding::new(&file.path, number, message)).collect()
}

/// Reports a Rust file with too many lines of code.
pub(crate) fn check_length(file: &SourceFile) -> Option<Finding> {
    let lines = code_lines(&file.text);
    let message = || format!("{lines} lines of code: split the file, {LINES_MAX} are the most");
    (lines > LINES_MAX).then(|| Finding::new(&file.path, 1, message()))
}

fn code_lines(text: &str) -> usize {
    let tokens = tokens(text).into_iter().filter(|token| token.kind != Kind::Comment);
    let mut lines: Vec<usize> = tokens.flat_map(|token| token.line..=token.last_line()).collect();
    lines.dedup();
    lines.len()
}

/// Reports lines of a Rust file that are too long and that could be broken.
///
/// A line cannot be broken if a raw string is in it, if it is a row of a table in a comment, if it
/// imports one path, or if the word at its limit would be too long on a line of its own. A word is
/// what has no space in it: a link, a path, a string.
pub(crate) fn check_source_columns(file: &SourceFile) -> Vec<Finding> {
    let tokens = tokens(&file.text);
    let raw = tokens.iter().filter(|token| token.kind == Kind::RawLiteral);
    let raw_lines: Vec<usize> = raw.flat_map(|token| token.line..=token.last_line()).collect();
    let is_row = |line: &str| {
        let comment = line.trim_start().strip_prefix("//");
        comment
            .is_some_and(|text| text.trim_start_matches(['/', '!']).trim_start().starts_with('|'))
    };
    let is_one_path = |line: &str| line.starts_with("use ") && line.matches(' ').count() == 1;
    let lines = (1..).zip(file.text.lines()).filter(|(number, line)| {
        !raw_lines.contains(number) && !is_row(line) && !is_one_path(line)
    });
    lines.filter_map(|(number, line)| check_columns(&file.path, number, line)).collect()
}

/// Reports lines of a Markdown file that are too long and that could be broken.
///
/// A line cannot be broken if it is a row of a table, or as in a Rust file.
pub(crate) fn check_document_columns(file: &SourceFile) -> Vec<Finding> {
    let lines = markdown::lines(&file.text).into_iter();
    let prose =
        lines.filter(|(_, line, is_fenced)| *is_fenced || !line.trim_start().starts_with('|'));
    prose.filter_map(|(number, line, _)| check_columns(&file.path, number, line)).collect()
}

fn check_columns(path: &str, number: usize, line: &str) -> Option<Finding> {
    let columns = line.chars().count();
    if columns <= COLUMNS_MAX {
        return None;
    }
    let indent =
        line.chars().take_while(|c| !c.is_alphanumeric() && !"\"`'[(<{".contains(*c)).count();
    let mut end = 0;
    let at_limit = line.split(' ').find(|word| {
        end += word.chars().count() + 1;
        end > COLUMNS_MAX
    });
    let fits_alone = at_limit.is_some_and(|word| indent + word.chars().count() <= COLUMNS_MAX);
    fits_alone.then(|| {
        Finding::new(
            path,
            number,
            format!("{columns} columns: break the line, {COLUMNS_MAX} are the most"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_head_fails() {
        assert_eq!(check_head(&SourceFile::new("a.rs", "//! Does a thing.\nuse b;")), None);
        for text in
            ["", "use b;", "// Does a thing.\n", "//!\n//! Does a thing.\n", "/// Does a thing.\n"]
        {
            assert!(check_head(&SourceFile::new("a.rs", text)).is_some(), "{text}");
        }
    }

    #[test]
    fn a_head_that_says_what_the_module_may_import_fails() {
        let file = SourceFile::new(
            "a.rs",
            "//! Does a thing.\n//!\n//! May import: `b`.\nuse b;\n// May import: c.\n",
        );
        assert_eq!(
            check_import_notes(&file).iter().map(|finding| finding.line).collect::<Vec<_>>(),
            [3]
        );
    }

    #[test]
    fn blank_lines_and_comments_are_not_code() {
        let text = "//! Head.\n\n/* a\n b */\nfn f() { // why\n    /* c */ \"d\ne\";\n}\n";
        assert_eq!(code_lines(text), 4);
    }

    #[test]
    fn a_file_with_too_much_code_fails() {
        let file = |lines: usize| {
            SourceFile::new("a.rs", &format!("// Comment.\n\n{}", "a();\n".repeat(lines)))
        };
        assert_eq!(check_length(&file(LINES_MAX)), None);
        let found = check_length(&file(LINES_MAX + 1)).expect("a finding");
        assert_eq!(
            found.to_string(),
            "a.rs:1: 501 lines of code: split the file, 500 are the most"
        );
    }

    #[test]
    fn a_long_line_fails_unless_it_cannot_be_broken() {
        let word = |columns: usize| "x".repeat(columns);
        let source = |text: &str| check_source_columns(&SourceFile::new("a.rs", text)).len();
        assert_eq!(source(&word(100)), 0);
        assert_eq!(source(&"ä".repeat(100)), 0);
        assert_eq!(source(&format!("    // {} {}", word(60), word(60))), 1);
        assert_eq!(source(&format!("let a = \"{}\";", word(95))), 1);
        assert_eq!(source(&format!("    \"{}\",", word(95))), 0);
        assert_eq!(source(&format!("/// <https://{}>", word(95))), 0);
        assert_eq!(source(&format!("/// [{} {}]: https://{}", word(30), word(30), word(95))), 0);
        assert_eq!(source(&format!("//! | {} | {} |", word(60), word(60))), 0);
        assert_eq!(source(&format!("a | {} | {} |", word(60), word(60))), 1);
        assert_eq!(source(&format!("use {}::{};", word(60), word(60))), 0);
        assert_eq!(source(&format!("use {}::{{a, {}}};", word(60), word(60))), 1);
        assert_eq!(source(&format!("f(r#\"{} {}\"#)", word(60), word(60))), 0);
        assert_eq!(source(&format!("f(\"{} {}\")", word(60), word(60))), 1);
    }

    #[test]
    fn rows_of_tables_may_be_long_and_other_lines_of_documents_not() {
        let long = format!("{} {}", "x".repeat(60), "y".repeat(60));
        let text = format!("{long}\n| {long} |\n```text\n{long}\n| {long} |\n```\n");
        let found = check_document_columns(&SourceFile::new("a.md", &text));
        assert_eq!(found.iter().map(|finding| finding.line).collect::<Vec<_>>(), [1, 4, 5]);
        assert_eq!(found[0].to_string(), "a.md:1: 121 columns: break the line, 100 are the most");
    }
}

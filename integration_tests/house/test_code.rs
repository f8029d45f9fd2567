//! Tells the code of tests from the code of the program.
//!
//! What counts is what the compiler goes by: an item or a module under `#[cfg(test)]`, not the name
//! of a file.

use super::repository::SourceFile;
use super::tokens::{Token, code};

/// How `#[cfg(test)]` and `#[cfg(all(test, ...))]` begin.
const ATTRIBUTES: [&[&str]; 2] =
    [&["#", "[", "cfg", "(", "test", ")"], &["#", "[", "cfg", "(", "all", "(", "test"]];

/// What an item begins with, after its visibility; anything else is a field, a variant or an
/// argument.
const ITEMS: [&str; 14] = [
    "async",
    "const",
    "enum",
    "extern",
    "fn",
    "impl",
    "let",
    "macro_rules",
    "mod",
    "static",
    "struct",
    "trait",
    "type",
    "use",
];

/// Returns `tokens`, which hold no comments, without the items under `#[cfg(test)]`.
pub(crate) fn without_tests<'a>(tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if is_test_attribute(&tokens[at..]) {
            at = end_of_item(tokens, at);
        } else {
            kept.push(tokens[at]);
            at += 1;
        }
    }
    kept
}

/// Returns the files of `sources` that are compiled for tests only.
///
/// A file is one if a module of the program declares it under `#[cfg(test)]`, or if it is a module
/// of such a file.
pub(crate) fn test_files<'a>(
    sources: impl IntoIterator<Item = &'a SourceFile> + Clone,
) -> Vec<&'a str> {
    let roots: Vec<String> = sources.clone().into_iter().flat_map(test_modules).collect();
    let is_test = |path: &str| {
        roots.iter().any(|root| {
            path.strip_prefix(root.as_str()).is_some_and(|end| end == ".rs" || end.starts_with('/'))
        })
    };
    sources.into_iter().map(|file| file.path.as_str()).filter(|path| is_test(path)).collect()
}

/// Returns the modules that `file` declares under `#[cfg(test)]`, as paths without `.rs`.
fn test_modules(file: &SourceFile) -> Vec<String> {
    let tokens = code(&file.text);
    let (folder, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
    let children = match name.trim_end_matches(".rs") {
        "mod" | "lib" | "main" => folder.to_owned(),
        stem => format!("{folder}/{stem}"),
    };
    let mut modules = Vec::new();
    for at in (0..tokens.len()).filter(|at| is_test_attribute(&tokens[*at..])) {
        let item = &tokens[at..end_of_item(&tokens, at)];
        let words: Vec<&str> = item.iter().map(|token| token.text).collect();
        let [.., "mod", module, ";"] = words[..] else { continue };
        let path = words
            .windows(3)
            .find(|words| words[..2] == ["path", "="])
            .map(|words| words[2].trim_matches('"'));
        modules.push(match path {
            Some(path) => {
                format!("{folder}/{}", path.trim_end_matches(".rs").trim_end_matches("/mod"))
            }
            None => format!("{children}/{module}"),
        });
    }
    modules
}

fn is_test_attribute(tokens: &[Token<'_>]) -> bool {
    let begins_with = |attribute: &&[&str]| {
        tokens.len() >= attribute.len()
            && attribute.iter().zip(tokens).all(|(text, token)| *text == token.text)
    };
    ATTRIBUTES.iter().any(begins_with)
}

/// Returns where the item ends whose attributes begin at `start`.
fn end_of_item(tokens: &[Token<'_>], start: usize) -> usize {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text);
    let mut at = start;
    while text(at) == "#" {
        at = end_of_group(tokens, at + 1);
    }
    let mut keyword = at;
    if text(keyword) == "pub" {
        keyword += 1;
        if text(keyword) == "(" {
            keyword = end_of_group(tokens, keyword);
        }
    }
    let is_item = ITEMS.contains(&text(keyword));
    while at < tokens.len() {
        match text(at) {
            ";" => return at + 1,
            "," if !is_item => return at + 1,
            ")" | "]" | "}" => return at,
            "{" => {
                at = end_of_group(tokens, at);
                // `use a::{b};` and `let A { b } = c;` go on after the brace.
                if !matches!(text(keyword), "use" | "let" | "const" | "static") {
                    return at;
                }
            }
            "(" | "[" => at = end_of_group(tokens, at),
            _ => at += 1,
        }
    }
    at
}

/// Returns the position after the bracket that closes the one at `open`.
fn end_of_group(tokens: &[Token<'_>], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(text: &str) -> String {
        let tokens = code(text);
        without_tests(&tokens).iter().map(|token| token.text).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn items_under_cfg_test_are_left_out_whatever_they_are() {
        for (text, expected) in [
            ("#[cfg(test)] mod tests { fn a() { b(); } } fn c() {}", "fn c ( ) { }"),
            ("#[cfg(test)] #[path = \"x.rs\"] mod tests; use d;", "use d ;"),
            ("#[cfg(test)] use a::{b, c}; use d;", "use d ;"),
            ("#[cfg(all(test, unix))] pub(crate) fn f<A, B>(a: A) -> B { b } x", "x"),
            ("#[cfg(test)] const A: [u8; 2] = [1, 2]; x", "x"),
            ("struct A { #[cfg(test)] b: C, d: E }", "struct A { d : E }"),
            ("#[cfg(not(test))] fn a() {}", "# [ cfg ( not ( test ) ) ] fn a ( ) { }"),
            ("#[cfg(any(test, fuzzing))] x", "# [ cfg ( any ( test , fuzzing ) ) ] x"),
        ] {
            assert_eq!(kept(text), expected, "{text}");
        }
    }

    #[test]
    fn test_files_are_those_that_are_declared_under_cfg_test_and_their_modules() {
        let sources = [
            SourceFile::new("src/a/mod.rs", "mod b; #[cfg(test)] mod c;"),
            SourceFile::new("src/a/b.rs", "#[cfg(test)]\n#[path = \"b_tests.rs\"]\nmod tests;"),
            SourceFile::new("src/a/b_tests.rs", ""),
            SourceFile::new("src/a/c/mod.rs", "mod d;"),
            SourceFile::new("src/a/c/d.rs", ""),
            SourceFile::new("src/a/called_tests.rs", ""),
        ];
        assert_eq!(test_files(&sources), ["src/a/b_tests.rs", "src/a/c/mod.rs", "src/a/c/d.rs"]);
    }
}

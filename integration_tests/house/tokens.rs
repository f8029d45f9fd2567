//! Splits Rust source into words, punctuation, literals and comments.
//!
//! Coarse on purpose: a number such as `1.5` is three tokens. What matters is exact: where a
//! comment or a string begins and ends.

/// A piece of source text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) kind: Kind,
    pub(crate) text: &'a str,
    /// The line that it begins on, counted from 1.
    pub(crate) line: usize,
}

/// What a [`Token`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An identifier, a keyword or the digits of a number.
    Word,
    /// One character of punctuation, or a lifetime.
    Punctuation,
    /// A string or character whose escapes are processed.
    Literal,
    /// A raw string.
    RawLiteral,
    /// A comment, with its markers.
    Comment,
}

impl Token<'_> {
    /// The last line that it covers.
    pub(crate) fn last_line(&self) -> usize {
        self.line + self.text.matches('\n').count()
    }
}

/// Returns the tokens of `text`, without white space.
pub(crate) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let (mut rest, mut line) = (text, 1);
    while let Some(first) = rest.chars().next() {
        let (kind, length) = measure(rest, first);
        let (text, after) = rest.split_at(length);
        if let Some(kind) = kind {
            tokens.push(Token { kind, text, line });
        }
        line += text.matches('\n').count();
        rest = after;
    }
    tokens
}

/// Returns the tokens of `text`, without white space and comments.
pub(crate) fn code(text: &str) -> Vec<Token<'_>> {
    let mut tokens = tokens(text);
    tokens.retain(|token| token.kind != Kind::Comment);
    tokens
}

/// Returns the kind and the length in bytes of the token that `rest` begins with; white space has
/// no kind.
fn measure(rest: &str, first: char) -> (Option<Kind>, usize) {
    let run = |accepted: fn(char) -> bool| rest.find(|c| !accepted(c)).unwrap_or(rest.len());
    if first.is_whitespace() {
        (None, run(char::is_whitespace))
    } else if rest.starts_with("//") {
        (Some(Kind::Comment), rest.find('\n').unwrap_or(rest.len()))
    } else if rest.starts_with("/*") {
        (Some(Kind::Comment), block_comment(rest))
    } else if let Some((kind, length)) = string(rest) {
        (Some(kind), length)
    } else if is_word(first) {
        (Some(Kind::Word), run(is_word))
    } else if first == '\'' {
        quote(rest)
    } else {
        (Some(Kind::Punctuation), first.len_utf8())
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Returns the length of the comment, which may hold others.
fn block_comment(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let (mut depth, mut at) = (0, 0);
    while at + 1 < bytes.len() {
        match &bytes[at..at + 2] {
            b"/*" => depth += 1,
            b"*/" => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

/// Returns the kind and length of the string, byte string, C string or byte character that `rest`
/// begins with.
fn string(rest: &str) -> Option<(Kind, usize)> {
    let bytes = rest.as_bytes();
    let prefix = bytes.iter().take_while(|byte| b"bcr".contains(byte)).take(2).count();
    let hashes = bytes[prefix..].iter().take_while(|byte| **byte == b'#').count();
    let start = prefix + hashes + 1;
    match bytes.get(start - 1)? {
        b'"' if bytes[..prefix].contains(&b'r') => {
            let end = format!("\"{}", "#".repeat(hashes));
            let length =
                rest.get(start..)?.find(&end).map_or(rest.len(), |at| start + at + end.len());
            Some((Kind::RawLiteral, length))
        }
        b'"' if hashes == 0 => Some((Kind::Literal, quoted(bytes, start, b'"'))),
        b'\'' if hashes == 0 && bytes[..prefix] == *b"b" => {
            Some((Kind::Literal, quoted(bytes, start, b'\'')))
        }
        _ => None,
    }
}

/// Returns where the literal ends whose content begins at `start`.
fn quoted(bytes: &[u8], start: usize, end: u8) -> usize {
    let mut at = start;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            byte if byte == end => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// A character, or a lifetime: `'a'` has a second quote, `'a` has none.
fn quote(rest: &str) -> (Option<Kind>, usize) {
    let mut characters = rest.char_indices().skip(1);
    let is_escape = rest.as_bytes().get(1) == Some(&b'\\');
    let closing = characters.nth(1);
    if is_escape || closing.is_some_and(|(_, c)| c == '\'') {
        (Some(Kind::Literal), quoted(rest.as_bytes(), 1, b'\''))
    } else {
        let name = rest.char_indices().skip(1).find(|(_, c)| !is_word(*c));
        (Some(Kind::Punctuation), name.map_or(rest.len(), |(at, _)| at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<(Kind, &str)> {
        tokens(text).into_iter().map(|token| (token.kind, token.text)).collect()
    }

    #[test]
    fn comments_and_strings_end_where_the_compiler_ends_them() {
        use Kind::{Comment, Literal, Punctuation, RawLiteral, Word};
        for (text, expected) in [
            ("a// b\nc", vec![(Word, "a"), (Comment, "// b"), (Word, "c")]),
            ("/* a /* b */ c */d", vec![(Comment, "/* a /* b */ c */"), (Word, "d")]),
            (r#""a // \" b" c"#, vec![(Literal, r#""a // \" b""#), (Word, "c")]),
            (r##"br#"a " b"# c"##, vec![(RawLiteral, r##"br#"a " b"#"##), (Word, "c")]),
            (r"r#type", vec![(Word, "r"), (Punctuation, "#"), (Word, "type")]),
            (r#"'"' 'a "#, vec![(Literal, r#"'"'"#), (Punctuation, "'a")]),
            (
                r"'\'' b'\'' '\u{1f}'",
                vec![(Literal, r"'\''"), (Literal, r"b'\''"), (Literal, r"'\u{1f}'")],
            ),
            ("'ä' bar", vec![(Literal, "'ä'"), (Word, "bar")]),
            ("\"never closed", vec![(Literal, "\"never closed")]),
        ] {
            assert_eq!(split(text), expected, "{text}");
        }
    }

    #[test]
    fn tokens_know_their_lines() {
        let found = tokens("a\n/* b\n */ c");
        assert_eq!(found.iter().map(|token| token.line).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(found[1].last_line(), 3);
        assert_eq!(code("a\n/* b\n */ c").len(), 2);
    }
}

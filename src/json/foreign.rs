//! Recognises texts that are not JSON, for the sentence that refuses them.
//!
//! Bytes -> [`ForeignText`], from the first bytes or the first line. This is a guess: use it only
//! when the text was refused already.

use std::fmt;

/// The byte order mark of UTF-8, which some editors put before a text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A text that people give instead of JSON. `Display` continues a sentence after "it" and says what
/// to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ForeignText {
    /// Has no text but blanks.
    Empty,
    /// Has the magic number of gzip.
    Gzip,
    /// Has the magic number of zstd.
    Zstd,
    /// Has the magic number of ZIP.
    Zip,
    /// Has a byte order mark of UTF-16, or a zero byte beside its first character.
    Utf16,
    /// Begins with a line of YAML, comments ignored.
    Yaml,
    /// Has a delimiter in its first line.
    Csv,
}

impl fmt::Display for ForeignText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "is empty",
            Self::Gzip => "is compressed with gzip; decompress it first",
            Self::Zstd => "is compressed with zstd; decompress it first",
            Self::Zip => "is a ZIP archive; unpack it first",
            Self::Utf16 => "is UTF-16 text; save it as UTF-8",
            Self::Yaml => "looks like YAML; write it as JSON",
            Self::Csv => "looks like CSV",
        })
    }
}

/// Returns the text without its byte order mark, if it has one.
#[must_use]
pub(crate) fn without_byte_order_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)
}

impl ForeignText {
    /// Recognises a text that people are known to mistake for JSON.
    #[must_use]
    pub(crate) fn recognise(text: &[u8]) -> Option<Self> {
        match text {
            [0x1f, 0x8b, ..] => return Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => return Some(Self::Zstd),
            [b'P', b'K', 3, 4, ..] => return Some(Self::Zip),
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, 1..=255, ..] | [1..=255, 0, ..] => {
                return Some(Self::Utf16);
            }
            _ => {}
        }
        let mut lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        let Some(first) = lines.find(|line| !line.is_empty() && !line.starts_with(b"#")) else {
            return text.trim_ascii().is_empty().then_some(Self::Empty);
        };
        if first.starts_with(b"{") || first.starts_with(b"[") {
            return None;
        }
        if first.starts_with(b"---") || is_yaml_member(first) {
            return Some(Self::Yaml);
        }
        first.iter().any(|byte| matches!(byte, b',' | b';' | b'\t' | b'|')).then_some(Self::Csv)
    }
}

/// Whether the line is `name:` or `name: value`, the name with or without quotes.
fn is_yaml_member(line: &[u8]) -> bool {
    let name_byte = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.\"'".contains(byte);
    let Some(colon) = line.iter().position(|byte| !name_byte(byte)) else { return false };
    matches!(line.get(colon..), Some([b':'] | [b':', b' ' | b'\t', ..])) && colon > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_are_given_instead_of_json_are_recognised() {
        let utf16 =
            |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        let table: Vec<(Vec<u8>, Option<ForeignText>)> = vec![
            (b"".to_vec(), Some(ForeignText::Empty)),
            (b" \n\t\r\n".to_vec(), Some(ForeignText::Empty)),
            (b"\x1f\x8b\x08\x00".to_vec(), Some(ForeignText::Gzip)),
            (b"\x28\xb5\x2f\xfd\x00".to_vec(), Some(ForeignText::Zstd)),
            (b"PK\x03\x04".to_vec(), Some(ForeignText::Zip)),
            ([&b"\xff\xfe"[..], &utf16("{}")].concat(), Some(ForeignText::Utf16)),
            (utf16("{\"a\":1}"), Some(ForeignText::Utf16)),
            (b"# settings\n\ns3_bucket_name: lake\n".to_vec(), Some(ForeignText::Yaml)),
            (b"---\na: 1".to_vec(), Some(ForeignText::Yaml)),
            (b"authentication:\r\n  auth_type: x".to_vec(), Some(ForeignText::Yaml)),
            (b"id,name\n1,a\n".to_vec(), Some(ForeignText::Csv)),
            (b"id\tname".to_vec(), Some(ForeignText::Csv)),
            (b"{\"a\" 1}".to_vec(), None),
            (b"hello".to_vec(), None),
            (b"\x00".to_vec(), None),
        ];
        for (text, expected) in table {
            assert_eq!(ForeignText::recognise(&text), expected, "{text:?}");
        }
        assert_eq!(without_byte_order_mark(b"\xef\xbb\xbf{}"), b"{}");
        assert_eq!(without_byte_order_mark(b"\xef\xbb{}"), b"\xef\xbb{}");
    }
}

//! Finds half surrogate pairs in JSON text and replaces them in place.
//!
//! JSON allows a string such as `"\ud83d"`: one half of a UTF-16 surrogate pair without the other.
//! UTF-8 cannot encode it, and readers of JSON lines refuse a whole file because of one.
//!
//! In: JSON text, or the beginning of one. Out: the places of half pairs; the text with `\ufffd`
//! instead of them.
//!
//! Invariants
//! - A replacement has the length of what it replaces, so every position in the text stays valid.
//! - Text without surrogate escapes costs one vectorised pass over its bytes.
//!
//! Not here: which field a place belongs to (`pipeline::input::surrogate_repair`).

/// Bytes of a `\u` escape.
const ESCAPE_LEN: usize = 6;

/// How many bytes are compared at once.
const CHUNK: usize = 64;

/// Returns the first half pair from `from` on. `from` must be neither inside an escape nor between
/// the halves of a pair.
pub(crate) fn find_half_pair(text: &[u8], mut from: usize) -> Option<usize> {
    loop {
        let at = find_surrogate(text, from)?;
        match pair_at(text, at) {
            Surrogate::Pair => from = at + 2 * ESCAPE_LEN,
            Surrogate::Half => return Some(at),
        }
    }
}

/// Replaces every half pair by U+FFFD.
pub(crate) fn replace_half_pairs(text: &mut [u8]) {
    let mut from = 0;
    while let Some(at) = find_half_pair(text, from) {
        from = at + ESCAPE_LEN;
        if let Some(escape) = text.get_mut(at..from) {
            escape.copy_from_slice(b"\\ufffd");
        }
    }
}

/// What begins with a surrogate escape.
enum Surrogate {
    Pair,
    Half,
}

fn pair_at(text: &[u8], at: usize) -> Surrogate {
    let is_high =
        |at: usize| matches!(text.get(at + 3), Some(b'8' | b'9' | b'a' | b'b' | b'A' | b'B'));
    let next = at + ESCAPE_LEN;
    if is_high(at) && is_surrogate(text, next) && !is_high(next) {
        Surrogate::Pair
    } else {
        Surrogate::Half
    }
}

/// Whether the text here reads `\uD8..` to `\uDF..`. Its backslash may still be an escaped one.
fn is_surrogate(text: &[u8], at: usize) -> bool {
    text.get(at..at + ESCAPE_LEN).is_some_and(|escape| {
        escape.starts_with(b"\\u")
            && matches!(escape[2], b'd' | b'D')
            && matches!(escape[3], b'8' | b'9' | b'a'..=b'f' | b'A'..=b'F')
            && escape[4..].iter().all(u8::is_ascii_hexdigit)
    })
}

/// Returns the first surrogate escape from `from` on, of a half pair or a whole one.
fn find_surrogate(text: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at = find_candidate(text, at)?;
        // With an even number of backslashes before it, this one is not escaped.
        let before = text.get(..at)?.iter().rev().take_while(|byte| **byte == b'\\').count();
        if before % 2 == 0 && is_surrogate(text, at) {
            return Some(at);
        }
        at += 1;
    }
}

/// Returns the first place from `from` on that may begin with `\ud8` to `\udf`, in either case. The
/// test is coarse, so that it is cheap.
fn find_candidate(text: &[u8], from: usize) -> Option<usize> {
    let is_candidate = |four: &[u8]| {
        (four[0] == b'\\') & (four[1] == b'u') & (four[2] | 0x20 == b'd') & (four[3] >= b'8')
    };
    let mut at = from;
    // Without a branch per byte, so that the compiler can compare sixteen bytes or more at once.
    while let Some(chunk) = text.get(at..).and_then(|rest| rest.first_chunk::<{ CHUNK + 3 }>()) {
        let found = (0..CHUNK).fold(false, |found, i| {
            found
                | ((chunk[i] == b'\\')
                    & (chunk[i + 1] == b'u')
                    & (chunk[i + 2] | 0x20 == b'd')
                    & (chunk[i + 3] >= b'8'))
        });
        if found && let Some(place) = chunk.windows(4).position(is_candidate) {
            return Some(at + place);
        }
        at += CHUNK;
    }
    text.get(at..)?.windows(4).position(is_candidate).map(|place| at + place)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn replaced(text: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        replace_half_pairs(&mut bytes);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn half_pairs_are_replaced_and_nothing_else() {
        for (text, expected) in [
            (r"\ud83d", r"\ufffd"),
            (r"\uD83D x \uDE00", r"\ufffd x \ufffd"),
            (r"\ud83d\ude00", r"\ud83d\ude00"),
            (r"\ud83d\ud83d\ude00\ude00", r"\ufffd\ud83d\ude00\ufffd"),
            (r"\uDBFF\uDFFF\uD800", r"\uDBFF\uDFFF\ufffd"),
            // Hangul is next to the surrogates.
            (r"\ud7a3\uD558\ue000", r"\ud7a3\uD558\ue000"),
            // An escaped backslash before plain text.
            (r"\\ud83d", r"\\ud83d"),
            (r"\\\ud83d", r"\\\ufffd"),
            (r"\ud83d\\ude00", r"\ufffd\\ude00"),
            (r"\ud83d\n\ude00", r"\ufffd\n\ufffd"),
            // Not JSON, and left as it is.
            (r"\ud8", r"\ud8"),
            (r"\ud83x", r"\ud83x"),
            ("", ""),
        ] {
            assert_eq!(replaced(text), expected, "{text}");
            // At every distance from the ends of the chunks.
            for before in 0..140 {
                let padding = "x".repeat(before);
                assert_eq!(
                    replaced(&format!("{padding}{text}\"")),
                    format!("{padding}{expected}\"")
                );
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

        #[test]
        fn a_repaired_string_decodes_like_the_broken_one(
            parts in prop::collection::vec(
                prop::sample::select(vec![
                    r"\ud83d", r"\uDE00", r"\udfff", r"\ud800", r"\u00e9", r"\\", r"\n", "ud83d",
                    "x", r"\ud7ff", "é",
                ]),
                0..40,
            ),
        ) {
            let broken = parts.concat();
            let repaired = replaced(&broken);
            prop_assert_eq!(broken.len(), repaired.len());
            prop_assert_eq!(find_half_pair(repaired.as_bytes(), 0), None);
            let decoded = |text: &str| {
                let mut out = Vec::new();
                crate::json::unescape(text.as_bytes(), &mut out);
                out
            };
            prop_assert_eq!(decoded(&broken), decoded(&repaired));
            // serde_json refuses half pairs.
            let text = format!("\"{repaired}\"");
            prop_assert!(serde_json::from_str::<String>(&text).is_ok());
        }
    }
}

//! Finds half surrogate pairs in JSON text and replaces them where they stand.
//!
//! JSON allows a string such as `"\ud83d"`: one half of a pair of UTF-16 surrogates without the
//! other. No UTF-8 text can hold it, and readers of JSON lines refuse a whole file because of one.
//!
//! In: JSON text, or the beginning of one. Out: the places of half pairs; the text with `\ufffd` in
//! their places.
//!
//! Invariants
//! - The replacement is as long as what it replaces: every position in the text stays valid.
//! - Text without surrogate escapes costs one vectorised look at its bytes.
//!
//! Not here: which field a place belongs to (`pipeline::input::surrogate_repair`).

/// Bytes of a `\u` escape.
const ESCAPE_LEN: usize = 6;

/// Bytes that are looked at together.
const CHUNK: usize = 64;

/// The first half pair at or behind `from`, which must not be inside an escape or between the
/// halves of a pair.
pub(crate) fn find_half_pair(text: &[u8], mut from: usize) -> Option<usize> {
    loop {
        let at = find_surrogate(text, from)?;
        match pair_at(text, at) {
            Surrogate::Pair => from = at + 2 * ESCAPE_LEN,
            Surrogate::Half => return Some(at),
        }
    }
}

/// Writes U+FFFD in the place of every half pair.
pub(crate) fn replace_half_pairs(text: &mut [u8]) {
    let mut from = 0;
    while let Some(at) = find_half_pair(text, from) {
        from = at + ESCAPE_LEN;
        if let Some(escape) = text.get_mut(at..from) {
            escape.copy_from_slice(b"\\ufffd");
        }
    }
}

/// What a surrogate escape begins.
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

/// Whether `\uD8..` to `\uDF..` stands here. It may still be the text behind an escaped backslash.
fn is_surrogate(text: &[u8], at: usize) -> bool {
    text.get(at..at + ESCAPE_LEN).is_some_and(|escape| {
        escape.starts_with(b"\\u")
            && matches!(escape[2], b'd' | b'D')
            && matches!(escape[3], b'8' | b'9' | b'a'..=b'f' | b'A'..=b'F')
            && escape[4..].iter().all(u8::is_ascii_hexdigit)
    })
}

/// The first surrogate escape at or behind `from`, half a pair or whole.
fn find_surrogate(text: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at = find_candidate(text, at)?;
        // An odd number of backslashes, this one included: it is no escaped backslash itself.
        let before = text.get(..at)?.iter().rev().take_while(|byte| **byte == b'\\').count();
        if before % 2 == 0 && is_surrogate(text, at) {
            return Some(at);
        }
        at += 1;
    }
}

/// The first place from `from` on with `\ud8` to `\udf`, in either case of letters, or what looks
/// like it.
fn find_candidate(text: &[u8], from: usize) -> Option<usize> {
    let is_candidate = |four: &[u8]| {
        (four[0] == b'\\') & (four[1] == b'u') & (four[2] | 0x20 == b'd') & (four[3] >= b'8')
    };
    let mut at = from;
    // No branch per byte, so that the compiler compares sixteen or more at once.
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
            // Hangul is near the surrogates, and is none of them.
            (r"\ud7a3\uD558\ue000", r"\ud7a3\uD558\ue000"),
            // An escaped backslash before plain text.
            (r"\\ud83d", r"\\ud83d"),
            (r"\\\ud83d", r"\\\ufffd"),
            (r"\ud83d\\ude00", r"\ufffd\\ude00"),
            (r"\ud83d\n\ude00", r"\ufffd\n\ufffd"),
            // No JSON, and left as it is.
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
        fn a_repaired_string_says_what_the_broken_one_was_read_as(
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
            let said = |text: &str| {
                let mut out = Vec::new();
                crate::json::unescape(text.as_bytes(), &mut out);
                out
            };
            prop_assert_eq!(said(&broken), said(&repaired));
            // The oracle refuses halves.
            let text = format!("\"{repaired}\"");
            prop_assert!(serde_json::from_str::<String>(&text).is_ok());
        }
    }
}

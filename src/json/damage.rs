//! Ways to damage a JSON text, for tests that compare a reader with `serde_json`.

/// How many bytes to remove, and what to insert in their place.
pub(crate) type Damage = (usize, &'static [u8]);

/// Damage that makes JSON invalid in most places, and leaves it valid in some.
pub(crate) const DAMAGE: [Damage; 25] = [
    (1, b""),
    (3, b""),
    // Everything that follows.
    (usize::MAX, b""),
    (0, b"\""),
    (0, b"\\"),
    (0, b"\\u12"),
    (0, b"\\ud800"),
    (0, b","),
    (0, b":"),
    (0, b"{"),
    (0, b"}"),
    (0, b"["),
    (0, b"]"),
    (0, b"\n"),
    (1, b"\x1f"),
    (0, b"0"),
    (0, b"-"),
    (0, b"."),
    (0, b"e"),
    (0, b"/"),
    (1, b"\x7f"),
    (1, b" "),
    (1, b"\xff"),
    (0, b"null"),
    (0, b",\"a\":1"),
];

/// Damages a text at a position.
pub(crate) fn damage(text: &mut Vec<u8>, at: usize, (removed, inserted): Damage) {
    let start = at.min(text.len());
    let end = start.saturating_add(removed).min(text.len());
    text.splice(start..end, inserted.iter().copied());
}

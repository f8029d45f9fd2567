//! The store's own message, made safe to show.
//!
//! The message of an answer -> a short text on one line, or nothing.
//!
//! Invariants
//! - The text has at most [`MAX_CHARS`] characters, all of them printable.
//! - It holds no secret of the caller, and no word that looks like a key, a token, a signature or a
//!   URL: a store may repeat the request.
//! - When in doubt, a word is hidden.

/// Long enough for every message that tells a user what to change.
const MAX_CHARS: usize = 200;

/// Replaces a hidden word.
const HIDDEN: &str = "***";

/// Where a repeated signature begins: the rest of the text is hidden.
const SIGNATURES: [&str; 4] = ["AWS4-HMAC-SHA256", "AWS4-ECDSA", "X-Amz-Signature", "Signature="];

/// Returns the message in a form that is safe to show, or `None` if nothing readable is left.
/// `secrets` are the caller's own.
pub(super) fn presentable(message: &str, secrets: &[String]) -> Option<Box<str>> {
    let mut text = message.to_owned();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        text = text.replace(secret, HIDDEN);
    }
    for signature in SIGNATURES {
        if let Some((before, _)) = text.split_once(signature) {
            text = format!("{before}{HIDDEN}");
        }
    }
    // Line breaks, tabs and characters that change the direction of text become blanks.
    let plain: String = text.chars().map(|c| if is_printable(c) { c } else { ' ' }).collect();
    let words: Vec<String> = plain.split_whitespace().map(word).collect();
    let shown = words.join(" ").replace('"', "'");
    if !shown.chars().any(char::is_alphanumeric) {
        return None;
    }
    Some(shortened(&shown).into_boxed_str())
}

fn is_printable(c: char) -> bool {
    let invisible = matches!(
        c,
        '\u{ad}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff0}'..='\u{ffff}'
    );
    !c.is_control() && !invisible
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= MAX_CHARS {
        return text.to_owned();
    }
    let short: String = text.chars().take(MAX_CHARS - 3).collect();
    format!("{}...", short.trim_end())
}

/// Hides the parts of a word that look like a key.
fn word(word: &str) -> String {
    if looks_like_url(word) {
        return HIDDEN.to_owned();
    }
    let mut shown = String::new();
    let mut rest = word;
    while let Some(first) = rest.chars().next() {
        let ends = |c: char| is_of_key(c) != is_of_key(first);
        let (run, after) = rest.split_at(rest.find(ends).unwrap_or(rest.len()));
        shown.push_str(if looks_like_key(run) { HIDDEN } else { run });
        rest = after;
    }
    shown
}

/// Whether a word is a URL, with or without a scheme: a host name before a path, a port or a query.
fn looks_like_url(word: &str) -> bool {
    let word = word.trim_matches(|c: char| !c.is_alphanumeric() && c != '/');
    if word.contains("://") || word.starts_with("//") || word.contains('@') {
        return true;
    }
    if word.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("www.")) {
        return true;
    }
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    let host_end = word.find(|c| !is_host(c)).unwrap_or(word.len());
    let (host, after) = word.split_at(host_end);
    host.contains('.') && after.starts_with(['/', ':', '?'])
        || word.split_once('?').is_some_and(|(_, query)| query.contains('='))
}

/// Whether the character occurs in access keys, secrets, session tokens, signatures or ids.
fn is_of_key(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '_' | '-' | '%')
}

/// Whether a run of such characters looks like a key. Key ids have at least 16 characters, and
/// other secrets have more. Error codes, header names, permissions and most names of buckets and
/// users have no digits, or only a few digits and no upper case.
fn looks_like_key(run: &str) -> bool {
    /// The shortest key id.
    const MIN_LEN: usize = 16;
    /// Longer than every error code; the secret of an AWS key has 40 characters.
    const LONG: usize = 36;
    if run.len() < MIN_LEN {
        return false;
    }
    let count = |is: fn(&u8) -> bool| run.bytes().filter(is).count();
    let (lower, upper, digits) =
        (count(u8::is_ascii_lowercase), count(u8::is_ascii_uppercase), count(u8::is_ascii_digit));
    let is_hex = run.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    match (lower, upper, digits) {
        (_, _, digits) if is_hex && digits > 0 => true,
        // AWS ids, tokens in Base64.
        (_, upper, digits) if upper > 0 && digits > 0 => true,
        // Lower case: names have few digits, random text has many.
        (lower, 0, digits) if lower > 0 && digits * 5 >= run.len() => true,
        (lower, upper, 0) => lower > 0 && upper > 0 && run.len() >= LONG,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(message: &str) -> Option<String> {
        presentable(message, &["hunter2".to_owned(), String::new()]).map(String::from)
    }

    #[test]
    fn messages_that_tell_the_user_what_to_change_are_not_altered() {
        for message in [
            "Access Denied",
            "Storage cap exceeded: the account's storage cap of 10 GB is used up. Raise it under \
             Caps & Alerts.",
            "Bucket quota of 1073741824 bytes exceeded",
            "x-amz-storage-class must be one of: STANDARD, STANDARD_IA, GLACIER_IR",
            "A header you provided implies functionality that is not implemented: If-None-Match",
            "User: arn:aws:iam::123456789012:user/airbyte-writer is not authorized to perform: \
             s3:PutObject",
            "XMinioAdminBucketQuotaExceeded",
            "El bucket no existe: año, 桶不存在",
        ] {
            assert_eq!(shown(message).as_deref(), Some(message));
        }
    }

    #[test]
    fn text_that_may_be_secret_is_hidden() {
        let table = [
            ("the key AKIAIOSFODNN7EXAMPLE is not active", "the key *** is not active"),
            ("password hunter2 is wrong", "password *** is wrong"),
            ("the secret=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY.", "the ***."),
            ("token FwoGZXIvYXdzEBYaDHqa0AP1 expired", "token *** expired"),
            ("hash e3b0c44298fc1c149afbf4c8996fb924", "hash ***"),
            ("id 4a7d1ed4-1484-41a2-9d1f-1f2f6a3ad5c0", "id ***"),
            ("garage key GK31c2f218a2e44f485b94239e", "garage key ***"),
            ("see https://example.com/help?id=1 for more", "see *** for more"),
            ("see (http://example.com).", "see ***"),
            ("see www.example.com now", "see *** now"),
            ("ask bucket.example.com:9000 or example.com/help", "ask *** or ***"),
            ("open /login?session=1", "open ***"),
            ("mail me@example.com", "mail ***"),
            ("you sent AWS4-HMAC-SHA256 Credential=abc, Signature=def", "you sent ***"),
        ];
        for (message, expected) in table {
            assert_eq!(shown(message).as_deref(), Some(expected), "{message}");
        }
    }

    #[test]
    fn the_text_is_one_short_printable_line() {
        assert_eq!(
            shown("no\r\n\tspace \u{1b}[31mleft\u{202e} \"here\"").as_deref(),
            Some("no space [31mleft 'here'")
        );
        for nothing in ["", " \n", "\0\u{1}", "***", "---"] {
            assert_eq!(shown(nothing), None, "{nothing:?}");
        }
        let long = shown(&"over and over ".repeat(100)).unwrap();
        assert!(long.chars().count() <= MAX_CHARS && long.ends_with("..."), "{long}");
        let wide = shown(&"é ".repeat(300)).unwrap();
        assert!(wide.chars().count() <= MAX_CHARS, "{wide}");
    }
}

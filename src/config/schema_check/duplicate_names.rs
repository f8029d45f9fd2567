//! Names that occur twice in one object of the settings. JSON readers use one of the two values,
//! and the standard does not say which.
//!
//! JSON text -> paths of the names. Pure.

use std::collections::HashSet;

use crate::config::error::shown;
use crate::json::{Scanner, ValueKind};

/// Settings are three levels deep; anything deeper is an error anyway.
const LEVELS: u32 = 6;

/// Returns the paths of all duplicate names, once each. Empty for a text that is not JSON.
pub(crate) fn duplicate_names(text: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    look(text, "", LEVELS, &mut found);
    found
}

fn look(object: &[u8], path: &str, levels: u32, found: &mut Vec<String>) {
    let mut names = HashSet::new();
    let mut inner = Vec::new();
    let read = Scanner::new(object).members(|key, value| {
        let name = key.to_text().into_owned();
        let path = if path.is_empty() { shown(&name) } else { format!("{path}.{}", shown(&name)) };
        match value.kind {
            ValueKind::Object if levels > 0 => inner.push((path.clone(), value.text)),
            ValueKind::Array if levels > 0 => inner.extend(
                entries(value.text)
                    .into_iter()
                    .zip(0..)
                    .map(|(entry, at)| (format!("{path}[{at}]"), entry)),
            ),
            _ => {}
        }
        if !names.insert(name) && !found.contains(&path) {
            found.push(path);
        }
    });
    if read.is_ok() {
        inner.into_iter().for_each(|(path, text)| look(text, &path, levels - 1, found));
    }
}

/// Returns the text of each entry of an array.
fn entries(array: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    let mut scanner = Scanner::new(array);
    // Past the bracket, then past each comma.
    while let Some(b'[' | b',') = scanner.peek() {
        scanner.skip_to(scanner.position() + 1);
        let Ok(entry) = scanner.value() else { break };
        found.push(entry.text);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicate_names_are_found_at_every_level_and_in_every_spelling() {
        let text =
            br#"{"a":1,"b":{"c":{"d":1,"\u0064":2}},"a":2,"\u0061":3,"e":[ 7, {"f":1,"f":2} ,[]]}"#;
        assert_eq!(duplicate_names(text), ["a", "b.c.d", "e[1].f"]);
        assert_eq!(duplicate_names(br#"{"a":{"b":1},"c":{"b":1}}"#), [""; 0]);
        assert_eq!(duplicate_names(b"{\"a\":"), [""; 0]);
    }
}

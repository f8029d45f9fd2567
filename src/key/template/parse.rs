//! Cuts the text of a template into pieces, and the pieces into path segments.

use super::{Piece, TemplateError};
use crate::key::macros::Macro;

/// Returns the scheme if the text begins as a URL does.
pub(super) fn scheme_of(text: &str) -> Option<String> {
    let (scheme, _) = text.trim_start_matches(['/', ' ']).split_once("://")?;
    let fits = scheme.len() <= 10 && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (fits && scheme.starts_with(|first: char| first.is_ascii_alphabetic()))
        .then(|| scheme.to_owned())
}

/// Returns the pieces up to an unmatched brace. What is wrong is left out and added to `problems`.
pub(super) fn pieces(text: &str, problems: &mut Vec<TemplateError>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    // Collected, so that one message names all macros with a `$`.
    let mut dollars: Vec<(String, &'static str)> = Vec::new();
    let mut chars = text.chars().zip(1..).peekable();
    while let Some((c, position)) = chars.next() {
        match c {
            '{' | '}' if chars.next_if(|(next, _)| *next == c).is_some() => literal.push(c),
            '{' => {
                let mut name = String::new();
                let closed = loop {
                    match chars.next() {
                        Some(('}', _)) => break true,
                        None | Some(('{', _)) => break false,
                        Some((c, _)) => name.push(c),
                    }
                };
                if !closed {
                    problems.push(TemplateError::UnbalancedBrace { position });
                    break;
                }
                let mut shown = Macro::named(&name);
                if literal.ends_with('$') {
                    literal.pop();
                    shown = shown.or_else(|| Macro::named(&name.to_lowercase()));
                    let written = format!("${{{}}}", name.escape_debug());
                    if let Some(meant) = shown.map(Macro::in_braces).or_else(|| Macro::hint(&name))
                        && !dollars.iter().any(|(other, _)| *other == written)
                    {
                        dollars.push((written, meant));
                    }
                }
                if !literal.is_empty() {
                    pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                }
                match shown {
                    Some(shown) => pieces.push(Piece::Macro(shown)),
                    None => {
                        let hint = Macro::hint(&name);
                        problems.push(TemplateError::UnknownMacro { name, hint });
                    }
                }
            }
            '}' => {
                problems.push(TemplateError::UnbalancedBrace { position });
                break;
            }
            c if c.is_control() => problems.push(TemplateError::ControlCharacter { position }),
            c => literal.push(c),
        }
    }
    if !dollars.is_empty() {
        problems.push(TemplateError::DollarMacro { macros: dollars });
    }
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    pieces
}

pub(super) fn segments(pieces: &[Piece]) -> Vec<Vec<Piece>> {
    let mut segments = vec![Vec::new()];
    let mut push = |starts_segment: bool, piece: Option<Piece>| {
        if starts_segment {
            segments.push(Vec::new());
        }
        if let Some(segment) = segments.last_mut() {
            segment.extend(piece);
        }
    };
    for piece in pieces {
        match piece {
            Piece::Literal(literal) => {
                for (n, text) in literal.split('/').enumerate() {
                    push(n > 0, (!text.is_empty()).then(|| Piece::Literal(text.to_owned())));
                }
            }
            Piece::Macro(_) => push(false, Some(piece.clone())),
        }
    }
    segments.retain(|segment| !segment.is_empty());
    segments
}

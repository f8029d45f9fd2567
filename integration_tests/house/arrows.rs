//! Finds the arrows between rooms: which room's code imports which other room.
//!
//! A room that holds others may show their items with `pub use`: a face, which is no arrow. An
//! import through the face leads to where the item comes from, if both rooms are behind that face.
//! From everywhere else it leads to the face.

use std::collections::BTreeMap;

use super::imports::{Import, imports, module_of};
use super::repository::SourceFile;
use super::test_code::without_tests;
use super::tokens::code;

/// The arrows, from and to, each with the path and line of the first import.
pub(crate) type Arrows<'a> = BTreeMap<(&'a str, &'a str), (&'a str, usize)>;

/// The paths that faces show, and where they lead.
type Faces = BTreeMap<Vec<String>, Vec<String>>;

/// Returns the arrows of `program`, the files that are not for tests.
pub(crate) fn arrows<'a>(rooms: &[&'a str], program: &[&'a SourceFile]) -> Arrows<'a> {
    let mut all = Vec::new();
    for file in program {
        let module = module_of(&file.path);
        if let Some(room) = room_of(rooms, &module) {
            let tokens = code(&file.text);
            all.push((*file, room, imports(&module, &without_tests(&tokens))));
        }
    }
    let mut faces = Faces::new();
    for (file, room, imports) in &all {
        for import in imports.iter().filter(|import| is_face(rooms, room, import)) {
            let shown = module_of(&file.path).into_iter().chain(import.shown_as.as_deref());
            faces.insert(shown.map(str::to_owned).collect(), import.path.clone());
        }
    }
    let mut arrows = Arrows::new();
    for (file, from, imports) in all {
        for import in imports.iter().filter(|import| !is_face(rooms, from, import)) {
            let is_behind = |to: &str| is_inside(from, to);
            let target = match room_of(rooms, &import.path) {
                Some(to) if is_behind(to) => room_of(rooms, &through(&faces, &import.path)),
                to => to,
            };
            if let Some(to) = target.filter(|to| *to != from) {
                arrows.entry((from, to)).or_insert((&file.path, import.line));
            }
        }
    }
    arrows
}

/// Returns the name of the innermost room around `module`.
pub(crate) fn room_of<'a, S: AsRef<str>>(rooms: &[&'a str], module: &[S]) -> Option<&'a str> {
    let holds = |room: &&&str| {
        let name: Vec<&str> = room.split("::").collect();
        let is_same = |(left, right): (&&str, &S)| *left == right.as_ref();
        name.len() <= module.len() && name.iter().zip(module).all(is_same)
    };
    rooms.iter().filter(holds).max_by_key(|name| name.len()).copied()
}

fn is_inside(room: &str, outer: &str) -> bool {
    room.strip_prefix(outer).is_some_and(|rest| rest.starts_with("::"))
}

fn is_face(rooms: &[&str], room: &str, import: &Import) -> bool {
    let shows = |target| is_inside(target, room);
    import.shown_as.is_some() && room_of(rooms, &import.path).is_some_and(shows)
}

/// Returns where `path` leads, if a face shows it.
fn through(faces: &Faces, path: &[String]) -> Vec<String> {
    let shown = faces.iter().find(|(shown, _)| path.starts_with(shown));
    match shown {
        Some((shown, target)) => [target, &path[shown.len()..]].concat(),
        None => path.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOMS: [&str; 4] = ["a", "a::x", "a::y", "b"];

    fn found(sources: &[(&str, &str)]) -> Vec<String> {
        let sources: Vec<_> =
            sources.iter().map(|(path, text)| SourceFile::new(path, text)).collect();
        let arrows = arrows(&ROOMS, &sources.iter().collect::<Vec<_>>());
        let shown = |((from, to), (path, line)): (&(&str, &str), &(&str, usize))| {
            format!("{from} → {to} {path}:{line}")
        };
        arrows.iter().map(shown).collect()
    }

    #[test]
    fn a_room_is_the_innermost_one() {
        assert_eq!(room_of(&ROOMS, &["a", "x", "C"]), Some("a::x"));
        assert_eq!(room_of(&ROOMS, &["a", "z"]), Some("a"));
        assert_eq!(room_of(&ROOMS, &["ab"]), None);
        assert_eq!(room_of::<&str>(&ROOMS, &[]), None);
    }

    #[test]
    fn an_arrow_is_an_import_that_leaves_the_room() {
        let sources = [
            ("src/a/mod.rs", "mod x; mod local;\nuse crate::b; use self::local::C;"),
            ("src/a/local.rs", "fn f() { super::x::g() }"),
            ("src/a/x.rs", "use super::y::D;"),
            ("src/a/y.rs", "use super::E; #[cfg(test)] mod tests { use crate::b::F; }"),
            ("src/b.rs", "use crate::c;"),
        ];
        let expected = [
            "a → a::x src/a/local.rs:1",
            "a → b src/a/mod.rs:2",
            "a::x → a::y src/a/x.rs:1",
            "a::y → a src/a/y.rs:1",
        ];
        assert_eq!(found(&sources), expected);
    }

    #[test]
    fn a_face_hides_its_rooms_from_others_and_not_from_each_other() {
        let sources = [
            ("src/a/mod.rs", "mod x; mod y; mod z; pub use x::{C, d::D as E}; pub use z::Z;"),
            ("src/a/y.rs", "use crate::a::{E, Z};"),
            ("src/a/z.rs", ""),
            ("src/b.rs", "use crate::a::C;"),
        ];
        let expected = ["a::y → a src/a/y.rs:1", "a::y → a::x src/a/y.rs:1", "b → a src/b.rs:1"];
        assert_eq!(found(&sources), expected);
    }
}

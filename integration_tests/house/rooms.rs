//! Holds `src/` to the table of its rooms in `docs/ARCHITECTURE.md`.
//!
//! A room is a module with its own row in the table. A file belongs to the innermost room around
//! it. An arrow is an import of one room by another in code that is not for tests.

use super::arrows::{arrows, room_of};
use super::finding::Finding;
use super::imports::module_of;
use super::markdown::{code_spans, table};
use super::repository::SourceFile;
use super::test_code::test_files;

/// How the header of the table begins.
const HEADER: [&str; 2] = ["room", "may import"];

/// A row of the table.
#[derive(Debug)]
struct Room<'a> {
    name: &'a str,
    may_import: Vec<&'a str>,
    line: usize,
}

/// Compares the imports of the files in `src/` with the table in `document`, both ways.
pub(crate) fn check(document: &SourceFile, sources: &[SourceFile]) -> Vec<Finding> {
    let rooms = rooms(&document.text);
    let names: Vec<&str> = rooms.iter().map(|room| room.name).collect();
    let in_table = |line, message: String| Finding::new(&document.path, line, message);
    if rooms.is_empty() {
        let message = format!("the table that begins with | {} | is missing", HEADER.join(" | "));
        return vec![in_table(1, message)];
    }
    let program = program(sources);
    let used = arrows(&names, &program);
    let mut findings = check_files(&document.path, &names, &program);
    for ((from, to), (path, line)) in &used {
        if !rooms.iter().any(|room| room.name == *from && room.may_import.contains(to)) {
            let message = format!(
                "`{from}` may not import `{to}`: move the code to a room that may, or, if the \
                 design changes, add the arrow to the table in {}",
                document.path
            );
            findings.push(Finding::new(path, *line, message));
        }
    }
    let inhabited: Vec<_> =
        program.iter().filter_map(|file| room_of(&names, &module_of(&file.path))).collect();
    for Room { name, may_import, line } in &rooms {
        if !inhabited.contains(name) {
            let message = format!("the room `{name}` has no file: remove its row");
            findings.push(in_table(*line, message));
        }
        for target in may_import.iter().filter(|target| !used.contains_key(&(*name, **target))) {
            let message = format!("no code of `{name}` imports `{target}`: remove it from the row");
            findings.push(in_table(*line, message));
        }
    }
    if let Some(cycle) = cycle(&rooms) {
        let line = rooms.iter().find(|room| room.name == cycle[0]).map_or(1, |room| room.line);
        let message = format!("a cycle: {}; remove one of its arrows", cycle.join(" → "));
        findings.push(in_table(line, message));
    }
    findings
}

/// Returns the files that the program is made of, but for the root, which only declares the rooms.
fn program(sources: &[SourceFile]) -> Vec<&SourceFile> {
    let tests = test_files(sources);
    let is_program = |file: &&SourceFile| {
        let path = file.path.as_str();
        path.starts_with("src/") && path != "src/lib.rs" && !tests.contains(&path)
    };
    sources.iter().filter(is_program).collect()
}

/// Reports files outside all rooms.
fn check_files(document: &str, rooms: &[&str], program: &[&SourceFile]) -> Vec<Finding> {
    let outside = program.iter().filter(|file| room_of(rooms, &module_of(&file.path)).is_none());
    let message = format!("this file lies in no room: add its room to the table in {document}");
    outside.map(|file| Finding::new(&file.path, 1, message.clone())).collect()
}

fn rooms(text: &str) -> Vec<Room<'_>> {
    let mut rooms = Vec::new();
    for row in table(text, &HEADER).unwrap_or_default() {
        if let [name, may_import, ..] = row.cells[..]
            && let [name] = code_spans(name)[..]
        {
            rooms.push(Room { name, may_import: code_spans(may_import), line: row.line });
        }
    }
    rooms
}

/// Returns the names of rooms that import each other in a circle; the first is repeated at the end.
fn cycle<'a>(rooms: &[Room<'a>]) -> Option<Vec<&'a str>> {
    let mut finished = Vec::new();
    rooms.iter().find_map(|room| cycle_from(rooms, room.name, &mut Vec::new(), &mut finished))
}

fn cycle_from<'a>(
    rooms: &[Room<'a>],
    name: &'a str,
    path: &mut Vec<&'a str>,
    finished: &mut Vec<&'a str>,
) -> Option<Vec<&'a str>> {
    if let Some(start) = path.iter().position(|room| *room == name) {
        return Some([&path[start..], &[name]].concat());
    }
    if finished.contains(&name) {
        return None;
    }
    path.push(name);
    let targets =
        rooms.iter().filter(|room| room.name == name).flat_map(|room| room.may_import.clone());
    let found = targets.into_iter().find_map(|target| cycle_from(rooms, target, path, finished));
    path.pop();
    finished.push(name);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks the example files, of which `table.md` is the document.
    fn findings(table: &str, sources: &[(&str, &str)]) -> Vec<String> {
        let document =
            SourceFile::new("table.md", &format!("| room | may import |\n|---|---|\n{table}"));
        let sources: Vec<_> =
            sources.iter().map(|(path, text)| SourceFile::new(path, text)).collect();
        check(&document, &sources).iter().map(ToString::to_string).collect()
    }

    const TABLE: &str = "| `a` | `b` |\n| `a::x` | |\n| `b` | |\n";

    #[test]
    fn an_import_in_the_table_passes() {
        let sources = [
            ("src/lib.rs", "pub mod a; pub mod b;"),
            ("src/a/mod.rs", "mod x; use crate::b; use self::local::C;"),
            ("src/a/local.rs", "use super::d; #[cfg(test)] mod tests { use crate::a::x; }"),
            ("src/a/x.rs", "#[cfg(test)] mod tests;"),
            ("src/a/x/tests.rs", "use crate::b::E;"),
            ("src/b.rs", ""),
            ("benches/bench.rs", "use crate::a;"),
        ];
        assert_eq!(findings(TABLE, &sources), [""; 0]);
    }

    #[test]
    fn an_import_that_the_table_lacks_fails_at_its_line() {
        let sources = [
            ("src/a/mod.rs", "use crate::b;"),
            ("src/a/x.rs", "\nuse crate::{\n  b::C};"),
            ("src/b.rs", "fn f() { crate::a::x::g(); }"),
        ];
        let found = findings(TABLE, &sources);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("src/a/x.rs:3: `a::x` may not import `b`: move"), "{found:?}");
        assert!(found[1].starts_with("src/b.rs:1: `b` may not import `a::x`: move"), "{found:?}");
        assert!(found[1].ends_with("add the arrow to the table in table.md"), "{found:?}");
    }

    #[test]
    fn an_arrow_or_a_room_that_nothing_uses_fails() {
        let found = findings(TABLE, &[("src/a/mod.rs", ""), ("src/b.rs", "")]);
        let expected = [
            "table.md:3: no code of `a` imports `b`: remove it from the row",
            "table.md:4: the room `a::x` has no file: remove its row",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_file_outside_all_rooms_fails() {
        let found = findings("| `a` | |\n", &[("src/a.rs", ""), ("src/c/d.rs", "")]);
        assert_eq!(
            found,
            ["src/c/d.rs:1: this file lies in no room: add its room to the table in table.md"]
        );
    }

    #[test]
    fn a_cycle_is_printed() {
        let sources = [
            ("src/a.rs", "use crate::b;"),
            ("src/b.rs", "use crate::c;"),
            ("src/c.rs", "use crate::b;"),
        ];
        let found = findings("| `a` | `b` |\n| `b` | `c` |\n| `c` | `b` |\n", &sources);
        assert_eq!(found, ["table.md:4: a cycle: b → c → b; remove one of its arrows"]);
    }

    #[test]
    fn a_document_without_the_table_fails() {
        let found = check(&SourceFile::new("table.md", "| word | may import |\n"), &[]);
        assert_eq!(
            found[0].to_string(),
            "table.md:1: the table that begins with | room | may import | is missing"
        );
    }
}

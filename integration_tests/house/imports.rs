//! Finds the paths by which code names the modules of its own crate.

use super::tokens::{Kind, Token};

/// A path to an item of the crate.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Import {
    /// The line of its last segment.
    pub(crate) line: usize,
    /// From the root of the crate, without `crate`.
    pub(crate) path: Vec<String>,
    /// The name by which a `pub use` shows it to other modules.
    pub(crate) shown_as: Option<String>,
}

/// Returns what the code of `module` imports or names in line.
///
/// `tokens` hold no comments. Paths that begin with `crate`, `self`, `super` or a module that this
/// file declares are followed; all others lead into other crates, or repeat the name of something
/// that was imported.
pub(crate) fn imports(module: &[&str], tokens: &[Token<'_>]) -> Vec<Import> {
    let modules = vec![(module_path(module), 0)];
    let mut finder = Finder { tokens, modules, depth: 0, is_public: false, found: Vec::new() };
    finder.run();
    finder.found
}

/// Returns the module that the file at `path` is, from the root of the crate.
pub(crate) fn module_of(path: &str) -> Vec<&str> {
    let path = path.trim_start_matches("src/").trim_end_matches(".rs");
    let mut module: Vec<&str> = path.split('/').collect();
    module.pop_if(|name| *name == "mod");
    if module == ["lib"] {
        module.clear();
    }
    module
}

fn module_path(module: &[&str]) -> Vec<String> {
    module.iter().map(|name| (*name).to_owned()).collect()
}

struct Finder<'a> {
    tokens: &'a [Token<'a>],
    /// The modules around the current token, each with the depth of braces at which it ends.
    modules: Vec<(Vec<String>, usize)>,
    depth: usize,
    /// Whether the current `use` is a `pub use`.
    is_public: bool,
    found: Vec<Import>,
}

impl Finder<'_> {
    fn run(&mut self) {
        let mut at = 0;
        while at < self.tokens.len() {
            at = match self.text(at) {
                "mod" if self.text(at + 2) == "{" => {
                    let mut module = self.module().to_vec();
                    module.push(self.text(at + 1).to_owned());
                    self.depth += 1;
                    self.modules.push((module, self.depth));
                    at + 3
                }
                "{" => {
                    self.depth += 1;
                    at + 1
                }
                "}" => {
                    self.modules.pop_if(|(_, depth)| *depth == self.depth && *depth > 0);
                    self.depth = self.depth.saturating_sub(1);
                    at + 1
                }
                "use" => {
                    self.is_public = at > 0 && matches!(self.text(at - 1), "pub" | ")");
                    self.tree(at + 1, &[])
                }
                _ if self.begins_path(at) => self.inline(at),
                _ => at + 1,
            };
        }
    }

    fn text(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| token.text)
    }

    fn is_word(&self, at: usize) -> bool {
        self.tokens.get(at).is_some_and(|token| token.kind == Kind::Word)
    }

    fn is_separator(&self, at: usize) -> bool {
        self.text(at) == ":" && self.text(at + 1) == ":"
    }

    fn module(&self) -> &[String] {
        self.modules.last().map_or(&[], |(module, _)| module)
    }

    fn begins_path(&self, at: usize) -> bool {
        let continues = at >= 2 && self.is_separator(at - 2);
        // `pub(in crate::a)` says who may look, and imports nothing.
        let is_visibility = at >= 2 && self.text(at - 1) == "in" && self.text(at - 2) == "(";
        self.is_word(at) && self.is_separator(at + 1) && !continues && !is_visibility
    }

    /// Reads a path outside `use`; returns the position after it.
    fn inline(&mut self, start: usize) -> usize {
        let mut at = start;
        let mut segments = vec![self.text(at).to_owned()];
        while self.is_separator(at + 1) && self.is_word(at + 3) {
            at += 3;
            segments.push(self.text(at).to_owned());
        }
        self.add(at, &segments, None);
        at + 1
    }

    /// Reads a branch of a `use` after `prefix`; returns the position after it.
    fn tree(&mut self, start: usize, prefix: &[String]) -> usize {
        let mut at = start;
        let mut segments = prefix.to_vec();
        if segments.is_empty() && self.is_separator(at) {
            // `use ::name` is another crate.
            segments.push(String::new());
            at += 2;
        }
        loop {
            if self.text(at) == "{" {
                at += 1;
                while !matches!(self.text(at), "}" | ";" | "") {
                    at = self.tree(at, &segments);
                    if self.text(at) == "," {
                        at += 1;
                    }
                }
                return at + 1;
            }
            // `self` inside braces is the prefix.
            if self.is_word(at) && (segments.is_empty() || self.text(at) != "self") {
                segments.push(self.text(at).to_owned());
            }
            if self.is_separator(at + 1) {
                at += 3;
                continue;
            }
            let last = at;
            // What may follow is `as name`.
            while !matches!(self.text(at + 1), "," | ";" | "}" | "") {
                at += 1;
            }
            let name = self.text(at).to_owned();
            self.add(last, &segments, self.is_public.then_some(name));
            return at + 1;
        }
    }

    fn add(&mut self, last: usize, segments: &[String], shown_as: Option<String>) {
        if let (Some(path), Some(token)) = (self.resolve(segments), self.tokens.get(last)) {
            self.found.push(Import { line: token.line, path, shown_as });
        }
    }

    /// Returns the path from the root of the crate, or `None` if it leads elsewhere.
    fn resolve(&self, segments: &[String]) -> Option<Vec<String>> {
        let module = self.module();
        let (first, mut rest) = segments.split_first()?;
        let mut path = match first.as_str() {
            "crate" | "destination_s3" => Vec::new(),
            "self" => module.to_vec(),
            "super" => module.get(..module.len().checked_sub(1)?)?.to_vec(),
            name if self.declares(name) => [module, &[name.to_owned()]].concat(),
            _ => return None,
        };
        while let Some((_, after)) = rest.split_first().filter(|(segment, _)| *segment == "super") {
            path.pop()?;
            rest = after;
        }
        path.extend_from_slice(rest);
        Some(path)
    }

    fn declares(&self, name: &str) -> bool {
        let is_declaration =
            |tokens: &[Token<'_>]| tokens[0].text == "mod" && tokens[1].text == name;
        self.modules.len() == 1 && self.tokens.windows(2).any(is_declaration)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tokens::code;
    use super::*;

    fn found(module: &str, text: &str) -> Vec<String> {
        let tokens = code(text);
        imports(&module_of(module), &tokens).iter().map(|import| import.path.join("::")).collect()
    }

    #[test]
    fn every_form_of_import_is_found() {
        for (text, expected) in [
            ("use crate::key::Stem;", vec!["key::Stem"]),
            ("pub(crate) use crate::key::*;", vec!["key"]),
            (
                "use crate::{a, b::{c, d as e}, f::{self, g::H}};",
                vec!["a", "b::c", "b::d", "f", "f::g::H"],
            ),
            ("use super::super::key::Stem as S;", vec!["key::Stem"]),
            ("use super::{a::B, super::c};", vec!["pipeline::a::B", "c"]),
            ("use self::a::B;", vec!["pipeline::engine::a::B"]),
            (
                "mod a; pub use a::{B, c::D};",
                vec!["pipeline::engine::a::B", "pipeline::engine::a::c::D"],
            ),
            (
                "fn f(x: crate::key::Stem) { super::run::now(); }",
                vec!["key::Stem", "pipeline::run::now"],
            ),
            ("fn f() { g::<crate::a::B>(); <crate::c::D as E>::f() }", vec!["a::B", "c::D"]),
            ("mod a { use super::b; } use super::c;", vec!["pipeline::engine::b", "pipeline::c"]),
            ("mod a { fn f() {} } mod b { use super::super::c; }", vec!["pipeline::c"]),
            ("use destination_s3::verb::run;", vec!["verb::run"]),
            ("macro_rules! m { () => { $crate::a::b() } }", vec!["a::b"]),
            ("#[serde(with = \"crate::a\")] struct S;", vec![]),
            (
                "use std::{fmt, io}; use ::key::A; pub(in crate::pipeline) fn f() { Vec::new() }",
                vec![],
            ),
            ("fn f(x: X) { x.crate_name(); Self::new(); a::b(); }", vec![]),
        ] {
            let expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
            assert_eq!(found("src/pipeline/engine/mod.rs", text), expected, "{text}");
        }
    }

    #[test]
    fn public_imports_know_what_they_show() {
        let tokens = code("mod a; pub use a::{B, c::D as E}; pub(crate) use a::F; use a::G;");
        let found = imports(&["x"], &tokens);
        let shown: Vec<Option<&str>> =
            found.iter().map(|import| import.shown_as.as_deref()).collect();
        assert_eq!(shown, [Some("B"), Some("E"), Some("F"), None]);
    }

    #[test]
    fn imports_know_their_lines() {
        let tokens = code("use crate::{\n    a,\n    b::C,\n};\n");
        let lines: Vec<usize> = imports(&["x"], &tokens).iter().map(|import| import.line).collect();
        assert_eq!(lines, [2, 3]);
    }

    #[test]
    fn a_file_is_the_module_of_its_path() {
        assert_eq!(module_of("src/lib.rs"), [""; 0]);
        assert_eq!(module_of("src/env.rs"), ["env"]);
        assert_eq!(module_of("src/pipeline/engine/mod.rs"), ["pipeline", "engine"]);
        assert_eq!(module_of("src/pipeline/engine/keys.rs"), ["pipeline", "engine", "keys"]);
    }
}

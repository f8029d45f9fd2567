//! Every dependency in a `Cargo.toml` is named by code of its package.

use std::collections::BTreeSet;

use super::finding::Finding;
use super::repository::SourceFile;
use super::test_code::{test_files, without_tests};
use super::tokens::{Token, code};

/// Packages whose crate has another name.
const RENAMED: [(&str, &str); 2] = [("md-5", "md5"), ("rustls-webpki", "webpki")];

/// Reports dependencies of the packages in `manifests` that nothing names.
///
/// `[dependencies]` are for the program: what is in its folder `src/`, or all of a package without
/// one, and not for tests. `[dev-dependencies]` are for all code of the package.
pub(crate) fn check(manifests: &[SourceFile], sources: &[SourceFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for manifest in manifests {
        let mut section = "";
        let own = own_sources(manifest, manifests, sources);
        let by_program = crates_of_program(manifest, &own);
        let by_all: BTreeSet<String> =
            own.iter().flat_map(|file| crates(&code(&file.text))).collect();
        for (number, line) in (1..).zip(manifest.text.lines()) {
            if line.starts_with('[') {
                section = line;
            }
            let used = match section {
                "[dependencies]" => &by_program,
                "[dev-dependencies]" => &by_all,
                _ => continue,
            };
            let Some((package, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#'))
            else {
                continue;
            };
            if !used.contains(&crate_name(package)) {
                let message = format!("nothing names the dependency `{package}`: remove it");
                findings.push(Finding::new(&manifest.path, number, message));
            }
        }
    }
    findings
}

fn crate_name(package: &str) -> String {
    let renamed = RENAMED.iter().find(|(name, _)| *name == package);
    renamed.map_or_else(|| package.replace('-', "_"), |(_, name)| (*name).to_owned())
}

fn folder(manifest: &SourceFile) -> &str {
    manifest.path.trim_end_matches("Cargo.toml")
}

/// Returns the sources in the folder of `manifest`, without those of packages inside it.
fn own_sources<'a>(
    manifest: &SourceFile,
    manifests: &[SourceFile],
    sources: &'a [SourceFile],
) -> Vec<&'a SourceFile> {
    let folders = || manifests.iter().map(folder);
    let owner = |file: &SourceFile| {
        folders().filter(|folder| file.path.starts_with(folder)).max_by_key(|f| f.len())
    };
    sources.iter().filter(|file| owner(file) == Some(folder(manifest))).collect()
}

fn crates_of_program(manifest: &SourceFile, own: &[&SourceFile]) -> BTreeSet<String> {
    let src = format!("{}src/", folder(manifest));
    let tests = test_files(own.iter().copied());
    let mut program = own.to_vec();
    if own.iter().any(|file| file.path.starts_with(&src)) {
        program.retain(|file| file.path.starts_with(&src) && !tests.contains(&file.path.as_str()));
    }
    program.iter().flat_map(|file| crates(&without_tests(&code(&file.text)))).collect()
}

/// Returns the names that begin a path or are imported whole.
fn crates(tokens: &[Token<'_>]) -> Vec<String> {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text);
    let begins_path = |at: usize| text(at + 1) == ":" && text(at + 2) == ":";
    let is_imported = |at: usize| at > 0 && text(at - 1) == "use";
    (0..tokens.len())
        .filter(|at| begins_path(*at) || is_imported(*at))
        .map(|at| text(at).to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(manifest: &str, sources: &[(&str, &str)]) -> Vec<String> {
        let manifests = [
            SourceFile::new("Cargo.toml", manifest),
            SourceFile::new("fuzz/Cargo.toml", "[package]\n"),
        ];
        let sources: Vec<_> =
            sources.iter().map(|(path, text)| SourceFile::new(path, text)).collect();
        check(&manifests, &sources).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn dependencies_that_are_named_pass() {
        let manifest = "[dependencies]\n# Why.\na-b = \"1\"\nmd-5 = \"2\"\n[dev-dependencies]\nc = \
                        { version = \"3\" }\n[profile.dev]\nd = 1\n";
        let sources = [
            ("src/lib.rs", "use a_b; fn f() { md5::g() }"),
            ("integration_tests/main.rs", "use c::d;"),
        ];
        assert_eq!(findings(manifest, &sources), [""; 0]);
    }

    #[test]
    fn dependencies_that_only_tests_comments_or_other_packages_name_fail() {
        let manifest = "[dependencies]\na = \"1\"\nb = \"1\"\nc = \"1\"\nd = \"1\"\n";
        let sources = [
            ("src/lib.rs", "// use a;\n#[cfg(test)] mod tests { use b::x; } fn f(c: C) { c.d() }"),
            ("integration_tests/main.rs", "use c::d;"),
            ("fuzz/main.rs", "use d::e;"),
        ];
        let found = findings(manifest, &sources);
        assert_eq!(found.len(), 4, "{found:?}");
        assert_eq!(found[0], "Cargo.toml:2: nothing names the dependency `a`: remove it");
    }
}

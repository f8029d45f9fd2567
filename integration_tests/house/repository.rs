//! Reads the texts of the repository: the only part of these checks that touches the disk.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Cargo marks the folders that it builds in with this file.
const CARGO_MARK: &str = "CACHEDIR.TAG";

/// A text file of the repository.
#[derive(Debug)]
pub(crate) struct SourceFile {
    /// Relative to the root, with `/` between its parts.
    pub(crate) path: String,
    /// Its whole text.
    pub(crate) text: String,
}

impl SourceFile {
    /// A file made for an example.
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }
}

/// Every path of the repository, and the texts that the checks read.
#[derive(Debug, Default)]
pub(crate) struct Repository {
    /// Files and folders, relative to the root.
    pub(crate) paths: BTreeSet<String>,
    /// Rust sources, sorted by path.
    pub(crate) sources: Vec<SourceFile>,
    /// Markdown documents, sorted by path.
    pub(crate) documents: Vec<SourceFile>,
    /// The `Cargo.toml` of each package, sorted by path.
    pub(crate) manifests: Vec<SourceFile>,
}

impl Repository {
    /// Reads the checkout that this test was built from.
    pub(crate) fn read() -> Self {
        let mut repository = Self::default();
        repository.walk(Path::new(env!("CARGO_MANIFEST_DIR")), "");
        repository
    }

    fn walk(&mut self, folder: &Path, prefix: &str) {
        let entries = fs::read_dir(folder).expect("a readable folder");
        let mut entries: Vec<_> = entries.map(|entry| entry.expect("a readable entry")).collect();
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name().into_string().expect("a name in UTF-8");
            let path = format!("{prefix}{name}");
            if !entry.file_type().expect("the type of an entry").is_dir() {
                self.add_file(&entry.path(), &path);
            } else if name != ".git" && !entry.path().join(CARGO_MARK).exists() {
                self.walk(&entry.path(), &format!("{path}/"));
            } else {
                continue;
            }
            self.paths.insert(path);
        }
    }

    fn add_file(&mut self, file: &Path, path: &str) {
        let texts = match path.rsplit(['/', '.']).next() {
            Some("rs") => &mut self.sources,
            Some("md") => &mut self.documents,
            Some("toml") if path == "Cargo.toml" || path.ends_with("/Cargo.toml") => {
                &mut self.manifests
            }
            _ => return,
        };
        let text = fs::read_to_string(file).expect("a text in UTF-8");
        texts.push(SourceFile { path: path.to_owned(), text });
    }
}

#[test]
fn the_walk_finds_this_file_and_leaves_out_what_cargo_built() {
    let repository = Repository::read();
    let this =
        repository.sources.iter().find(|file| file.path == "integration_tests/house/repository.rs");
    assert!(this.expect("this file").text.contains("the_walk_finds_this_file"));
    assert!(repository.paths.contains("docs/ARCHITECTURE.md"));
    assert!(repository.paths.contains("src"));
    assert_eq!(repository.manifests[0].path, "Cargo.toml");
    let built = repository.paths.iter().find(|path| path.ends_with(CARGO_MARK));
    assert_eq!(built, None);
}

//! Rules of the house that a machine can check, over the texts of this repository.
//!
//! Each check is a function of a path and a text, with examples beside it that must fail; this file
//! runs them over the checkout. A rule that would need judgement does not belong here.

mod arrows;
mod dependencies;
mod english;
mod files;
mod finding;
mod glossary;
mod imports;
mod links;
mod markdown;
mod prose;
mod repository;
mod rooms;
mod test_code;
mod tokens;

use finding::assert_none;
use repository::{Repository, SourceFile};

/// Returns the document at `path`.
#[track_caller]
fn document<'a>(repository: &'a Repository, path: &str) -> &'a SourceFile {
    let found = repository.documents.iter().find(|document| document.path == path);
    found.unwrap_or_else(|| panic!("{path} is missing"))
}

#[test]
fn rooms_import_only_what_the_architecture_allows() {
    let repository = Repository::read();
    assert_none(rooms::check(document(&repository, "docs/ARCHITECTURE.md"), &repository.sources));
}

#[test]
fn no_head_repeats_what_a_room_may_import() {
    assert_none(Repository::read().sources.iter().flat_map(files::check_import_notes).collect());
}

#[test]
fn every_source_file_begins_with_what_it_does() {
    assert_none(Repository::read().sources.iter().filter_map(files::check_head).collect());
}

#[test]
fn no_source_file_is_too_long() {
    assert_none(Repository::read().sources.iter().filter_map(files::check_length).collect());
}

#[test]
fn no_line_is_too_long() {
    let repository = Repository::read();
    let sources = repository.sources.iter().flat_map(files::check_source_columns);
    let documents = repository.documents.iter().flat_map(files::check_document_columns);
    assert_none(sources.chain(documents).collect());
}

#[test]
fn comments_documents_and_messages_are_in_plain_english() {
    let repository = Repository::read();
    let sources = repository.sources.iter().flat_map(english::check_source);
    let documents = repository.documents.iter().flat_map(english::check_document);
    assert_none(sources.chain(documents).collect());
}

#[test]
fn no_identifier_is_a_word_that_the_glossary_gave_up() {
    let repository = Repository::read();
    assert_none(glossary::check(document(&repository, "GLOSSARY.md"), &repository.sources));
}

#[test]
fn links_and_paths_lead_to_files_that_exist() {
    let Repository { paths, sources, documents, .. } = Repository::read();
    let in_sources = sources.iter().flat_map(|file| links::check_source(file, &paths));
    let in_documents =
        documents.iter().flat_map(|file| links::check_document(file, &documents, &paths));
    assert_none(in_sources.chain(in_documents).collect());
}

#[test]
fn every_dependency_is_used() {
    let repository = Repository::read();
    assert_none(dependencies::check(&repository.manifests, &repository.sources));
}

//! What a store gets wrong all the time, and does not know: it answers 200.
//!
//! Not here: requests that fail (`rules`).

/// A habit of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Quirk {
    /// Objects have no user metadata.
    LosesMetadata,
    /// Objects that were uploaded in parts have no user metadata.
    LosesMetadataOfUploads,
    /// A copy has the metadata of its source, whatever was asked for.
    IgnoresMetadataDirective,
    /// A listing that is cut has no continuation token.
    NoToken,
    /// A listing that is cut has the same continuation token every time, and begins anew with it.
    SameToken,
    /// A listing is cut on every page, and no page has a name.
    EmptyPages,
    /// A listing begins with the first name whatever `start-after` says.
    IgnoresStartAfter,
    /// Objects whose key contains the text cannot be deleted, neither alone nor with others.
    Undeletable(String),
}

//! The few nouns that every stage shares.
//!
//! A stream is named by its [`StreamDescriptor`] where the platform sees it and by its [`StreamIx`]
//! (position in the catalog) everywhere inside, so that no stage compares names per record.

use std::fmt;

/// Position of a stream in the configured catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamIx(pub u32);

impl StreamIx {
    /// For indexing tables that have one entry per stream of the catalog.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// The name of a stream. An absent, a null and an empty namespace are the same here: all are
/// `None`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamDescriptor {
    /// Namespace, never empty.
    pub namespace: Option<String>,
    /// Name as the catalog has it.
    pub name: String,
}

impl StreamDescriptor {
    /// Joins the three spellings of "no namespace".
    pub fn new(namespace: Option<&str>, name: impl Into<String>) -> Self {
        Self {
            namespace: namespace.filter(|n| !n.is_empty()).map(str::to_owned),
            name: name.into(),
        }
    }
}

impl fmt::Display for StreamDescriptor {
    /// `namespace.name`, or the name alone: for messages to people, not for keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{namespace}.{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

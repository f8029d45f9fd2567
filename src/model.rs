//! The nouns that all modules share: the two names of a stream.
//!
//! A [`StreamDescriptor`] names a stream to the platform. Inside, a [`StreamIx`] (its place in the
//! catalog) names it, so that names are compared once per record and nowhere else.

use std::fmt;

/// The place of a stream in the configured catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamIx(pub u32);

impl StreamIx {
    /// The index for tables with one entry per stream of the catalog.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// The name of a stream. An absent, a null and an empty namespace are the same: `None`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamDescriptor {
    /// The namespace, which is never empty.
    pub namespace: Option<String>,
    /// The name, as in the catalog.
    pub name: String,
}

impl StreamDescriptor {
    /// A descriptor. An empty namespace becomes `None`.
    pub fn new(namespace: Option<&str>, name: impl Into<String>) -> Self {
        Self {
            namespace: namespace.filter(|n| !n.is_empty()).map(str::to_owned),
            name: name.into(),
        }
    }
}

impl fmt::Display for StreamDescriptor {
    /// Writes `namespace.name`, or the name alone. For messages; different streams can read alike.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{namespace}.{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

//! The keys of objects.

// Times, cursors and ids in keys.
mod macros;
// Key templates, numbering, and file sizes.
mod objects;

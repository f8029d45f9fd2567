//! Faults that users of this and of other connectors reported: one test each, named after the fault.
//!
//! A listing of these files tells a reader the hard cases. Faults of one unit have their test beside the unit.

// Names of columns, folders and files that engines read in their own way.
mod names;
//! Faults that were found in use, each with the smallest input that shows it and the value that is right.
//!
//! A module is an area; a test is named after its fault. Where a behaviour is a decision, SEMANTICS.md says it.

mod catalogs;
mod csv_cells;
mod json_text;

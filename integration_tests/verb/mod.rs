//! `spec`, `check` and `write` as commands: what they print and the code they exit with.

// `check` with good and bad configurations.
mod check;
// `write` with a configuration, catalog or store that cannot work.
mod refusals;
// `spec`.
mod spec;

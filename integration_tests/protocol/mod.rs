//! The input and output of `write`: input lines, STATE messages, and how a run ends.

// Good and bad ends of the input.
mod ends;
// Broken, unusual and huge lines.
mod lines;
// STATE messages: their content, their counts, and when they come back.
mod states;

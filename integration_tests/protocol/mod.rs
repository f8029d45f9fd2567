//! What goes in and out of `write`: lines of the input, STATE messages, and how a run ends.

// Good and bad ends of the input.
mod ends;
// Broken, odd and huge lines.
mod lines;
// STATE messages: their content, their counts, when they come back.
mod states;

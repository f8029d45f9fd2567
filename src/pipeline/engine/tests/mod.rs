//! The engine in a small world of its own: a store in memory that answers in any order and may
//! fail, a clock that is moved by hand, and a record of everything that became visible or was
//! printed.

mod many;
mod scenarios;
mod schedules;
mod world;

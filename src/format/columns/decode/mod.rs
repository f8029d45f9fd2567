//! Reads an object's text straight into the columns of its members.
//!
//! In: a text that is valid UTF-8 and the position of an object in it. Out: values at the end of
//! the columns, notes on values that did not fit and on undeclared members, and the position after
//! the object.
//!
//! One pass does everything: a value is validated, matched with its column and converted while it
//! is read, and goes into the column before the rest of the record is known. So values that turn
//! out not to count must be undone: the caller undoes the row of a broken record, and
//! [`Decoder::object`] the earlier value of a repeated member, together with its notes. Both are
//! rare, and cheaper than a first pass over every record.
//!
//! Invariants
//! - All of the text is validated as JSON, whether a column takes it or not.
//! - Each value ends its column's row exactly once, as a value or as null.
//! - The last of several members with one name counts; nothing of the others remains.
//! - Recursion is as deep as the stream's types, which `json_schema` bounds. JSON text inside one
//!   value is walked without recursion.
//!
//! Not here: how a text becomes a number or a time (`number`, `temporal`), the end of a row
//! (`record_decoder`).

mod notes;
mod scalars;

use super::column::{Column, ColumnValues};
use super::conversion_issues::IssueKind;
use super::decode_plan::{DecodePlan, ObjectPlan, ValuePlan};
use super::undeclared::UndeclaredMember;
use crate::json::field_order::START;
use crate::json::grammar::{self, Step};
use crate::json::{self, JsonError};
pub(super) use notes::Notes;
use notes::NotesPosition;

/// Reads the values of one text into columns.
#[derive(Debug)]
pub(super) struct Decoder<'d> {
    text: &'d [u8],
    notes: &'d mut Notes,
}

/// A member of an object in the text.
struct Member {
    /// The number of its name in the object's plan.
    name: u32,
    /// Where its key begins.
    key_at: usize,
    /// Where its value begins.
    value_at: usize,
}

impl<'d> Decoder<'d> {
    pub(super) fn new(text: &'d [u8], notes: &'d mut Notes) -> Self {
        Self { text, notes }
    }

    /// Reads the object whose `{` is at `pos`. `columns` are those of its members, and `rows` is
    /// how many rows come before it. Returns the position after the object.
    pub(super) fn object(
        &mut self,
        plan: &mut ObjectPlan,
        columns: &mut [Column],
        rows: usize,
        pos: usize,
    ) -> Result<usize, JsonError> {
        plan.forget_surplus_names();
        let start = self.notes.position();
        let mut previous = START;
        let mut step = grammar::first(self.text, pos, b'}');
        loop {
            let at = match step {
                Step::Next(at) => at,
                Step::Closed(end) => return Ok(end),
            };
            let member = self.member(plan, previous, at)?;
            previous = member.name;
            // Numbers of declared names begin at 1. Those of undeclared ones are beyond the
            // columns.
            let ix = (member.name as usize).wrapping_sub(1);
            let end = match (plan.members.get_mut(ix), columns.get_mut(ix)) {
                (Some(plan), Some(column)) => {
                    if column.len() != rows {
                        self.open_row(plan, column, rows, start);
                    }
                    self.value(plan, column, member.value_at)?
                }
                _ => self.undeclared_member(plan, &member, start)?,
            };
            step = grammar::next(self.text, end, b'}')?;
        }
    }

    /// Reads the key at `at`. Most records have their members in the order of the record before, so
    /// that one comparison with the expected name is enough.
    #[inline(always)]
    fn member(&self, plan: &mut ObjectPlan, previous: u32, at: usize) -> Result<Member, JsonError> {
        let text = self.text;
        let (name, value_at) = match plan.order.guess(previous, text, at) {
            Some((name, colon)) => (name, grammar::whitespace(text, colon)),
            None => {
                let key = grammar::key(text, at)?;
                (plan.order.find(previous, text, key.start..key.end, key.escaped), key.value)
            }
        };
        Ok(Member { name, key_at: at, value_at })
    }

    /// Notes a member that the schema does not declare.
    #[cold]
    fn undeclared_member(
        &mut self,
        plan: &mut ObjectPlan,
        member: &Member,
        object_start: NotesPosition,
    ) -> Result<usize, JsonError> {
        let key = grammar::key(self.text, member.key_at)?;
        let value = grammar::value(self.text, member.value_at)?;
        let Notes { undeclared, positions, .. } = &mut *self.notes;
        let undeclared_member = UndeclaredMember {
            node: plan.node,
            name: member.name,
            positions,
            key: &self.text[key.start..key.end],
            value: &self.text[member.value_at..value.end],
        };
        undeclared.note(undeclared_member, object_start.undeclared, &mut plan.last_noted);
        Ok(value.end)
    }

    /// Brings a column to `rows` rows: fills the rows of records that lacked this member, or undoes
    /// the value of an earlier member with this name.
    #[cold]
    fn open_row(
        &mut self,
        plan: &DecodePlan,
        column: &mut Column,
        rows: usize,
        object_start: NotesPosition,
    ) {
        if column.len() > rows {
            column.truncate(rows);
            self.notes.undo(object_start, &plan.nodes);
        } else {
            column.fill(rows);
        }
    }

    /// Reads the value at `pos` and ends the column's row with it. Returns the position after it.
    #[inline]
    fn value(
        &mut self,
        plan: &mut DecodePlan,
        column: &mut Column,
        pos: usize,
    ) -> Result<usize, JsonError> {
        let node = plan.nodes.start;
        let first_byte = self.text.get(pos);
        match (&mut plan.value, &mut column.values) {
            (ValuePlan::Scalar(column_type), _) => self.scalar(column_type, column, node, pos),
            (ValuePlan::Struct(object), ColumnValues::Struct(columns))
                if first_byte == Some(&b'{') =>
            {
                let end = self.object(object, columns, column.validity.len(), pos)?;
                column.validity.push_value();
                Ok(end)
            }
            (ValuePlan::List(element), ColumnValues::List(lists)) if first_byte == Some(&b'[') => {
                let end = self.elements(element, &mut lists.elements, 0, pos)?;
                lists.end_list();
                column.validity.push_value();
                Ok(end)
            }
            (ValuePlan::ExtractedAt, _) => self.extracted_at(column, node, pos),
            // Not an object or an array, but null or a value of a wrong type.
            (ValuePlan::Struct(_) | ValuePlan::List(_), _) => {
                let value = grammar::value(self.text, pos)?;
                self.null_or_wrong_type(column, node, &value, pos);
                Ok(value.end)
            }
        }
    }

    /// Reads the elements of the array whose `[` is at `pos`, without ending the list. `first` is
    /// the position of the first one in its list. Returns the position after the array.
    pub(super) fn elements(
        &mut self,
        plan: &mut DecodePlan,
        elements: &mut Column,
        first: u32,
        pos: usize,
    ) -> Result<usize, JsonError> {
        let depth = self.notes.positions.len();
        self.notes.positions.push(first);
        let mut step = grammar::first(self.text, pos, b']');
        loop {
            let at = match step {
                Step::Next(at) => at,
                Step::Closed(end) => {
                    self.notes.positions.truncate(depth);
                    return Ok(end);
                }
            };
            let end = self.value(plan, elements, at)?;
            if let Some(position) = self.notes.positions.last_mut() {
                *position += 1;
            }
            step = grammar::next(self.text, end, b']')?;
        }
    }

    /// Ends the row with null, and notes an issue unless the value at `pos` is null itself.
    #[cold]
    fn null_or_wrong_type(
        &mut self,
        column: &mut Column,
        node: u32,
        value: &grammar::ValueAt,
        pos: usize,
    ) {
        column.push_null();
        if value.kind != json::ValueKind::Null {
            self.notes.issue(node, IssueKind::WrongType, &self.text[pos..value.end]);
        }
    }
}

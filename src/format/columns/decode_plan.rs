//! How to decode each column: a tree beside the columns, one per worker and stream.
//!
//! In: the fields of a stream. Out: an [`ObjectPlan`] for the record, which has a [`DecodePlan`]
//! for each column. Each column, member and element has a number, its *node*. Logs name it by its
//! node, so that they need not keep paths.
//!
//! This is a tree of its own, beside [`ColumnType`], because it changes while records are read: an
//! object's plan learns in which order its members come, and tries that order first.

use std::ops::Range;

use super::types::{ColumnType, Field};
use crate::format::EXTRACTED_AT;
use crate::json::field_order::FieldOrder;

/// The node of the record itself.
pub(super) const ROOT: u32 = 0;

/// How to decode one column.
#[derive(Debug)]
pub(super) struct DecodePlan {
    /// The column's own node, followed by those of everything inside it: nodes are counted depth
    /// first, so that a subtree is a range.
    pub(super) nodes: Range<u32>,
    pub(super) value: ValuePlan,
}

/// How to decode the values of a column.
#[derive(Debug)]
pub(super) enum ValuePlan {
    /// A value of this type, which has nothing inside.
    Scalar(ColumnType),
    /// `_airbyte_extracted_at`: a timestamp that CSV and JSONL files of ours store in epoch
    /// milliseconds, so that it may come as a number.
    ExtractedAt,
    /// An object with declared members.
    Struct(Box<ObjectPlan>),
    /// An array, whose elements share one plan.
    List(Box<DecodePlan>),
}

/// How to decode the members of an object.
#[derive(Debug)]
pub(super) struct ObjectPlan {
    /// The node of the object itself.
    pub(super) node: u32,
    /// One per declared member.
    pub(super) members: Vec<DecodePlan>,
    /// Finds the number of a member's name, declared or not.
    pub(super) order: FieldOrder,
    /// The declared names, from which `order` is made.
    names: Vec<Box<[u8]>>,
    /// The number of the name that `order` expects first.
    first: usize,
    /// By number of an undeclared name: where its last value is in the log of undeclared members.
    pub(super) last_noted: Vec<u32>,
}

impl DecodePlan {
    fn new(column_type: &ColumnType, next_node: &mut u32) -> Self {
        let node = *next_node;
        *next_node += 1;
        let value = match column_type {
            ColumnType::Struct(fields) => {
                ValuePlan::Struct(Box::new(ObjectPlan::new(node, fields, 0, next_node)))
            }
            ColumnType::List(element) => ValuePlan::List(Box::new(Self::new(element, next_node))),
            scalar => ValuePlan::Scalar(scalar.clone()),
        };
        Self { nodes: node..*next_node, value }
    }
}

impl ObjectPlan {
    /// The plan of a record. Its first `metadata_columns` columns are ours: records may have such
    /// members, but are not expected to.
    pub(super) fn of_record(fields: &[Field], metadata_columns: usize) -> Self {
        let mut plan = Self::new(ROOT, fields, metadata_columns, &mut (ROOT + 1));
        for (member, field) in plan.members.iter_mut().zip(fields).take(metadata_columns) {
            if field.name == EXTRACTED_AT {
                member.value = ValuePlan::ExtractedAt;
            }
        }
        plan
    }

    fn new(node: u32, fields: &[Field], unexpected: usize, next_node: &mut u32) -> Self {
        let names: Vec<Box<[u8]>> =
            fields.iter().map(|field| field.source_name.as_bytes().into()).collect();
        let members =
            fields.iter().map(|field| DecodePlan::new(&field.column_type, next_node)).collect();
        let first = unexpected + 1;
        Self {
            node,
            members,
            order: FieldOrder::new(&names, first),
            names,
            first,
            last_noted: Vec::new(),
        }
    }

    /// Forgets undeclared names once there are too many of them. Must not be called while an object
    /// of this plan is being read, as the numbers of names change.
    #[inline]
    pub(super) fn forget_surplus_names(&mut self) {
        if self.order.is_overgrown() {
            self.order = FieldOrder::new(&self.names, self.first);
            self.last_noted = Vec::new();
        }
    }
}

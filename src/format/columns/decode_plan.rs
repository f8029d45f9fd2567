//! Which column a member of a record belongs to: a tree beside the columns, one per worker and
//! stream.
//!
//! In: the fields of a stream. Out: a [`DecodePlan`] per column, with a number (its *node*) that names
//! it in notes. The columns of a struct are found by guessing that members come in the order in
//! which they came last time.

use super::types::{ColumnType, Field, Zone};
use crate::format::EXTRACTED_AT;
use crate::json::field_order::FieldOrder;

/// The object that a record's `data` is.
pub(crate) const ROOT: u32 = 0;

/// How one column reads its values.
#[derive(Debug)]
pub(crate) struct DecodePlan {
    /// Number of the column: columns, members and elements are counted from 1, each before what is
    /// inside it.
    pub(crate) node: u32,
    /// The first number that is not inside it.
    pub(crate) end: u32,
    pub(crate) kind: Kind,
}

/// A column's type, with what it takes to find its way inside.
#[derive(Debug)]
pub(crate) enum Kind {
    Boolean,
    Integer,
    BigInteger,
    Double,
    Decimal {
        precision: u8,
        scale: u8,
    },
    NumberText,
    IntegerText,
    Text,
    JsonText,
    Date,
    Time(Zone),
    TimeText(Zone),
    Timestamp(Zone),
    /// A timestamp that files of ours have in epoch milliseconds.
    ExtractedAt,
    Struct(Box<Members>),
    List(Box<DecodePlan>),
}

/// The members of an object.
#[derive(Debug)]
pub(crate) struct Members {
    /// The object itself.
    pub(crate) node: u32,
    /// One per declared member.
    pub(crate) members_plans: Vec<DecodePlan>,
    pub(crate) order: FieldOrder,
    names: Vec<Box<[u8]>>,
    first: usize,
    /// By number of an undeclared name: where its last value was noted.
    pub(crate) noted: Vec<u32>,
}

impl DecodePlan {
    fn new(column_type: &ColumnType, numbers: &mut std::ops::RangeFrom<u32>) -> Self {
        let node = numbers.next().unwrap_or(u32::MAX);
        let kind = match column_type {
            ColumnType::Boolean => Kind::Boolean,
            ColumnType::Integer => Kind::Integer,
            ColumnType::BigInteger => Kind::BigInteger,
            ColumnType::Double => Kind::Double,
            ColumnType::Decimal { precision, scale } => {
                Kind::Decimal { precision: *precision, scale: *scale }
            }
            ColumnType::NumberText => Kind::NumberText,
            ColumnType::IntegerText => Kind::IntegerText,
            ColumnType::Text => Kind::Text,
            ColumnType::JsonText => Kind::JsonText,
            ColumnType::Date => Kind::Date,
            ColumnType::Time(zone) => Kind::Time(*zone),
            ColumnType::TimeText(zone) => Kind::TimeText(*zone),
            ColumnType::Timestamp(zone) => Kind::Timestamp(*zone),
            ColumnType::Struct(fields) => {
                Kind::Struct(Box::new(Members::new(node, fields, 0, numbers)))
            }
            ColumnType::List(element) => Kind::List(Box::new(Self::new(element, numbers))),
        };
        Self { node, end: numbers.start, kind }
    }
}

impl Members {
    /// The members of a record, whose first `ours` columns are not expected in it.
    pub(crate) fn of_record(fields: &[Field], ours: usize) -> Self {
        let mut members = Self::new(ROOT, fields, ours, &mut (ROOT + 1..));
        for (plan, _) in members
            .members_plans
            .iter_mut()
            .zip(fields)
            .take(ours)
            .filter(|(_, field)| field.name == EXTRACTED_AT)
        {
            plan.kind = Kind::ExtractedAt;
        }
        members
    }

    fn new(
        node: u32,
        fields: &[Field],
        ours: usize,
        numbers: &mut std::ops::RangeFrom<u32>,
    ) -> Self {
        let names: Vec<Box<[u8]>> =
            fields.iter().map(|field| field.source_name.as_bytes().into()).collect();
        let members_plans =
            fields.iter().map(|field| DecodePlan::new(&field.column_type, numbers)).collect();
        let first = ours + 1;
        Self {
            node,
            members_plans,
            order: FieldOrder::new(&names, first),
            names,
            first,
            noted: Vec::new(),
        }
    }

    /// Forgets undeclared names when they have become too many. Not while an object of these
    /// members is being read.
    #[inline]
    pub(crate) fn tidy(&mut self) {
        if self.order.is_overgrown() {
            self.order = FieldOrder::new(&self.names, self.first);
            self.noted = Vec::new();
        }
    }
}

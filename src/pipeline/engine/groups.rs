//! The groups of files that are published together.
//!
//! Not here: when a group is made and what is done with it (`checkpoint`, `ending`).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::model::StreamIx;
use crate::pipeline::messages::FileId;

/// Groups are numbered in the order in which they are made.
pub(super) type GroupId = u64;

/// Files that are published together: either all of them count as durable, or none does. Files that
/// are lost leave their group.
#[derive(Debug)]
pub(super) struct PublishGroup {
    pub(super) files: BTreeSet<FileId>,
    /// The files that the group's next step waits for: those that are not staged yet or, once it
    /// has started to publish, those that are not visible yet.
    pub(super) awaited: BTreeSet<FileId>,
    pub(super) streams: BTreeSet<StreamIx>,
    /// How many of the streams have an earlier group under way: groups of one stream are published
    /// in order.
    pub(super) earlier_groups: usize,
    pub(super) started: bool,
}

/// The groups that are under way.
#[derive(Debug, Default)]
pub(super) struct PublishGroups {
    pub(super) by_id: BTreeMap<GroupId, PublishGroup>,
    pub(super) of_file: HashMap<FileId, GroupId>,
    pub(super) next_id: GroupId,
    /// Groups that may be ready for their next step.
    pub(super) changed: BTreeSet<GroupId>,
}

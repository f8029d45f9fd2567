//! The fault matrix: target by fault, shape, format and number of parts.
//!
//! A target is an operation of S3 in one part of a sync:
//!
//! | target | what makes the connector call it |
//! |---|---|
//! | put | small files |
//! | create, part, complete | a multipart file |
//! | head | the answer of the first put (or complete) is lost |
//! | list | the first file of a stream |
//! | abort | a multipart file, every part of which but the first is denied |
//! | head, delete: taking back | a STATE needs two files, and one of them is denied |
//! | list, head, delete-many: replacing | an older generation of several files |
//! | copy, delete: replacing | an older generation has the only key of the template |
//!
//! A new target is a variant of [`Target`]; the compiler then asks for its details here and in
//! `case`.
//!
//! Not here: what a case does and what is expected of it (`case`).

use crate::support::faulty_s3::{Fault, Operation};

/// The formats.
pub(crate) const FORMATS: [&str; 2] = ["jsonl.gz", "parquet"];

/// An operation in one part of a sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    Put,
    Create,
    Part,
    Complete,
    Head,
    List,
    Abort,
    TakeBackHead,
    TakeBackDelete,
    ReplaceList,
    ReplaceHead,
    ReplaceDeleteMany,
    ReplaceDelete,
    ReplaceCopy,
}

/// Which calls a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Shape {
    /// All of them, until the server is healed.
    Every,
    /// The first and the second.
    FirstTwo,
}

/// One case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    /// The requests that the fault is for.
    pub(crate) target: Target,
    /// The fault.
    pub(crate) fault: Fault,
    /// The calls that it strikes.
    pub(crate) shape: Shape,
    /// The format of the files.
    pub(crate) format: &'static str,
    /// Whether the files are multipart uploads.
    pub(crate) large: bool,
}

impl Target {
    /// All targets, in the order of the report.
    pub(crate) const ALL: [Self; 14] = [
        Self::Put,
        Self::Create,
        Self::Part,
        Self::Complete,
        Self::Head,
        Self::List,
        Self::Abort,
        Self::TakeBackHead,
        Self::TakeBackDelete,
        Self::ReplaceList,
        Self::ReplaceHead,
        Self::ReplaceDeleteMany,
        Self::ReplaceDelete,
        Self::ReplaceCopy,
    ];

    /// Returns the operation.
    pub(crate) fn operation(self) -> Operation {
        match self {
            Self::Put => Operation::Put,
            Self::Create => Operation::Create,
            Self::Part => Operation::Part,
            Self::Complete => Operation::Complete,
            Self::Head | Self::TakeBackHead | Self::ReplaceHead => Operation::Head,
            Self::List | Self::ReplaceList => Operation::List,
            Self::Abort => Operation::Abort,
            Self::TakeBackDelete | Self::ReplaceDelete => Operation::Delete,
            Self::ReplaceDeleteMany => Operation::DeleteMany,
            Self::ReplaceCopy => Operation::Copy,
        }
    }

    /// Returns the operation's name and, if that is not obvious, why it is called.
    pub(crate) fn name(self) -> String {
        let operation = self.operation().name();
        match self {
            Self::Put | Self::Create | Self::Part | Self::Complete | Self::Abort => {
                operation.to_owned()
            }
            Self::Head => format!("{operation}, settling a lost answer"),
            Self::List => format!("{operation}, numbering files"),
            Self::TakeBackHead | Self::TakeBackDelete => format!("{operation}, taking back"),
            Self::ReplaceList
            | Self::ReplaceHead
            | Self::ReplaceDeleteMany
            | Self::ReplaceDelete
            | Self::ReplaceCopy => format!("{operation}, replacing"),
        }
    }

    /// Returns whether the bucket has an older generation that the sync replaces.
    pub(crate) fn replaces(self) -> bool {
        match self {
            Self::Put
            | Self::Create
            | Self::Part
            | Self::Complete
            | Self::Head
            | Self::List
            | Self::Abort
            | Self::TakeBackHead
            | Self::TakeBackDelete => false,
            Self::ReplaceList
            | Self::ReplaceHead
            | Self::ReplaceDeleteMany
            | Self::ReplaceDelete
            | Self::ReplaceCopy => true,
        }
    }

    /// Returns the sizes of files that make the connector call the operation: single, multipart, or
    /// both.
    fn sizes(self) -> &'static [bool] {
        match self {
            Self::Put | Self::TakeBackHead | Self::TakeBackDelete => &[false],
            Self::Create | Self::Part | Self::Complete | Self::Abort => &[true],
            Self::Head
            | Self::List
            | Self::ReplaceList
            | Self::ReplaceHead
            | Self::ReplaceDeleteMany
            | Self::ReplaceDelete
            | Self::ReplaceCopy => &[false, true],
        }
    }
}

/// Returns the whole matrix, the slowest cases first.
pub(crate) fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    for shape in [Shape::Every, Shape::FirstTwo] {
        for target in Target::ALL {
            for fault in Fault::ALL.into_iter().filter(|fault| fault.fits(target.operation())) {
                for format in FORMATS {
                    let sizes = target.sizes().iter();
                    cases.extend(sizes.map(|large| Case {
                        target,
                        fault,
                        shape,
                        format,
                        large: *large,
                    }));
                }
            }
        }
    }
    sort(&mut cases);
    cases
}

/// Returns the part for `make test`: every target with every fault on its first two calls, with
/// alternating format and size; and on every call the two faults that are not retried, and for most
/// targets one that is, except throttling, which takes longest.
pub(crate) fn cut() -> Vec<Case> {
    let all = all();
    let mut turn = 0;
    let mut cut: Vec<Case> = Vec::new();
    for (place, target) in Target::ALL.into_iter().enumerate() {
        let patient = |fault: &Fault| {
            let waits = is_final(*fault) || is_throttling(*fault) || *fault == Fault::SlowDrip;
            fault.fits(target.operation()) && !waits
        };
        // If every HEAD fails, a sync asks twice.
        let slow = Fault::ALL.into_iter().filter(patient).cycle().nth(place);
        let slow = slow.filter(|_| target.operation() != Operation::Head);
        for shape in [Shape::Every, Shape::FirstTwo] {
            for fault in Fault::ALL {
                let of = |case: &&Case| {
                    case.target == target && case.fault == fault && case.shape == shape
                };
                let variants: Vec<&Case> = all.iter().filter(of).collect();
                let wanted = shape == Shape::FirstTwo || is_final(fault) || slow == Some(fault);
                if wanted && !variants.is_empty() {
                    turn += 1;
                    cut.push(*variants[turn % variants.len()]);
                }
            }
        }
    }
    sort(&mut cut);
    cut
}

/// Moves the slowest cases to the front.
fn sort(cases: &mut [Case]) {
    cases.sort_by_key(|case| (is_final(case.fault), case.shape, !is_throttling(case.fault)));
}

/// Returns whether a retry is pointless.
pub(crate) fn is_final(fault: Fault) -> bool {
    match fault {
        Fault::AccessDenied | Fault::ExpiredToken => true,
        Fault::TooManyRequests
        | Fault::InternalError
        | Fault::SlowDown
        | Fault::ResetBefore
        | Fault::ResetInBody
        | Fault::SlowDrip
        | Fault::TruncatedReply
        | Fault::ReplyLost
        | Fault::ErrorInside
        | Fault::Answer(_) => false,
    }
}

/// Returns whether S3 asks for slower requests: the SDK then waits longer.
fn is_throttling(fault: Fault) -> bool {
    match fault {
        Fault::TooManyRequests | Fault::SlowDown => true,
        Fault::InternalError
        | Fault::ResetBefore
        | Fault::ResetInBody
        | Fault::SlowDrip
        | Fault::TruncatedReply
        | Fault::ReplyLost
        | Fault::ErrorInside
        | Fault::ExpiredToken
        | Fault::AccessDenied
        | Fault::Answer(_) => false,
    }
}

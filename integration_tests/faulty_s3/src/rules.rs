//! Which request meets which fault.
//!
//! A request goes in, identified by its operation and key; the [`Fault`] of the first [`Rule`] that
//! acts on it comes out.
//!
//! Invariants
//! - A rule never acts on an operation that its fault does not fit, and does not count such a call.
//! - Every rule counts every call that matches its operation and key, whether or not an earlier
//!   rule acted on it: one rule never shifts the `calls` or `chance` of another.
//! - The same calls in the same order meet the same faults: chance depends on the seed and the
//!   number of the call only.
//!
//! Not here: what a fault does (`front`, `wire`).

use std::collections::HashSet;
use std::ops::RangeInclusive;

/// What a request asks for, as far as rules and tests distinguish requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// PutObject.
    Put,
    /// CreateMultipartUpload.
    Create,
    /// UploadPart.
    Part,
    /// CompleteMultipartUpload.
    Complete,
    /// AbortMultipartUpload.
    Abort,
    /// HeadObject, and HeadBucket with an empty key.
    Head,
    /// GetObject.
    Get,
    /// ListObjectsV2. The key of the request is the prefix.
    List,
    /// DeleteObject.
    Delete,
    /// DeleteObjects. The key of the request is empty: the keys are in the body.
    DeleteMany,
    /// CopyObject. The key of the request is the one that is written.
    Copy,
    /// GetBucketLocation. The key of the request is empty.
    Location,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 12] = [
        Self::Put,
        Self::Create,
        Self::Part,
        Self::Complete,
        Self::Abort,
        Self::Head,
        Self::Get,
        Self::List,
        Self::Delete,
        Self::DeleteMany,
        Self::Copy,
        Self::Location,
    ];

    /// Returns a short name for tables and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Put => "put",
            Self::Create => "create",
            Self::Part => "part",
            Self::Complete => "complete",
            Self::Abort => "abort",
            Self::Head => "head",
            Self::Get => "get",
            Self::List => "list",
            Self::Delete => "delete",
            Self::DeleteMany => "delete-many",
            Self::Copy => "copy",
            Self::Location => "location",
        }
    }
}

/// What goes wrong. "Done" means that the store carries the request out, or refuses it as it would
/// without the fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fault {
    /// 429, code TooManyRequests; nothing done.
    TooManyRequests,
    /// 500 InternalError; nothing done.
    InternalError,
    /// 503 SlowDown; nothing done.
    SlowDown,
    /// The connection is reset (RST) before the body is read; nothing done.
    ResetBefore,
    /// The connection is reset after about half of the request's body; nothing done. Without a body
    /// this is `ResetBefore`.
    ResetInBody,
    /// Done; the answer trickles in small pieces over about two seconds.
    SlowDrip,
    /// Done; the answer is cut off: in its body if it has one, otherwise inside its headers.
    TruncatedReply,
    /// Done; the connection is reset without an answer.
    ReplyLost,
    /// 200 with an `<Error>` document (InternalError) as its body and no header of the operation;
    /// nothing done.
    ErrorInside,
    /// 400 ExpiredToken; nothing done.
    ExpiredToken,
    /// 403 AccessDenied; nothing done.
    AccessDenied,
    /// An answer that the test supplies; nothing done.
    Answer(&'static Answer),
}

/// An answer of the store, or of something in front of it.
#[derive(Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Headers: name and value.
    pub headers: &'static [(&'static str, &'static str)],
    /// The body, as text.
    pub body: &'static str,
}

impl Fault {
    /// Every fault that needs no answer from the test.
    pub const ALL: [Self; 11] = [
        Self::TooManyRequests,
        Self::InternalError,
        Self::SlowDown,
        Self::ResetBefore,
        Self::ResetInBody,
        Self::SlowDrip,
        Self::TruncatedReply,
        Self::ReplyLost,
        Self::ErrorInside,
        Self::ExpiredToken,
        Self::AccessDenied,
    ];

    /// Returns a short name for tables and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::TooManyRequests => "429",
            Self::InternalError => "500",
            Self::SlowDown => "503-slow-down",
            Self::ResetBefore => "reset-before",
            Self::ResetInBody => "reset-in-body",
            Self::SlowDrip => "slow-drip",
            Self::TruncatedReply => "truncated-reply",
            Self::ReplyLost => "reply-lost",
            Self::ErrorInside => "200-with-error",
            Self::ExpiredToken => "expired-token",
            Self::AccessDenied => "access-denied",
            Self::Answer(_) => "answer",
        }
    }

    /// Returns whether the operation can be answered this way. A 200 with an error inside needs an
    /// operation whose answer is a document or empty: HeadObject and DeleteObject have no body, and
    /// the body of GetObject is the object.
    pub fn fits(self, operation: Operation) -> bool {
        match self {
            Self::ErrorInside => match operation {
                Operation::Head | Operation::Delete | Operation::Get => false,
                Operation::Put
                | Operation::Create
                | Operation::Part
                | Operation::Complete
                | Operation::Abort
                | Operation::List
                | Operation::DeleteMany
                | Operation::Copy
                | Operation::Location => true,
            },
            Self::TooManyRequests
            | Self::InternalError
            | Self::SlowDown
            | Self::ResetBefore
            | Self::ResetInBody
            | Self::SlowDrip
            | Self::TruncatedReply
            | Self::ReplyLost
            | Self::ExpiredToken
            | Self::AccessDenied
            | Self::Answer(_) => true,
        }
    }

    /// Returns whether the store carries the request out.
    pub fn is_done(self) -> bool {
        match self {
            Self::SlowDrip | Self::TruncatedReply | Self::ReplyLost => true,
            Self::TooManyRequests
            | Self::InternalError
            | Self::SlowDown
            | Self::ResetBefore
            | Self::ResetInBody
            | Self::ErrorInside
            | Self::ExpiredToken
            | Self::AccessDenied
            | Self::Answer(_) => false,
        }
    }
}

/// When a fault happens.
#[derive(Clone, Debug)]
pub struct Rule {
    fault: Fault,
    operation: Option<Operation>,
    key: String,
    calls: RangeInclusive<u32>,
    chance: Option<(f64, u64)>,
    /// Only for keys that an earlier request tried to write.
    only_written: bool,
}

impl Rule {
    /// A rule for every call of `operation`.
    pub fn on(operation: Operation, fault: Fault) -> Self {
        Self { operation: Some(operation), ..Self::any(fault) }
    }

    /// A rule for every call of every operation that the fault fits.
    pub fn any(fault: Fault) -> Self {
        Self {
            fault,
            operation: None,
            key: String::new(),
            calls: 1..=u32::MAX,
            chance: None,
            only_written: false,
        }
    }

    /// Restricts the rule to keys (for a listing: prefixes) that contain this text.
    pub fn key(self, contains: &str) -> Self {
        Self { key: contains.to_owned(), ..self }
    }

    /// Restricts the rule to these calls, counted from 1 among those that match operation and key.
    pub fn calls(self, calls: RangeInclusive<u32>) -> Self {
        Self { calls, ..self }
    }

    /// Restricts the rule to keys that an earlier request tried to write; it then ignores the look
    /// at a key before its first write.
    pub fn written(self) -> Self {
        Self { only_written: true, ..self }
    }

    /// Applies the rule with this probability only. The n-th call that matches operation and key
    /// has the same luck in every run.
    pub fn chance(self, probability: f64, seed: u64) -> Self {
        Self { chance: Some((probability, seed)), ..self }
    }

    fn matches(&self, operation: Operation, key: &str, is_written: bool) -> bool {
        (is_written || !self.only_written)
            && self.operation.is_none_or(|wanted| wanted == operation)
            && self.fault.fits(operation)
            && key.contains(&self.key)
    }

    fn acts_on_call(&self, number: u32) -> bool {
        self.calls.contains(&number)
            && self.chance.is_none_or(|(probability, seed)| luck(seed, number) < probability)
    }
}

/// The rules of one server, in order, each with the number of calls that it has counted.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    rules: Vec<(Rule, u32)>,
    written: HashSet<String>,
}

impl Rules {
    pub(crate) fn add(&mut self, rule: Rule) {
        self.rules.push((rule, 0));
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    /// Counts one call and returns the fault that it meets.
    pub(crate) fn fault_of(&mut self, operation: Operation, key: &str) -> Option<Fault> {
        let is_written = self.written.contains(key);
        if matches!(operation, Operation::Put | Operation::Complete | Operation::Copy) {
            self.written.insert(key.to_owned());
        }
        let mut fault = None;
        for (rule, calls) in
            self.rules.iter_mut().filter(|(rule, _)| rule.matches(operation, key, is_written))
        {
            *calls += 1;
            if fault.is_none() && rule.acts_on_call(*calls) {
                fault = Some(rule.fault);
            }
        }
        fault
    }
}

/// Returns a number in [0, 1) for a seed and the number of a call (splitmix64).
fn luck(seed: u64, number: u32) -> f64 {
    const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut mixed = seed.wrapping_add(GOLDEN.wrapping_mul(u64::from(number)));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^= mixed >> 31;
    (mixed >> 11) as f64 / (1u64 << 53) as f64
}

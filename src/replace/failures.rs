//! Counts what fails while old objects are looked at and removed, and says when to give up.
//!
//! Errors, in the order in which they come -> whether to go on, and at the end one
//! [`ReplaceError`].
//!
//! Invariants
//! - An error that is about one object does not end the removal of the others. A store that refuses
//!   everything, or does not answer, is not asked for each of a million objects.

use super::ReplaceError;
use crate::store::{StoreError, StoreErrorKind};

/// Refusals of one kind of request in a row after which the others are taken to be refused, too.
const REFUSALS_IN_A_ROW: u32 = 100;

/// Requests in a row that the store does not carry out although each is tried several times
/// (`store`): about two minutes.
const OUTAGES_IN_A_ROW: u32 = 3;

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// HeadObject.
    Look,
    /// DeleteObject, CopyObject, and the looks that go with them.
    Remove,
}

/// What has failed so far.
#[derive(Debug, Default)]
pub(super) struct Failures {
    first: Option<StoreError>,
    objects: u64,
    looks_in_a_row: u32,
    removals_in_a_row: u32,
    gave_up: bool,
}

impl Failures {
    /// Something failed for one object.
    pub(super) fn object(&mut self, step: Step, error: StoreError) {
        self.objects += 1;
        let in_a_row = match step {
            Step::Look => &mut self.looks_in_a_row,
            Step::Remove => &mut self.removals_in_a_row,
        };
        *in_a_row += 1;
        self.gave_up |= *in_a_row >= most_in_a_row(&error.kind);
        self.first.get_or_insert(error);
    }

    /// A listing failed: what is below its prefix is not known.
    pub(super) fn listing(&mut self, error: StoreError) {
        // What is wrong with one prefix may be right with another; an outage has been waited for.
        self.gave_up |= most_in_a_row(&error.kind) < REFUSALS_IN_A_ROW
            && !matches!(error.kind, StoreErrorKind::BrokenListing(_));
        self.first.get_or_insert(error);
    }

    /// A request did what it was to do.
    pub(super) fn succeeded(&mut self, step: Step) {
        match step {
            Step::Look => self.looks_in_a_row = 0,
            Step::Remove => self.removals_in_a_row = 0,
        }
    }

    /// Whether nothing else is to be tried.
    pub(super) fn gave_up(&self) -> bool {
        self.gave_up
    }

    /// What to say about all of it.
    pub(super) fn end(self) -> Option<ReplaceError> {
        let Self { first, objects, gave_up, .. } = self;
        Some(ReplaceError::Failed { first: first?, objects, gave_up })
    }
}

/// How many errors of this kind in a row are not yet about the store as a whole. No wildcard: a new
/// kind does not compile until someone decides.
fn most_in_a_row(kind: &StoreErrorKind) -> u32 {
    use StoreErrorKind as Kind;
    match kind {
        // Policies, keys of encryption and retentions may differ from object to object.
        Kind::AccessDenied
        | Kind::EncryptionKey
        | Kind::ObjectLock
        | Kind::OptionRefused { .. }
        | Kind::StorageFull
        | Kind::InvalidKey
        | Kind::KeyTaken
        | Kind::NotFound
        | Kind::NoSuchUpload
        | Kind::Conflict
        | Kind::Unsupported
        | Kind::Rejected
        // What a HEAD's 400 without a word is taken for.
        | Kind::BadCredentials
        | Kind::Unknown => REFUSALS_IN_A_ROW,
        Kind::Throttled
        | Kind::Server
        | Kind::Timeout
        | Kind::Connection
        | Kind::ConnectionRefused
        | Kind::NoConnection
        | Kind::HostNotFound { .. }
        | Kind::ProxyRefused
        | Kind::TlsFailed
        | Kind::NotS3
        | Kind::TooLargeForProxy
        | Kind::Damaged => OUTAGES_IN_A_ROW,
        Kind::AccountProblem
        | Kind::BucketMissing
        | Kind::BucketInEndpoint
        | Kind::InvalidBucketName
        | Kind::WrongRegion { .. }
        | Kind::ExpiredCredentials
        | Kind::NoCredentials { .. }
        | Kind::Certificate(_)
        | Kind::NotTls
        | Kind::NotHttp
        | Kind::ClockSkew
        | Kind::BrokenListing(_)
        | Kind::RefusesFreeKey
        | Kind::FindsMissing
        | Kind::LosesMetadata
        | Kind::PathStyleRefused
        | Kind::ProxyAuthentication
        | Kind::InvalidEndpoint => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Classified, FailureType};
    use crate::store::Operation;

    fn error(kind: StoreErrorKind) -> StoreError {
        StoreError::for_test(Operation::DeleteObject, kind)
    }

    #[test]
    fn one_refusal_keeps_nothing_and_a_hundred_in_a_row_are_the_store() {
        let mut failures = Failures::default();
        for _ in 0..1000 {
            failures.object(Step::Remove, error(StoreErrorKind::AccessDenied));
            failures.succeeded(Step::Remove);
        }
        assert!(!failures.gave_up());
        for _ in 0..99 {
            failures.object(Step::Remove, error(StoreErrorKind::Server));
            failures.succeeded(Step::Remove);
            failures.object(Step::Look, error(StoreErrorKind::AccessDenied));
            assert!(!failures.gave_up());
        }
        failures.object(Step::Look, error(StoreErrorKind::AccessDenied));
        assert!(failures.gave_up());
        let end = failures.end().unwrap();
        assert_eq!(end.failure_type(), FailureType::Config, "the first one decides");
        assert!(end.to_string().contains("1199 objects"), "{end}");
    }

    #[test]
    fn an_outage_is_not_waited_for_again_and_again() {
        for (kind, objects) in
            [(StoreErrorKind::Timeout, 3), (StoreErrorKind::ExpiredCredentials, 1)]
        {
            let mut failures = Failures::default();
            let mut tried = 0;
            while !failures.gave_up() {
                failures.object(Step::Remove, error(kind.clone()));
                tried += 1;
            }
            assert_eq!(tried, objects, "{kind:?}");
        }
        assert!(Failures::default().end().is_none());
    }
}

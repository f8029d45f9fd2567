//! Counts failures while old objects are read and removed, and decides when to give up.
//!
//! Errors, in the order in which they come -> whether to go on, and at the end one
//! [`ReplaceError`].
//!
//! Invariants
//! - An error about one object does not end the removal of the others. But if a store refuses
//!   everything or does not answer, not every one of a million objects is tried.

use super::ReplaceError;
use crate::store::{StoreError, StoreErrorKind};

/// After this many refusals in a row, all further requests of the same kind are expected to be
/// refused.
const REFUSALS_IN_A_ROW: u32 = 100;

/// After this many failures in a row the store counts as down. `store` tries each request several
/// times, so this takes about two minutes.
const OUTAGES_IN_A_ROW: u32 = 3;

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestKind {
    /// HeadObject.
    Read,
    /// DeleteObject, CopyObject, and the HEADs that go with them.
    Removal,
}

/// What has failed so far.
#[derive(Debug, Default)]
pub(super) struct Failures {
    first: Option<StoreError>,
    objects: u64,
    reads_in_a_row: u32,
    removals_in_a_row: u32,
    gave_up: bool,
}

impl Failures {
    /// A request about one object has failed.
    pub(super) fn object_failed(&mut self, kind: RequestKind, error: StoreError) {
        self.objects += 1;
        let in_a_row = match kind {
            RequestKind::Read => &mut self.reads_in_a_row,
            RequestKind::Removal => &mut self.removals_in_a_row,
        };
        *in_a_row += 1;
        self.gave_up |= *in_a_row >= most_in_a_row(&error.kind);
        self.first.get_or_insert(error);
    }

    /// A listing has failed: the objects under its prefix are unknown.
    pub(super) fn listing_failed(&mut self, error: StoreError) {
        // A refusal for one prefix says nothing about the others. An outage affects all of them,
        // and `store` has already waited for it to end.
        self.gave_up |= most_in_a_row(&error.kind) < REFUSALS_IN_A_ROW
            && !matches!(error.kind, StoreErrorKind::BrokenListing(_));
        self.first.get_or_insert(error);
    }

    /// A request has succeeded.
    pub(super) fn succeeded(&mut self, kind: RequestKind) {
        match kind {
            RequestKind::Read => self.reads_in_a_row = 0,
            RequestKind::Removal => self.removals_in_a_row = 0,
        }
    }

    /// Whether no further request is worth sending.
    pub(super) fn gave_up(&self) -> bool {
        self.gave_up
    }

    /// Returns one error for all failures.
    pub(super) fn into_error(self) -> Option<ReplaceError> {
        let Self { first, objects, gave_up, .. } = self;
        Some(ReplaceError::Failed { first: first?, objects, gave_up })
    }
}

/// Returns how many errors of this kind in a row mean that the store as a whole fails. No wildcard:
/// a new kind does not compile until someone decides.
fn most_in_a_row(kind: &StoreErrorKind) -> u32 {
    use StoreErrorKind as Kind;
    match kind {
        // Policies, encryption keys and retention may differ from object to object.
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
        // A 400 of a HEAD counts as this, and its real reason is unknown.
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
    fn one_refusal_is_about_one_object_and_a_hundred_in_a_row_are_about_the_store() {
        let mut failures = Failures::default();
        for _ in 0..1000 {
            failures.object_failed(RequestKind::Removal, error(StoreErrorKind::AccessDenied));
            failures.succeeded(RequestKind::Removal);
        }
        assert!(!failures.gave_up());
        for _ in 0..99 {
            failures.object_failed(RequestKind::Removal, error(StoreErrorKind::Server));
            failures.succeeded(RequestKind::Removal);
            failures.object_failed(RequestKind::Read, error(StoreErrorKind::AccessDenied));
            assert!(!failures.gave_up());
        }
        failures.object_failed(RequestKind::Read, error(StoreErrorKind::AccessDenied));
        assert!(failures.gave_up());
        let end = failures.into_error().unwrap();
        assert_eq!(end.failure_type(), FailureType::Config, "the first one decides");
        assert!(end.to_string().contains("1199 objects"), "{end}");
    }

    #[test]
    fn the_removal_gives_up_soon_in_an_outage() {
        for (kind, objects) in
            [(StoreErrorKind::Timeout, 3), (StoreErrorKind::ExpiredCredentials, 1)]
        {
            let mut failures = Failures::default();
            let mut tried = 0;
            while !failures.gave_up() {
                failures.object_failed(RequestKind::Removal, error(kind.clone()));
                tried += 1;
            }
            assert_eq!(tried, objects, "{kind:?}");
        }
        assert!(Failures::default().into_error().is_none());
    }
}

//! Which region a bucket is in, for a configuration that leaves it out.
//!
//! | asked | answer | region |
//! |---|---|---|
//! | GetBucketLocation | a location | that one; an empty one means `us-east-1`, `EU` means `eu-west-1` |
//! | | a redirect, or an error about the signature's region | the one that it names |
//! | | denied | the one in the header `x-amz-bucket-region`; without it, a listing tells |
//! | | not implemented | a listing tells |
//! | ListObjectsV2 | success | the one that the request was signed for, unless the header names another |
//! | | a redirect, or an error about the signature's region | the one that it names |
//!
//! HeadBucket is not used: some stores require a permission of its own for it.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{Builder, ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;

use crate::error::harmless;
use crate::store::answers::{Effect, REGION_HEADER, StoreError, StoreErrorKind};
use crate::store::client::S3Store;
use crate::store::operation::Operation;

/// Where a bucket is.
#[derive(Clone, Debug)]
pub(crate) struct FoundRegion {
    /// Its region.
    pub region: String,
    /// The denial of GetBucketLocation, where another answer named the region.
    pub denied: Option<StoreError>,
}

impl S3Store {
    /// Finds the region of the bucket. The first request goes to the region of this store.
    ///
    /// # Errors
    /// [`StoreError`]. A denied `s3:GetBucketLocation` is an error only if no other answer names
    /// the region.
    pub(crate) async fn find_region(&self) -> Result<FoundRegion, StoreError> {
        let (location, header) = self.location().await;
        let refused = match (location, header) {
            (Ok(region), _) => return Ok(FoundRegion { region, denied: None }),
            (
                Err(StoreError {
                    kind: StoreErrorKind::WrongRegion { expected: Some(region) },
                    ..
                }),
                _,
            ) => {
                return Ok(FoundRegion { region, denied: None });
            }
            (Err(refused), header) => match refused.kind {
                StoreErrorKind::AccessDenied if let Some(region) = header => {
                    return Ok(FoundRegion { region, denied: Some(refused) });
                }
                // Not every store implements GetBucketLocation.
                StoreErrorKind::AccessDenied
                | StoreErrorKind::Unsupported
                | StoreErrorKind::Rejected => refused,
                _ => return Err(refused),
            },
        };
        let capture = RegionCapture::default();
        let request = self
            .client()
            .list_objects_v2()
            .bucket(self.bucket())
            .set_expected_bucket_owner(self.bucket_owner())
            .max_keys(1);
        let overrides = Builder::new().interceptor(capture.clone());
        let listed = self.send_with("", overrides, request).await;
        let is_denied = refused.kind == StoreErrorKind::AccessDenied;
        let region = match (listed, capture.region()) {
            (_, Some(region))
            | (
                Err(StoreError {
                    kind: StoreErrorKind::WrongRegion { expected: Some(region) },
                    ..
                }),
                None,
            ) => region,
            (Ok(_), None) => self.region().to_owned(),
            // No answer names the region. The denial is the error that the user can fix.
            (Err(_), None) if is_denied => return Err(refused),
            (Err(error), None) => return Err(error),
        };
        Ok(FoundRegion { region, denied: is_denied.then_some(refused) })
    }

    /// Asks for the bucket's location. Also returns the region that the header of any answer names.
    async fn location(&self) -> (Result<String, StoreError>, Option<String>) {
        let capture = RegionCapture::default();
        let request = self
            .client()
            .get_bucket_location()
            .bucket(self.bucket())
            .set_expected_bucket_owner(self.bucket_owner());
        let overrides = Builder::new().interceptor(capture.clone());
        let located = self.send_with("", overrides, request).await.and_then(|located| {
            let location = located.location_constraint;
            let region = match location.as_ref().map_or("", |location| location.as_str()) {
                "" => "us-east-1",
                "EU" => "eu-west-1",
                region => region,
            };
            // The region is put into signatures and messages.
            harmless(region).map(str::to_owned).ok_or_else(|| {
                let call = self.call(Operation::GetBucketLocation, "", 1);
                call.without_answer(StoreErrorKind::InvalidEndpoint, Effect::NotApplied)
            })
        });
        (located, capture.region())
    }
}

/// The region in the header of the last answer.
#[derive(Clone, Debug, Default)]
struct RegionCapture(Arc<Mutex<Option<String>>>);

impl RegionCapture {
    fn region(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Intercept for RegionCapture {
    fn name(&self) -> &'static str {
        "destination-s3 region"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(region) = context.response().headers().get(REGION_HEADER).and_then(harmless) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(region.to_owned());
        }
        Ok(())
    }
}

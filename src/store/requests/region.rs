//! Which region a bucket is in, for settings that leave it out.
//!
//! | asked | answer | region |
//! |---|---|---|
//! | GetBucketLocation | a location | that one; an empty one is `us-east-1`, `EU` is `eu-west-1` |
//! | | a redirect, or a complaint about the signature's region | the one that it names |
//! | | denied | the one in the header `x-amz-bucket-region`; without it, a listing tells |
//! | | it does not know the question | a listing tells |
//! | ListObjectsV2 | accepted | the one that it was signed for, unless the header names another |
//! | | a redirect, or a complaint about the signature's region | the one that it names |
//!
//! HeadBucket is not asked: on some stores it needs a right of its own.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{Builder, ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;

use crate::error::harmless;
use crate::store::answers::REGION_HEADER;
use crate::store::answers::{Effect, StoreError, StoreErrorKind};
use crate::store::client::s3_store::S3Store;
use crate::store::operation::Operation;

/// Where a bucket is.
#[derive(Clone, Debug)]
pub struct FoundRegion {
    /// Its region.
    pub region: String,
    /// GetBucketLocation was denied, and another answer told.
    pub denied: Option<StoreError>,
}

impl S3Store {
    /// The region of the bucket; that of this store is where the question is asked first.
    ///
    /// # Errors
    /// [`StoreError`]. `s3:GetBucketLocation` denied is one only where no other answer names the
    /// region.
    pub async fn find_region(&self) -> Result<FoundRegion, StoreError> {
        let (located, header) = self.location().await;
        let refused = match (located, header) {
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
                // Not every store knows the question.
                StoreErrorKind::AccessDenied
                | StoreErrorKind::Unsupported
                | StoreErrorKind::Rejected => refused,
                _ => return Err(refused),
            },
        };
        let heard = RegionCapture::default();
        let request = self
            .inner
            .client
            .list_objects_v2()
            .bucket(self.bucket())
            .set_expected_bucket_owner(self.bucket_owner())
            .max_keys(1);
        let listed = self
            .send_for(
                Operation::ListObjects,
                "",
                Builder::new().interceptor(heard.clone()),
                |_| true,
                |with| request.customize().config_override(with).send(),
            )
            .await;
        let is_denied = refused.kind == StoreErrorKind::AccessDenied;
        let region = match (listed, heard.region()) {
            (_, Some(region))
            | (
                Err(StoreError {
                    kind: StoreErrorKind::WrongRegion { expected: Some(region) },
                    ..
                }),
                None,
            ) => region,
            (Ok(_), None) => self.inner.region.clone(),
            // Nothing tells: what would have told is what the user can allow.
            (Err(_), None) if is_denied => return Err(refused),
            (Err(error), None) => return Err(error),
        };
        Ok(FoundRegion { region, denied: is_denied.then_some(refused) })
    }

    async fn location(&self) -> (Result<String, StoreError>, Option<String>) {
        let heard = RegionCapture::default();
        let request = self
            .inner
            .client
            .get_bucket_location()
            .bucket(self.bucket())
            .set_expected_bucket_owner(self.bucket_owner());
        let located = self
            .send_for(
                Operation::GetBucketLocation,
                "",
                Builder::new().interceptor(heard.clone()),
                |_| true,
                |with| request.customize().config_override(with).send(),
            )
            .await
            .and_then(|located| {
                let location = located.location_constraint;
                let region = match location.as_ref().map_or("", |location| location.as_str()) {
                    "" => "us-east-1",
                    "EU" => "eu-west-1",
                    region => region,
                };
                // It goes into signatures and sentences.
                harmless(region).map(str::to_owned).ok_or_else(|| {
                    let call = self.call(Operation::GetBucketLocation, "", 1);
                    call.without_answer(StoreErrorKind::InvalidEndpoint, Effect::NotApplied)
                })
            });
        (located, heard.region())
    }
}

/// What the header said.
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

//! Connecting: who signs, and where the bucket is.
//!
//! [`Config`] and the environment -> a [`Session`] and the settings of the store; once the region
//! is known, an [`S3Store`].
//!
//! Not here: obtaining credentials (`aws::sign_in`), finding the region (`store`).

use std::path::Path;

use super::read_file;
use crate::aws::sign_in::{
    BucketLocation, EnvironmentVariables, Session, SignInEnvironment, first_region,
};
use crate::aws::{EndpointVariant, Partition};
use crate::config::{Config, Endpoint, is_external_id};
use crate::env;
use crate::error::{Failure, FailureType};
use crate::store::{HttpClient, S3Store, StoreSettings};

/// Everything that is needed to connect to the bucket.
pub(super) struct StoreConnector {
    /// The identity that signs requests.
    pub(super) session: Session,
    /// Where the bucket is, or where to look for it first.
    pub(super) settings: StoreSettings,
    /// Whether the settings name the region.
    pub(super) region_is_known: bool,
}

impl StoreConnector {
    /// Reads the environment and prepares to sign in. Sends no request.
    pub(super) async fn new(config: &Config) -> Result<Self, Failure> {
        let environment = SignInEnvironment {
            external_id: external_id()?,
            region: env::var("AWS_REGION").or_else(|| env::var("AWS_DEFAULT_REGION")),
            sts_endpoint: sts_endpoint()?,
            variant: EndpointVariant::from_variables(env::var)
                .map_err(|error| Failure::new(FailureType::Config, error.to_string()))?,
            variables: environment_variables(),
        };
        let is_s3_compatible = config.is_s3_compatible();
        let bucket = BucketLocation {
            region: config.region.as_deref(),
            is_s3_compatible,
            partition: config
                .endpoint
                .as_ref()
                .and_then(|endpoint| Partition::of_host(&endpoint.host)),
        };
        let http = http_client(config)?;
        let session = Session::new(&config.sign_in, bucket, &environment, &http);
        let settings = StoreSettings {
            bucket: config.bucket.clone(),
            region: config
                .region
                .clone()
                .unwrap_or_else(|| first_region(&config.sign_in, bucket, &environment)),
            endpoint: config.endpoint.as_ref().map(|endpoint| endpoint.url.clone()),
            variant: environment.variant,
            endpoint_without_bucket: config
                .endpoint
                .as_ref()
                .and_then(|endpoint| endpoint.without_bucket(&config.bucket)),
            path_style: config.path_style,
            access: session.access(),
            objects: config.objects.clone(),
            checksum: config.checksum,
            bucket_owner: config.bucket_owner.clone(),
            head_before_put: is_s3_compatible,
            http,
        };
        Ok(Self { session, settings, region_is_known: config.region.is_some() })
    }

    /// Returns the store, after asking for its region if the settings do not name it. `prefix` is
    /// what every key begins with.
    pub(super) async fn open(self, prefix: &str) -> Result<S3Store, Failure> {
        let Self { mut settings, region_is_known, .. } = self;
        if !region_is_known {
            settings.region = S3Store::new(&settings).find_region().await?.region;
        }
        let store = S3Store::new(&settings);
        // The endpoint may contain the bucket already. The server then takes the bucket in the path
        // for the beginning of a key and would store every object under a wrong key. A listing
        // shows this: to such a server it is a GET of an object that does not exist.
        if settings.endpoint_without_bucket.is_some() {
            store.all_keys(prefix).next().await?;
        }
        Ok(store)
    }
}

/// Reads the variables that set up sources of the AWS default chain.
fn environment_variables() -> EnvironmentVariables {
    let is_set = |name: &str| env::var(name).is_some_and(|value| !value.trim().is_empty());
    EnvironmentVariables {
        has_key_id: is_set("AWS_ACCESS_KEY_ID"),
        has_secret: is_set("AWS_SECRET_ACCESS_KEY"),
        token_file: env::var("AWS_WEB_IDENTITY_TOKEN_FILE"),
        role_arn: env::var("AWS_ROLE_ARN"),
        session_name: env::var("AWS_ROLE_SESSION_NAME"),
        metadata_is_disabled: env::var("AWS_EC2_METADATA_DISABLED")
            .is_some_and(|value| value.eq_ignore_ascii_case("true")),
    }
}

/// Makes an HTTP client that also trusts the CA certificates of the settings, or else those of the
/// file that `AWS_CA_BUNDLE` names, as AWS's own tools do.
fn http_client(config: &Config) -> Result<HttpClient, Failure> {
    if let Some(pem) = &config.ca_bundle {
        return Ok(HttpClient::new(Some(pem.as_bytes()))?);
    }
    let Some(path) = env::var("AWS_CA_BUNDLE") else { return Ok(HttpClient::new(None)?) };
    let pem = read_file(Path::new(&path), "CA bundle (AWS_CA_BUNDLE)")?;
    HttpClient::new(Some(&pem)).map_err(|error| {
        let failure = Failure::from(error);
        Failure { message: format!("AWS_CA_BUNDLE, {path}: {}", failure.message), ..failure }
    })
}

/// Reads `AWS_ENDPOINT_URL_STS` and checks it like the endpoint of S3: it appears in messages.
fn sts_endpoint() -> Result<Option<String>, Failure> {
    let Some(url) = env::var("AWS_ENDPOINT_URL_STS") else { return Ok(None) };
    match Endpoint::parse(&url) {
        Ok(endpoint) => Ok(Some(endpoint.url)),
        Err(error) => Err(Failure::new(
            FailureType::Config,
            format!("the variable AWS_ENDPOINT_URL_STS: {error}"),
        )),
    }
}

/// Reads `AWS_ASSUME_ROLE_EXTERNAL_ID` and checks it like the field.
///
/// # Errors
/// AWS would not accept it.
pub(super) fn external_id() -> Result<Option<String>, Failure> {
    let Some(external_id) = env::var("AWS_ASSUME_ROLE_EXTERNAL_ID") else { return Ok(None) };
    if is_external_id(&external_id) {
        return Ok(Some(external_id));
    }
    Err(Failure::new(
        FailureType::Config,
        "the variable AWS_ASSUME_ROLE_EXTERNAL_ID must have 2 to 1224 letters, digits and \
         characters of `_ + = , . @ : / -`",
    ))
}

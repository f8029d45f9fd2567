//! Signing in: from the method in the settings to the credentials that sign S3 requests.
//!
//! [`config::SignIn`], the [`SignInEnvironment`] and an HTTP client -> a [`Session`], which
//! provides the store's [`Access`] and tells `check` whose credentials these are.
//!
//! | method | signs S3 requests | base identity |
//! |---|---|---|
//! | `cross_account_role` | the role, assumed through STS and again before its credentials expire | the AWS default chain |
//! | `access_key` | the key in the settings, and nothing else | none |
//! | `default_chain` | the identity that the AWS default chain finds | none |
//!
//! Invariants
//! - A method never falls back to another one: if it yields no credentials, that is an error.
//! - No error and no `Debug` text shows a key, a token or an external id.
//! - No request is sent until credentials are first asked for.
//!
//! Not here: when credentials are renewed (`store::client`), what S3 answers to them
//! (`store::answers`).

mod chain;
mod error;
mod identity;
mod metadata;
mod sts;

use std::fmt;
use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};

pub(crate) use error::{SignInError, SignInErrorKind};
pub(crate) use identity::{Identity, PolicyHolder};
pub(crate) use sts::SESSION_NAME;

use self::chain::Chain;
use self::sts::{RoleCredentials, Sts, StsEndpoint};
use crate::aws::{EndpointVariant, Partition};
use crate::config;
use crate::error::Failure;
use crate::store::{Access, HttpClient};

/// What the connector's environment says about signing in. `verb::connect` reads it.
#[derive(Clone, Debug, Default)]
pub(crate) struct SignInEnvironment {
    /// `AWS_ASSUME_ROLE_EXTERNAL_ID`: the external id if the settings have none.
    pub external_id: Option<String>,
    /// `AWS_REGION`, or `AWS_DEFAULT_REGION`.
    pub region: Option<String>,
    /// `AWS_ENDPOINT_URL_STS`: the endpoint of STS, in place of AWS's own.
    pub sts_endpoint: Option<String>,
    /// `AWS_USE_FIPS_ENDPOINT` and `AWS_USE_DUALSTACK_ENDPOINT`.
    pub variant: EndpointVariant,
    /// What sets up the sources of the default chain.
    pub variables: EnvironmentVariables,
}

impl SignInEnvironment {
    /// Returns the kind of endpoint for requests to STS. An explicit endpoint is used as it is.
    fn sts_variant(&self) -> EndpointVariant {
        if self.sts_endpoint.is_none() { self.variant } else { EndpointVariant::default() }
    }
}

/// The environment variables that set up sources of the AWS default chain and that the connector
/// itself examines. An empty variable counts as not set.
#[derive(Clone, Debug, Default)]
pub(crate) struct EnvironmentVariables {
    /// Whether `AWS_ACCESS_KEY_ID` is set.
    pub has_key_id: bool,
    /// Whether `AWS_SECRET_ACCESS_KEY` is set.
    pub has_secret: bool,
    /// `AWS_WEB_IDENTITY_TOKEN_FILE`: a path.
    pub token_file: Option<String>,
    /// `AWS_ROLE_ARN`: the role of the web identity.
    pub role_arn: Option<String>,
    /// `AWS_ROLE_SESSION_NAME`: the name of the role's session. `None`: [`SESSION_NAME`].
    pub session_name: Option<String>,
    /// Whether `AWS_EC2_METADATA_DISABLED` is `true`.
    pub metadata_is_disabled: bool,
}

/// What the settings say about where the bucket is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BucketLocation<'a> {
    /// The region of the settings.
    pub region: Option<&'a str>,
    /// Whether the store is an S3-compatible one, not AWS.
    pub is_s3_compatible: bool,
    /// The partition of the endpoint in the settings, if that is an endpoint of AWS.
    pub partition: Option<&'static Partition>,
}

/// A role to assume, with the external id to send.
#[derive(Clone)]
struct AssumeRoleTarget {
    role: String,
    external_id: Option<String>,
}

// AWS does not treat external ids as secrets. They are kept out of logs all the same.
impl fmt::Debug for AssumeRoleTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AssumeRoleTarget").field("role", &self.role).finish_non_exhaustive()
    }
}

/// A signed-in identity: provides the credentials that sign S3 requests.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    method: Method,
    /// A client of STS that signs with the base identity or the key. `None`: the store is not AWS
    /// and has no STS.
    sts: Option<Arc<Sts>>,
}

#[derive(Clone, Debug)]
enum Method {
    Key(config::AccessKey),
    Chain(Arc<Chain>),
    Role { target: AssumeRoleTarget, sts: Arc<Sts> },
}

/// A role that the session has assumed.
#[derive(Debug)]
pub(crate) struct AssumedRole {
    /// The role's session, as S3 sees it.
    pub identity: Identity,
    target: AssumeRoleTarget,
    sts: Arc<Sts>,
}

impl Session {
    /// Prepares to sign in. Sends no request.
    pub(crate) fn new(
        sign_in: &config::SignIn,
        bucket: BucketLocation<'_>,
        environment: &SignInEnvironment,
        http: &HttpClient,
    ) -> Self {
        let endpoint = StsEndpoint {
            region: first_region(sign_in, bucket, environment),
            endpoint: environment.sts_endpoint.clone(),
            variant: environment.sts_variant(),
        };
        let (of_sts, of_chain) =
            (http.for_endpoint(endpoint.endpoint.as_deref()), http.for_metadata_services());
        match sign_in {
            config::SignIn::AccessKey(key) => {
                let has_sts = !bucket.is_s3_compatible || endpoint.endpoint.is_some();
                let signer = SharedCredentialsProvider::new(credentials(key));
                let sts = has_sts.then(|| Arc::new(Sts::new(endpoint, of_sts, signer, true)));
                Self { method: Method::Key(key.clone()), sts }
            }
            config::SignIn::DefaultChain => {
                let chain = Arc::new(Chain::new(of_chain, endpoint.region.clone(), environment));
                let has_sts = !bucket.is_s3_compatible || endpoint.endpoint.is_some();
                let signer = SharedCredentialsProvider::from(
                    Arc::clone(&chain) as Arc<dyn ProvideCredentials>
                );
                let sts = has_sts.then(|| Arc::new(Sts::new(endpoint, of_sts, signer, false)));
                Self { method: Method::Chain(chain), sts }
            }
            config::SignIn::Role(role) => {
                let chain = Chain::new(of_chain, endpoint.region.clone(), environment);
                let signer = SharedCredentialsProvider::new(chain);
                let sts = Arc::new(Sts::new(endpoint, of_sts, signer, false));
                let external_id =
                    role.external_id.clone().or_else(|| environment.external_id.clone());
                let target = AssumeRoleTarget { role: role.arn.clone(), external_id };
                Self { method: Method::Role { target, sts: Arc::clone(&sts) }, sts: Some(sts) }
            }
        }
    }

    /// Returns what S3 requests are signed with.
    #[must_use]
    pub(crate) fn access(&self) -> Access {
        match &self.method {
            Method::Key(key) => Access::Key {
                access_key_id: key.access_key_id.clone(),
                secret_access_key: key.secret_access_key.expose().to_owned(),
                session_token: key.session_token.as_ref().map(|token| token.expose().to_owned()),
            },
            Method::Chain(_) | Method::Role { .. } => {
                Access::Renewable(SharedCredentialsProvider::new(Provider(self.method.clone())))
            }
        }
    }

    /// Asks STS who the key or the base identity belongs to. `None`: there is no STS to ask.
    ///
    /// # Errors
    /// [`SignInError`]. A sync may work all the same: S3 can be reachable where STS is not.
    pub(crate) async fn caller(&self) -> Result<Option<Identity>, SignInError> {
        match &self.sts {
            Some(sts) => sts.caller().await.map(Some),
            None => Ok(None),
        }
    }

    /// Obtains credentials once, to verify that S3 requests can be signed. Returns the role that
    /// they belong to, if the method is a role.
    ///
    /// # Errors
    /// [`SignInError`]: no request to S3 can be signed.
    pub(crate) async fn verify(&self) -> Result<Option<AssumedRole>, SignInError> {
        match &self.method {
            Method::Key(_) => Ok(None),
            Method::Chain(chain) => chain.credentials().await.map(|_| None),
            Method::Role { target, sts } => {
                let assumed = target.assume(sts).await?;
                Ok(Some(AssumedRole {
                    identity: assumed.identity,
                    target: target.clone(),
                    sts: Arc::clone(sts),
                }))
            }
        }
    }
}

impl AssumedRole {
    /// Whether the same caller may also assume the role without the configured external id. Then
    /// the external id protects nothing. `None`: no external id is configured, or STS did not
    /// answer.
    pub(crate) async fn is_assumable_without_external_id(&self) -> Option<bool> {
        self.target.external_id.as_ref()?;
        match self.sts.assume(&self.target.role, None).await {
            Ok(_) => Some(true),
            Err(SignInError { kind: SignInErrorKind::RoleDenied { .. }, .. }) => Some(false),
            Err(_) => None,
        }
    }
}

impl AssumeRoleTarget {
    /// Assumes the role. If STS denies it, the error names the caller, as far as STS tells.
    async fn assume(&self, sts: &Sts) -> Result<RoleCredentials, SignInError> {
        let mut error = match sts.assume(&self.role, self.external_id.as_deref()).await {
            Ok(assumed) => return Ok(assumed),
            Err(error) => error,
        };
        if let SignInErrorKind::RoleDenied { caller, .. } = &mut error.kind {
            *caller = sts.caller().await.ok();
        }
        Err(error)
    }
}

/// A sign-in method as a credentials provider of the SDK.
struct Provider(Method);

impl Provider {
    async fn credentials(&self) -> Result<Credentials, SignInError> {
        match &self.0 {
            Method::Key(key) => Ok(credentials(key)),
            Method::Chain(chain) => chain.credentials().await,
            Method::Role { target, sts } => {
                target.assume(sts).await.map(|assumed| assumed.credentials)
            }
        }
    }
}

impl ProvideCredentials for Provider {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            // The store knows nothing about signing in and passes the message on to the user.
            self.credentials()
                .await
                .map_err(|error| CredentialsError::provider_error(Failure::from(error)))
        })
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Provider")
    }
}

fn credentials(key: &config::AccessKey) -> Credentials {
    Credentials::new(
        &key.access_key_id,
        key.secret_access_key.expose(),
        key.session_token.as_ref().map(|token| token.expose().to_owned()),
        None,
        "settings",
    )
}

/// Returns the region of the first requests: those to STS, and the one that asks S3 for the
/// bucket's region if the settings do not name it.
///
/// This is the region of the environment, if it is in the right partition. Otherwise it is the
/// region of the bucket, which is near, or else the first region of the partition.
///
/// The right partition is the role's, or else the bucket's: STS knows neither keys nor roles of
/// other partitions. A worker in `us-east-1` may write to a bucket in China with a key of China.
///
/// With an access key in the settings, the bucket's region is never used for STS: if the account
/// has not enabled that region, STS there does not know the key, although S3 there does.
#[must_use]
pub(crate) fn first_region(
    sign_in: &config::SignIn,
    bucket: BucketLocation<'_>,
    environment: &SignInEnvironment,
) -> String {
    let region = bucket.region.filter(|_| !bucket.is_s3_compatible);
    let partition_of_bucket = region.map(Partition::of_region).or(bucket.partition);
    let (partition, of_bucket) = match sign_in {
        config::SignIn::Role(role) => (Partition::of_arn(&role.arn), region),
        config::SignIn::DefaultChain => (partition_of_bucket, region),
        config::SignIn::AccessKey(_) => (partition_of_bucket, None),
    };
    let fits =
        |region: &&str| partition.is_none_or(|partition| partition == Partition::of_region(region));
    // An explicit STS endpoint may want any region, also one that looks like another partition's.
    let is_of_aws = environment.sts_endpoint.is_none();
    let environment_region =
        environment.region.as_deref().filter(|region| !is_of_aws || fits(region));
    let first = partition.unwrap_or_else(Partition::aws).first_region;
    environment_region.or(of_bucket.filter(fits)).unwrap_or(first).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{AccessKey, Role, Secret, SignIn};

    #[test]
    fn sts_is_asked_where_it_knows_the_caller() {
        let key = SignIn::AccessKey(AccessKey {
            access_key_id: "AKIDTEST".to_owned(),
            secret_access_key: Secret::new("secret"),
            session_token: None,
        });
        let role = |partition: &str| {
            let arn = format!("arn:{partition}:iam::111122223333:role/lake");
            SignIn::Role(Role { arn, external_id: None })
        };
        let table = [
            (&key, Some("ap-south-2"), false, None, "us-east-1"),
            (&key, Some("cn-northwest-1"), false, None, "cn-north-1"),
            (&key, Some("us-gov-east-1"), false, None, "us-gov-west-1"),
            (&key, None, false, Some("eu-west-1"), "eu-west-1"),
            (&role("aws"), Some("eu-north-1"), false, None, "eu-north-1"),
            (&role("aws"), Some("eu-north-1"), false, Some("us-west-2"), "us-west-2"),
            (&role("aws-cn"), None, false, None, "cn-north-1"),
            (&role("aws"), Some("garage"), true, None, "us-east-1"),
            (&SignIn::DefaultChain, Some("eu-north-1"), false, None, "eu-north-1"),
            // Regions of the other partitions.
            (&key, Some("eusc-de-east-1"), false, None, "eusc-de-east-1"),
            (&key, Some("us-iso-west-1"), false, None, "us-iso-east-1"),
            (&key, Some("us-isob-west-1"), false, None, "us-isob-east-1"),
            (&key, Some("eu-isoe-west-1"), false, None, "eu-isoe-west-1"),
            (&key, Some("us-isof-east-1"), false, None, "us-isof-south-1"),
            (&role("aws-eusc"), None, false, None, "eusc-de-east-1"),
            (&role("aws-iso-f"), Some("us-isof-east-1"), false, None, "us-isof-east-1"),
            // A worker in another partition than the key and the role.
            (&key, Some("eusc-de-east-1"), false, Some("us-east-1"), "eusc-de-east-1"),
            (&key, Some("cn-northwest-1"), false, Some("us-east-1"), "cn-north-1"),
            (&key, Some("eu-west-1"), false, Some("us-gov-west-1"), "us-east-1"),
            (&role("aws-cn"), None, false, Some("us-west-2"), "cn-north-1"),
            (&role("aws-cn"), Some("cn-northwest-1"), false, Some("us-west-2"), "cn-northwest-1"),
            (&SignIn::DefaultChain, None, false, None, "us-east-1"),
        ];
        for (sign_in, region, is_s3_compatible, environment_region, expected) in table {
            let environment = SignInEnvironment {
                region: environment_region.map(str::to_owned),
                ..SignInEnvironment::default()
            };
            let bucket = BucketLocation { region, is_s3_compatible, partition: None };
            let found = first_region(sign_in, bucket, &environment);
            assert_eq!(found, expected, "{sign_in:?} {region:?}");
        }
        // Without a region, the endpoint of the settings names the partition.
        let partition = Partition::of_host("s3.eusc-de-east-1.amazonaws.eu");
        let bucket = BucketLocation { region: None, is_s3_compatible: false, partition };
        for environment_region in [None, Some("us-east-1")] {
            let environment = SignInEnvironment {
                region: environment_region.map(str::to_owned),
                ..SignInEnvironment::default()
            };
            assert_eq!(first_region(&key, bucket, &environment), "eusc-de-east-1");
        }
    }
}

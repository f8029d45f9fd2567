//! Signing in: from the settings' way of doing it to credentials that S3 requests are signed with.
//!
//! [`crate::config::SignIn`], the [`SignInEnvironment`] and an HTTP client -> a [`Session`], which
//! gives the store its [`Access`] and tells `check` who is there.
//!
//! | way | signs S3 requests | base identity |
//! |---|---|---|
//! | `cross_account_role` | the role, assumed through STS and again before its credentials end | the AWS default chain |
//! | `access_key` | the key of the settings; nothing else is looked at | none |
//! | `default_chain` | what the AWS default chain gives | none |
//!
//! Invariants
//! - A way never stands in for another one: where it gives no credentials, that is an error.
//! - No error and no `Debug` shows a key, a token or an external id.
//! - Nothing goes out before the first question.
//!
//! Not here: when credentials are asked for again (`store::credentials`), what S3 says about them
//! (`store`). May import: `aws`, `config`, `error`, `store` ([`Access`] and the HTTP client only).

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

pub use error::{CredentialSource, KeyProblem, SignInError, SignInErrorKind};
pub use identity::{Identity, PolicyHolder};
pub use sts::SESSION_NAME;

use self::chain::Chain;
use self::sts::{Assumed, Sts, StsEndpoint};
use crate::aws::{EndpointVariant, Partition};
use crate::config;
use crate::error::Failure;
use crate::store::{Access, HttpClient};

/// What the connector's environment says about signing in; `env` reads it.
#[derive(Clone, Debug, Default)]
pub struct SignInEnvironment {
    /// `AWS_ASSUME_ROLE_EXTERNAL_ID`: the external id where the settings have none.
    pub external_id: Option<String>,
    /// `AWS_REGION`, or `AWS_DEFAULT_REGION`.
    pub region: Option<String>,
    /// `AWS_ENDPOINT_URL_STS`: another STS than AWS's own.
    pub sts_endpoint: Option<String>,
    /// `AWS_USE_FIPS_ENDPOINT` and `AWS_USE_DUALSTACK_ENDPOINT`.
    pub variant: EndpointVariant,
    /// What sets up the sources of the default chain.
    pub variables: EnvironmentVariables,
}

impl SignInEnvironment {
    /// Which of AWS's own endpoints STS is asked at: the variables do not change an address that is
    /// given.
    fn sts_variant(&self) -> EndpointVariant {
        if self.sts_endpoint.is_none() { self.variant } else { EndpointVariant::default() }
    }
}

/// The variables that set up sources of the AWS default chain, as far as they are looked at here.
/// An empty one is not set.
#[derive(Clone, Debug, Default)]
pub struct EnvironmentVariables {
    /// Whether `AWS_ACCESS_KEY_ID` is set.
    pub has_key_id: bool,
    /// Whether `AWS_SECRET_ACCESS_KEY` is set.
    pub has_secret: bool,
    /// `AWS_WEB_IDENTITY_TOKEN_FILE`: a path.
    pub token_file: Option<String>,
    /// `AWS_ROLE_ARN`: the role of the web identity.
    pub role_arn: Option<String>,
    /// `AWS_ROLE_SESSION_NAME`: the name of its session; `None`: [`SESSION_NAME`].
    pub session_name: Option<String>,
    /// Whether `AWS_EC2_METADATA_DISABLED` is `true`.
    pub metadata_is_disabled: bool,
}

/// Where the bucket is, as far as STS goes by it.
#[derive(Clone, Copy, Debug)]
pub struct BucketLocation<'a> {
    /// The region of the settings.
    pub region: Option<&'a str>,
    /// Whether the bucket is in a store that is not AWS.
    pub elsewhere: bool,
    /// The partition of the endpoint of the settings, where that is one of AWS.
    pub partition: Option<&'static Partition>,
}

/// A role, and how to get into it.
#[derive(Clone)]
struct AssumeRoleTarget {
    role: String,
    external_id: Option<String>,
}

// External ids are no secrets to AWS, but they are nobody else's business.
impl fmt::Debug for AssumeRoleTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AssumeRoleTarget").field("role", &self.role).finish_non_exhaustive()
    }
}

/// Somebody who signs requests.
#[derive(Clone, Debug)]
pub struct Session {
    way: Way,
    /// STS, signed by the base identity or the key; `None` where the store is not AWS's and has
    /// none.
    sts: Option<Arc<Sts>>,
}

#[derive(Clone, Debug)]
enum Way {
    Key(config::AccessKey),
    Chain(Arc<Chain>),
    Role { target: AssumeRoleTarget, sts: Arc<Sts> },
}

/// A role that the session has got into.
#[derive(Debug)]
pub struct Assumption {
    /// The role's session, as S3 sees it.
    pub identity: Identity,
    target: AssumeRoleTarget,
    sts: Arc<Sts>,
}

impl Session {
    /// Nothing goes out yet.
    pub fn new(
        sign_in: &config::SignIn,
        bucket: BucketLocation<'_>,
        environment: &SignInEnvironment,
        http: &HttpClient,
    ) -> Self {
        let place = StsEndpoint {
            region: first_region(sign_in, bucket, environment),
            endpoint: environment.sts_endpoint.clone(),
            variant: environment.sts_variant(),
        };
        let (of_sts, of_chain) =
            (http.for_endpoint(place.endpoint.as_deref()), http.for_metadata_services());
        match sign_in {
            config::SignIn::AccessKey(key) => {
                let has_sts = !bucket.elsewhere || place.endpoint.is_some();
                let signer = SharedCredentialsProvider::new(credentials(key));
                let sts = has_sts.then(|| Arc::new(Sts::new(place, of_sts, signer, true)));
                Self { way: Way::Key(key.clone()), sts }
            }
            config::SignIn::DefaultChain => {
                let chain = Arc::new(Chain::new(of_chain, place.region.clone(), environment));
                let has_sts = !bucket.elsewhere || place.endpoint.is_some();
                let signer = SharedCredentialsProvider::from(
                    Arc::clone(&chain) as Arc<dyn ProvideCredentials>
                );
                let sts = has_sts.then(|| Arc::new(Sts::new(place, of_sts, signer, false)));
                Self { way: Way::Chain(chain), sts }
            }
            config::SignIn::Role(role) => {
                let chain = Chain::new(of_chain, place.region.clone(), environment);
                let signer = SharedCredentialsProvider::new(chain);
                let sts = Arc::new(Sts::new(place, of_sts, signer, false));
                let external_id =
                    role.external_id.clone().or_else(|| environment.external_id.clone());
                let target = AssumeRoleTarget { role: role.arn.clone(), external_id };
                Self { way: Way::Role { target, sts: Arc::clone(&sts) }, sts: Some(sts) }
            }
        }
    }

    /// What S3 requests are signed with.
    #[must_use]
    pub fn access(&self) -> Access {
        match &self.way {
            Way::Key(key) => Access::Key {
                access_key_id: key.access_key_id.clone(),
                secret_access_key: key.secret_access_key.expose().to_owned(),
                session_token: key.session_token.as_ref().map(|token| token.expose().to_owned()),
            },
            Way::Chain(_) | Way::Role { .. } => {
                Access::Renewable(SharedCredentialsProvider::new(Provider(self.way.clone())))
            }
        }
    }

    /// Who the key or the base identity belongs to; `None` where there is no STS to ask.
    ///
    /// # Errors
    /// [`SignInError`]. STS may be out of reach where S3 is not, so that this need not mean that a
    /// sync fails.
    pub async fn caller(&self) -> Result<Option<Identity>, SignInError> {
        match &self.sts {
            Some(sts) => sts.caller().await.map(Some),
            None => Ok(None),
        }
    }

    /// Makes sure that there are credentials to sign S3 requests with, by getting them once. Says
    /// what role they belong to, if that is the way.
    ///
    /// # Errors
    /// [`SignInError`]; no request to S3 can be signed then.
    pub async fn try_out(&self) -> Result<Option<Assumption>, SignInError> {
        match &self.way {
            Way::Key(_) => Ok(None),
            Way::Chain(chain) => chain.credentials().await.map(|_| None),
            Way::Role { target, sts } => {
                let assumed = target.enter(sts).await?;
                Ok(Some(Assumption {
                    identity: assumed.identity,
                    target: target.clone(),
                    sts: Arc::clone(sts),
                }))
            }
        }
    }
}

impl Assumption {
    /// Whether the role also lets the same caller in without the external id that is configured,
    /// which then protects nothing. `None`: no external id is configured, or it could not be found
    /// out.
    pub async fn is_open_without_external_id(&self) -> Option<bool> {
        self.target.external_id.as_ref()?;
        match self.sts.assume(&self.target.role, None).await {
            Ok(_) => Some(true),
            Err(SignInError { kind: SignInErrorKind::RoleDenied { .. }, .. }) => Some(false),
            Err(_) => None,
        }
    }
}

impl AssumeRoleTarget {
    /// Becomes the role. A refusal names the caller, as far as that can be found out.
    async fn enter(&self, sts: &Sts) -> Result<Assumed, SignInError> {
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

/// A way of signing in as the SDK wants it.
struct Provider(Way);

impl Provider {
    async fn credentials(&self) -> Result<Credentials, SignInError> {
        match &self.0 {
            Way::Key(key) => Ok(credentials(key)),
            Way::Chain(chain) => chain.credentials().await,
            Way::Role { target, sts } => target.enter(sts).await.map(|assumed| assumed.credentials),
        }
    }
}

impl ProvideCredentials for Provider {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            // As the store wants it: it knows nothing of signing in, and gives the sentence to the
            // user.
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

/// The region where STS is asked, and S3 for a bucket's own region where the settings leave it out:
/// that of the environment; else, for those who sign with what the environment give, the
/// bucket's, for it is near; else the first one of the partition.
///
/// The partition is that of the role, else that of the bucket. STS of another partition knows
/// neither its keys nor its roles, so a region of another one does not count: a worker in
/// `us-east-1` may write to a bucket in China with a key of China.
///
/// The key of the settings is not asked about in the bucket's region: STS there does not know the
/// keys of an account that has not switched the region on, though S3 does.
#[must_use]
pub fn first_region(
    sign_in: &config::SignIn,
    bucket: BucketLocation<'_>,
    environment: &SignInEnvironment,
) -> String {
    let region = bucket.region.filter(|_| !bucket.elsewhere);
    let partition_of_bucket = region.map(Partition::of_region).or(bucket.partition);
    let (partition, of_bucket) = match sign_in {
        config::SignIn::Role(role) => (Partition::of_arn(&role.arn), region),
        config::SignIn::DefaultChain => (partition_of_bucket, region),
        config::SignIn::AccessKey(_) => (partition_of_bucket, None),
    };
    let fits =
        |region: &&str| partition.is_none_or(|partition| partition == Partition::of_region(region));
    // Whoever names another STS than AWS's own knows the region that it wants.
    let is_of_aws = environment.sts_endpoint.is_none();
    let of_surroundings = environment.region.as_deref().filter(|region| !is_of_aws || fits(region));
    let first = partition.unwrap_or_else(Partition::aws).first_region;
    of_surroundings.or(of_bucket.filter(fits)).unwrap_or(first).to_owned()
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
            // The other partitions.
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
        for (sign_in, region, elsewhere, of_surroundings, expected) in table {
            let environment = SignInEnvironment {
                region: of_surroundings.map(str::to_owned),
                ..SignInEnvironment::default()
            };
            let place = BucketLocation { region, elsewhere, partition: None };
            let found = first_region(sign_in, place, &environment);
            assert_eq!(found, expected, "{sign_in:?} {region:?}");
        }
        // Without a region the address of the settings tells.
        let partition = Partition::of_host("s3.eusc-de-east-1.amazonaws.eu");
        let place = BucketLocation { region: None, elsewhere: false, partition };
        for of_surroundings in [None, Some("us-east-1")] {
            let environment = SignInEnvironment {
                region: of_surroundings.map(str::to_owned),
                ..SignInEnvironment::default()
            };
            assert_eq!(first_region(&key, place, &environment), "eusc-de-east-1");
        }
    }
}

//! Why signing in failed.
//!
//! [`SignInErrorKind`] says what is wrong, `sentences` puts it into words.
//!
//! Invariants
//! - A sentence names the role, the caller, the source and the setting. Of a server's answer it
//!   repeats at most the code, if that consists of harmless characters. No external id, key or
//!   token is in any error.

mod sentences;

use crate::aws::sign_in::identity::Identity;
use crate::error::{Classified, ErrorText, FailureType};

/// Signing in failed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", self.sentence())]
pub(crate) struct SignInError {
    /// What is wrong.
    pub kind: SignInErrorKind,
    /// The server's error code, or the HTTP status.
    pub(crate) code: Option<Box<str>>,
    #[source]
    pub(crate) cause: Option<ErrorText>,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SignInErrorKind {
    /// The connector's environment has no credentials.
    NoCredentials {
        /// The role to assume with them, if there is one.
        role: Option<String>,
    },
    /// Two variables set a source up together, and only one of them is set.
    PairIncomplete {
        /// The variable that is set.
        given: &'static str,
        /// The variable that is missing.
        missing: &'static str,
    },
    /// A source is set up in a way that cannot work.
    SourceMisconfigured {
        /// The source.
        source: CredentialSource,
    },
    /// A source refuses to provide credentials: asking again would not help.
    SourceRefused {
        /// The source.
        source: CredentialSource,
    },
    /// A source did not answer, or failed.
    SourceUnavailable {
        /// The source.
        source: CredentialSource,
    },
    /// The instance metadata service accepts connections and does not answer.
    MetadataTimeout {
        /// How often it was asked.
        attempts: u32,
    },
    /// The instance metadata service refuses requests.
    MetadataRefused {
        /// The HTTP status: 401 or 403.
        status: u16,
    },
    /// The EC2 instance has no role.
    NoInstanceRole,
    /// STS does not accept the key that the request is signed with.
    KeyRefused {
        /// Whether the key is from the settings rather than from the environment.
        from_settings: bool,
        /// What STS calls it.
        reason: KeyProblem,
        /// The region of STS.
        region: String,
    },
    /// The caller may not assume the role.
    RoleDenied {
        /// The role.
        role: String,
        /// Who asked, where it is known.
        caller: Option<Identity>,
        /// Whether an external id was sent.
        with_external_id: bool,
    },
    /// STS rejects the request itself: the ARN or the external id is malformed.
    RoleMalformed {
        /// The role.
        role: String,
    },
    /// STS is switched off in the region.
    RegionDisabled {
        /// The region.
        region: String,
    },
    /// STS cannot be reached.
    Unreachable {
        /// Region or address.
        location: String,
    },
    /// What answers is not STS.
    NotSts {
        /// Region or address.
        location: String,
    },
    /// STS failed, or asked to slow down, also after several attempts.
    Busy,
    /// This machine's clock differs too much from AWS's.
    ClockSkew,
    /// Another answer.
    Unknown {
        /// The code, if it is safe to show.
        code: Option<String>,
    },
}

/// Where the default chain looks for credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CredentialSource {
    /// `AWS_ACCESS_KEY_ID` and its companions.
    Environment,
    /// The profile files.
    Profile,
    /// A token that STS exchanges for credentials.
    WebIdentity,
    /// The endpoint of a container platform.
    Container,
    /// The metadata service of an EC2 instance.
    InstanceMetadata,
}

impl CredentialSource {
    /// All sources, in the order in which the chain asks them.
    pub(crate) const IN_ORDER: [Self; 5] = [
        Self::Environment,
        Self::Profile,
        Self::WebIdentity,
        Self::Container,
        Self::InstanceMetadata,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Environment => "the environment variables",
            Self::Profile => "the profile file",
            Self::WebIdentity => "the web identity token",
            Self::Container => "the container credentials",
            Self::InstanceMetadata => "the instance metadata",
        }
    }
}

/// Why a key is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyProblem {
    /// There is no such key, or it is inactive.
    Unknown,
    /// The secret does not belong to the key.
    Secret,
    /// The key was temporary and has expired.
    Expired,
}

impl Classified for SignInError {
    fn failure_type(&self) -> FailureType {
        match &self.kind {
            SignInErrorKind::NoCredentials { .. }
            | SignInErrorKind::PairIncomplete { .. }
            | SignInErrorKind::SourceMisconfigured { .. }
            | SignInErrorKind::SourceRefused { .. }
            | SignInErrorKind::MetadataRefused { .. }
            | SignInErrorKind::NoInstanceRole
            | SignInErrorKind::KeyRefused { .. }
            | SignInErrorKind::RoleDenied { .. }
            | SignInErrorKind::RoleMalformed { .. }
            | SignInErrorKind::RegionDisabled { .. }
            | SignInErrorKind::NotSts { .. }
            | SignInErrorKind::Unknown { .. } => FailureType::Config,
            SignInErrorKind::SourceUnavailable { .. }
            | SignInErrorKind::MetadataTimeout { .. }
            | SignInErrorKind::Unreachable { .. }
            | SignInErrorKind::Busy
            | SignInErrorKind::ClockSkew => FailureType::Transient,
        }
    }
}

//! What the scripted STS was told, and what it recorded.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, SystemTime};

use hyper::http::request::Parts;

use super::surroundings::{CONTAINER_PATH, INSTANCE_PATH};

/// What a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    GetCallerIdentity,
    AssumeRole,
    AssumeRoleWithWebIdentity,
    /// The credentials of a container.
    Container,
    /// Anything of the instance metadata.
    InstanceMetadata,
    /// Something that this server does not know.
    Unknown,
}

impl Action {
    pub(super) fn of(head: &Parts, parameter: Option<&str>) -> Self {
        match parameter {
            Some("GetCallerIdentity") => Self::GetCallerIdentity,
            Some("AssumeRole") => Self::AssumeRole,
            Some("AssumeRoleWithWebIdentity") => Self::AssumeRoleWithWebIdentity,
            None if head.uri.path() == CONTAINER_PATH => Self::Container,
            None if head.uri.path().starts_with(INSTANCE_PATH) => Self::InstanceMetadata,
            Some(_) | None => Self::Unknown,
        }
    }
}

/// How STS fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StsFault {
    /// 500 InternalFailure.
    InternalFailure,
    /// 400: too many requests.
    Throttling,
    /// 403: STS is not enabled in the region.
    RegionDisabled,
    /// 403: the signing key has expired.
    ExpiredToken,
    /// 403: the signing key does not exist.
    InvalidClientTokenId,
    /// 403: the signature was made with another secret.
    SignatureDoesNotMatch,
    /// 503 and an HTML page, as from a proxy or a load balancer.
    Page,
    /// 200 and an HTML page, as from a captive portal.
    Portal,
    /// 403 and an HTML page, as from a proxy that blocks everyone.
    ForbiddenPage,
    /// The request was signed by a slow clock.
    SignatureExpired,
    /// 400, with a message that repeats what was sent, as AWS does for an invalid parameter.
    Repeats,
    /// The connection is closed without an answer.
    NoAnswer,
    /// The connection stays open without an answer.
    Silence,
    /// This status, without a document.
    Status(u16),
    /// This status and code, in an error document of STS.
    Refusal(u16, &'static str),
}

/// Who may assume a role.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trust {
    /// The external id that the role's trust policy demands.
    pub(crate) external_id: Option<String>,
    /// The ARN of the only caller that may assume the role.
    pub(crate) caller: Option<String>,
}

impl Trust {
    /// Anyone with this external id.
    pub(crate) fn demanding(external_id: &str) -> Self {
        Self { external_id: Some(external_id.to_owned()), caller: None }
    }

    /// Anyone, with any external id or none: a trust policy without the condition ignores it.
    pub(crate) fn anybody() -> Self {
        Self::default()
    }

    pub(super) fn lets_in(&self, caller: &str, external_id: Option<&str>) -> bool {
        self.caller.as_deref().is_none_or(|only| only == caller)
            && (self.external_id.is_none() || self.external_id.as_deref() == external_id)
    }
}

/// One request that reached the server.
#[derive(Clone, Debug)]
pub(crate) struct StsRequest {
    pub(crate) action: Action,
    pub(crate) role: Option<String>,
    pub(crate) session: Option<String>,
    pub(crate) external_id: Option<String>,
    pub(crate) duration_seconds: Option<String>,
    /// The id of the signing key.
    pub(crate) signed_by: Option<String>,
    /// The region in the signature's scope.
    pub(crate) region: Option<String>,
    pub(crate) at: SystemTime,
    /// The status of the answer; 0 until there is one.
    pub(crate) status: u16,
}

/// The identity that a container or an instance gets, and the secret that it must show for it.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub(super) arn: String,
    pub(super) secret: String,
}

/// What one lock guards.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) roles: BTreeMap<String, Trust>,
    pub(super) lifetime: Duration,
    pub(super) faults: VecDeque<(Action, StsFault)>,
    pub(super) delay: Duration,
    pub(super) web_identity: Option<(String, String)>,
    pub(super) container: Option<Origin>,
    pub(super) instance: Option<Origin>,
    pub(super) requests: Vec<StsRequest>,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            roles: BTreeMap::new(),
            lifetime: Duration::from_secs(3600),
            faults: VecDeque::new(),
            delay: Duration::ZERO,
            web_identity: None,
            container: None,
            instance: None,
            requests: Vec::new(),
        }
    }
}

impl Script {
    /// Takes the next fault that is due for `action`.
    pub(super) fn fault_of(&mut self, action: Action) -> Option<StsFault> {
        let due = self.faults.iter().position(|(wanted, _)| *wanted == action)?;
        self.faults.remove(due).map(|(_, fault)| fault)
    }
}

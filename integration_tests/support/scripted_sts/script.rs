//! What the scripted STS has been told, and what it remembers.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, SystemTime};

use hyper::http::request::Parts;

use super::surroundings::{CONTAINER_PATH, INSTANCE_PATH};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    GetCallerIdentity,
    AssumeRole,
    AssumeRoleWithWebIdentity,
    /// Credentials, as a container asks for them.
    Container,
    /// Anything of an instance's metadata.
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
    /// 500.
    InternalFailure,
    /// 400: too many requests.
    Throttling,
    /// 403: STS is switched off in the region.
    RegionDisabled,
    /// 403: the key that signs is past its end.
    ExpiredToken,
    /// 403: nobody knows the key that signs.
    InvalidClientTokenId,
    /// 403: the secret is another key's.
    SignatureDoesNotMatch,
    /// 503 and a page for people, as a proxy or a load balancer gives it.
    Page,
    /// 200 and a page for people, as a captive portal gives it.
    Portal,
    /// 403 and a page for people, as a proxy gives it that lets nobody through.
    ForbiddenPage,
    /// The request was signed by a clock that is slow.
    SignatureExpired,
    /// 400, and a message that repeats what was sent, as AWS does with a parameter that it does not take.
    Repeats,
    /// The connection ends.
    NoAnswer,
    /// The connection stays, and nothing is said.
    Silence,
    /// This status, and no document.
    Status(u16),
    /// This status and this code, as STS refuses.
    Refusal(u16, &'static str),
}

/// Who may assume a role.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trust {
    /// The external id that the role's trust policy demands.
    pub(crate) external_id: Option<String>,
    /// The only caller that may, by its ARN.
    pub(crate) caller: Option<String>,
}

impl Trust {
    /// Anybody who says this external id.
    pub(crate) fn demanding(external_id: &str) -> Self {
        Self { external_id: Some(external_id.to_owned()), caller: None }
    }

    /// Anybody, with any external id or none: a trust policy without the condition does not look at it.
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
    /// The id of the key that signed it.
    pub(crate) signed_by: Option<String>,
    /// The region that it is signed for.
    pub(crate) region: Option<String>,
    pub(crate) at: SystemTime,
    /// The status of the answer; 0 while there is none.
    pub(crate) status: u16,
}

/// Whose credentials a container or an instance gets, and what has to be shown for them.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub(super) arn: String,
    pub(super) secret: String,
}

/// Everything that one lock guards.
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

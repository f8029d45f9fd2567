//! A scripted AWS STS inside this process, and the other sources of a connector's identity:
//! container credentials and instance metadata.
//!
//! It speaks real HTTP/1.1 on a free loopback port, with the query protocol and documents of STS.
//! [`ScriptedSts::requests`] says who asked for what. The keys that it issues are on the
//! [`Keyring`] that it shares with the S3 server.
//!
//! What it enforces: signatures; the expiry of the signing key; a role's trust policy, with an
//! external id that is wrong **or missing** (moto accepts a missing one).
//!
//! What it lacks: DurationSeconds and session policies are ignored (the script sets the lifetime).
//!
//! - `script`: what it was told; `answers`: documents; `surroundings`: container and instance
//!   metadata.

mod answers;
mod script;
mod surroundings;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use faulty_s3::loopback::HttpResponse;
use hyper::http::request::Parts;
use percent_encoding::percent_decode_str;

#[allow(unused_imports, reason = "each program uses a part of this")]
pub(crate) use self::answers::REPEATED;
use self::answers::{assumed, identity, refusal};
pub(crate) use self::script::{Action, StsFault, StsRequest, Trust};
use self::script::{Origin, Script};
use super::transcript;
use faulty_s3::keyring::{Key, Keyring, Standing, random_text, signer};
use faulty_s3::loopback::{Broken, Loopback, http};
use faulty_s3::signature;

/// A running server; it stops when this is dropped.
#[derive(Debug)]
pub(crate) struct ScriptedSts {
    server: Loopback,
    desk: Arc<Desk>,
}

/// What the connections share.
#[derive(Debug)]
struct Desk {
    keys: Keyring,
    script: Mutex<Script>,
}

impl ScriptedSts {
    /// Starts a server that accepts the keys of `keys` and has no role.
    pub(crate) fn start(keys: &Keyring) -> Self {
        let desk = Arc::new(Desk { keys: keys.clone(), script: Mutex::default() });
        let shared = Arc::clone(&desk);
        let server = Loopback::start(move |socket| {
            let desk = Arc::clone(&shared);
            async move {
                http(socket, |head, body| {
                    let desk = Arc::clone(&desk);
                    async move { desk.answer(&head, &body).await }
                })
                .await;
            }
        });
        Self { server, desk }
    }

    /// `http://127.0.0.1:PORT`: what `AWS_ENDPOINT_URL_STS` is set to.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// Adds a role. `arn` is the ARN of the role, not of a session.
    pub(crate) fn add_role(&self, arn: &str, trust: Trust) {
        self.with(|script| script.roles.insert(arn.to_owned(), trust));
    }

    /// Sets how long the keys are valid that are issued from now on; the default is an hour.
    pub(crate) fn set_lifetime(&self, lifetime: Duration) {
        self.with(|script| script.lifetime = lifetime);
    }

    /// Makes the next `times` requests for `action` fail this way.
    pub(crate) fn fail(&self, action: Action, fault: StsFault, times: usize) {
        self.with(|script| script.faults.extend(std::iter::repeat_n((action, fault), times)));
    }

    /// Drops the faults of [`ScriptedSts::fail`] that have not happened yet.
    pub(crate) fn heal(&self) {
        self.with(|script| script.faults.clear());
    }

    /// Delays every answer.
    pub(crate) fn delay(&self, delay: Duration) {
        self.with(|script| script.delay = delay);
    }

    /// Lets a client with `token` assume `role` (AssumeRoleWithWebIdentity).
    pub(crate) fn trust_web_identity(&self, token: &str, role: &str) {
        transcript::secret(token);
        self.with(|script| script.web_identity = Some((token.to_owned(), role.to_owned())));
    }

    /// Serves container credentials of `arn` to clients that send `authorization`; returns the
    /// address.
    pub(crate) fn serve_container(&self, arn: &str, authorization: &str) -> String {
        transcript::secret(authorization);
        self.with(|script| {
            script.container =
                Some(Origin { arn: arn.to_owned(), secret: authorization.to_owned() });
        });
        format!("{}{}", self.endpoint(), surroundings::CONTAINER_PATH)
    }

    /// Serves the instance metadata of a machine whose role has the session `arn`, at
    /// [`ScriptedSts::endpoint`].
    pub(crate) fn serve_instance(&self, arn: &str) {
        let secret = random_text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", 40);
        transcript::secret(&secret);
        self.with(|script| script.instance = Some(Origin { arn: arn.to_owned(), secret }));
    }

    /// Serves the instance metadata of a machine without a role.
    pub(crate) fn serve_instance_without_role(&self) {
        self.serve_instance("");
    }

    /// Returns every request, in the order of arrival.
    pub(crate) fn requests(&self) -> Vec<StsRequest> {
        self.with(|script| script.requests.clone())
    }

    /// Returns the requests for `action`.
    pub(crate) fn requests_for(&self, action: Action) -> Vec<StsRequest> {
        self.requests().into_iter().filter(|request| request.action == action).collect()
    }

    fn with<T>(&self, read: impl FnOnce(&mut Script) -> T) -> T {
        self.desk.with(read)
    }
}

impl Desk {
    fn with<T>(&self, read: impl FnOnce(&mut Script) -> T) -> T {
        read(&mut self.script.lock().expect("the script of STS"))
    }

    async fn answer(&self, head: &Parts, body: &Bytes) -> Result<HttpResponse, Broken> {
        let form = form(body);
        let parameter = |name: &str| form.get(name).cloned();
        let action = Action::of(head, parameter("Action").as_deref());
        let request = StsRequest {
            action,
            role: parameter("RoleArn"),
            session: parameter("RoleSessionName"),
            external_id: parameter("ExternalId"),
            duration_seconds: parameter("DurationSeconds"),
            signed_by: signer(head),
            region: signature::region(head),
            at: SystemTime::now(),
            status: 0,
        };
        let (number, fault, delay) = self.with(|script| {
            script.requests.push(request.clone());
            (script.requests.len() - 1, script.fault_of(action), script.delay)
        });
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let answer = match fault {
            Some(StsFault::NoAnswer) => return Err(Broken),
            Some(StsFault::Silence) => std::future::pending().await,
            Some(fault) => answers::fault(fault),
            None => match action {
                Action::GetCallerIdentity => match self.caller(head, body) {
                    Ok(key) => identity(&key),
                    Err(refused) => *refused,
                },
                Action::AssumeRole => match self.caller(head, body) {
                    Ok(key) => self.assume_role(&key, &request),
                    Err(refused) => *refused,
                },
                Action::AssumeRoleWithWebIdentity => {
                    self.web_identity(&request, parameter("WebIdentityToken").as_deref())
                }
                Action::Container | Action::InstanceMetadata => self.surroundings(action, head),
                Action::Unknown => refusal(400, "InvalidAction", "Could not find operation"),
            },
        };
        self.with(|script| script.requests[number].status = answer.status().as_u16());
        Ok(answer)
    }

    /// Returns the key that a request is signed with, or the refusal of STS.
    fn caller(&self, head: &Parts, body: &Bytes) -> Result<Key, Box<HttpResponse>> {
        let key = match self.keys.standing(head) {
            Standing::Unsigned => {
                let text = "Request is missing Authentication Token";
                return Err(refusal(403, "MissingAuthenticationToken", text).into());
            }
            Standing::Unknown | Standing::WrongToken => {
                return Err(answers::fault(StsFault::InvalidClientTokenId).into());
            }
            Standing::Expired => return Err(answers::fault(StsFault::ExpiredToken).into()),
            Standing::Good(key) => key,
        };
        if signature::is_right(head, body, &key.secret) {
            Ok(key)
        } else {
            Err(answers::fault(StsFault::SignatureDoesNotMatch).into())
        }
    }

    fn assume_role(&self, caller: &Key, request: &StsRequest) -> HttpResponse {
        let role = request.role.as_deref().unwrap_or_default();
        let trusts = self.with(|script| {
            script
                .roles
                .get(role)
                .is_some_and(|trust| trust.lets_in(&caller.arn, request.external_id.as_deref()))
        });
        if !trusts {
            // A role that does not exist gets the same answer.
            let message = format!(
                "User: {} is not authorized to perform: sts:AssumeRole on resource: {role}",
                caller.arn
            );
            return refusal(403, "AccessDenied", &message);
        }
        assumed("AssumeRole", &self.role_key(role, request))
    }

    fn web_identity(&self, request: &StsRequest, token: Option<&str>) -> HttpResponse {
        let known = self.with(|script| script.web_identity.clone());
        let Some((expected, role)) = known else {
            return refusal(
                403,
                "AccessDenied",
                "Not authorized to perform sts:AssumeRoleWithWebIdentity",
            );
        };
        if token != Some(&*expected) {
            return refusal(
                400,
                "InvalidIdentityToken",
                "The ID Token provided is not a valid JWT",
            );
        }
        if request.role.as_deref() != Some(&*role) {
            return refusal(
                403,
                "AccessDenied",
                "Not authorized to perform sts:AssumeRoleWithWebIdentity",
            );
        }
        assumed("AssumeRoleWithWebIdentity", &self.role_key(&role, request))
    }

    /// Issues a key for a session of `role`, whose path is not in the session's ARN.
    fn role_key(&self, role: &str, request: &StsRequest) -> Key {
        let account = role.split(':').nth(4).unwrap_or_default();
        let name = role.rsplit('/').next().unwrap_or_default();
        let session = request.session.as_deref().unwrap_or_default();
        let arn = format!("arn:aws:sts::{account}:assumed-role/{name}/{session}");
        self.keys.issue(&arn, self.with(|script| script.lifetime))
    }
}

/// Returns the pairs of `application/x-www-form-urlencoded`.
fn form(body: &[u8]) -> BTreeMap<String, String> {
    let text = String::from_utf8_lossy(body);
    let plain =
        |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    text.split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (plain(name), plain(value)))
        .collect()
}

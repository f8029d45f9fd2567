//! What gives a connector an identity without a key in its settings: a container's credentials
//! endpoint, and version 2 of the instance metadata service.

use std::time::SystemTime;

use faulty_s3::loopback::HttpResponse;
use hyper::Method;
use hyper::http::request::Parts;
use serde_json::json;

use super::Desk;
use super::answers::{answer, instant};
use super::script::{Action, Origin};

/// The path of a container's credentials.
pub(super) const CONTAINER_PATH: &str = "/v2/credentials";
/// The root path of the instance metadata.
pub(super) const INSTANCE_PATH: &str = "/latest/";
const TOKEN_PATH: &str = "/latest/api/token";
/// With and without an account id: SDKs try the first path and fall back to the second.
const ROLE_PATHS: [&str; 2] = [
    "/latest/meta-data/iam/security-credentials-extended/",
    "/latest/meta-data/iam/security-credentials/",
];

impl Desk {
    pub(super) fn surroundings(&self, action: Action, head: &Parts) -> HttpResponse {
        let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
        let (container, instance) =
            self.with(|script| (script.container.clone(), script.instance.clone()));
        match (action, container, instance) {
            (Action::Container, Some(origin), _)
                if header("authorization") == Some(&*origin.secret) =>
            {
                self.credentials(&origin)
            }
            (Action::InstanceMetadata, _, Some(origin)) => {
                let is_known = header("x-aws-ec2-metadata-token") == Some(&*origin.secret);
                self.metadata(head, &origin, is_known)
            }
            _ => answer(404, "text/plain", "not found"),
        }
    }

    fn metadata(&self, head: &Parts, origin: &Origin, is_known: bool) -> HttpResponse {
        let path = head.uri.path();
        if path == TOKEN_PATH && head.method == Method::PUT {
            let mut token = answer(200, "text/plain", &origin.secret);
            token.headers_mut().insert("x-aws-ec2-metadata-token-ttl-seconds", 21600.into());
            return token;
        }
        if !is_known {
            return answer(401, "text/html", "Unauthorized");
        }
        let name = origin.arn.split('/').nth(1).unwrap_or_default();
        match ROLE_PATHS.iter().find_map(|role_path| path.strip_prefix(role_path)) {
            Some("") if !name.is_empty() => answer(200, "text/plain", name),
            Some(wanted) if !wanted.is_empty() && wanted == name => self.credentials(origin),
            _ => answer(404, "text/plain", "not found"),
        }
    }

    fn credentials(&self, origin: &Origin) -> HttpResponse {
        let key = self.keys.issue(&origin.arn, self.with(|script| script.lifetime));
        let document = json!({
            "Code": "Success",
            "LastUpdated": instant(SystemTime::now()),
            "Type": "AWS-HMAC",
            "AccessKeyId": key.id,
            "SecretAccessKey": key.secret,
            "Token": key.token,
            "Expiration": instant(key.expires.expect("keys of the surroundings end")),
            "AccountId": key.account(),
        });
        answer(200, "application/json", &document.to_string())
    }
}

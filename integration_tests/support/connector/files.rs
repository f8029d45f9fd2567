//! The files that a run gets as arguments, and the secrets in its configuration and environment.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

/// Environment variables that are secret.
const SECRET_VARIABLES: [&str; 4] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
];
/// Environment variables that name files with nothing but a secret.
const SECRET_FILES: [&str; 2] =
    ["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"];
/// Members of a configuration that are secret. AWS does not treat a key id as secret; the form
/// does.
const SECRET_MEMBERS: [&str; 3] = ["access_key_id", "secret_access_key", "session_token"];

/// Files for the arguments of one run; they go when this is dropped.
#[derive(Debug)]
pub(super) struct Files {
    folder: TempDir,
    pub(super) secrets: Vec<String>,
}

impl Files {
    pub(super) fn new(files: &[(&str, &Value)]) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        for (name, content) in files {
            fs::write(folder.path().join(name), content.to_string())
                .expect("a file in a temporary folder");
        }
        let mut secrets = Vec::new();
        files.iter().for_each(|(_, content)| collect_secrets(content, &mut secrets));
        Self { folder, secrets }
    }

    pub(super) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().expect("a path that is text").to_owned()
    }
}

/// The texts that a configuration holds wherever a secret belongs.
fn collect_secrets(value: &Value, secrets: &mut Vec<String>) {
    for (name, member) in value.as_object().into_iter().flatten() {
        match member {
            Value::String(text) if SECRET_MEMBERS.contains(&name.as_str()) => {
                secrets.push(text.clone());
            }
            Value::String(text) if name == "s3_endpoint" => secrets.extend(password_of(text)),
            _ => collect_secrets(member, secrets),
        }
    }
}

/// Returns the password in `scheme://user:password@host`.
fn password_of(address: &str) -> Option<String> {
    let (_, rest) = address.split_once("://")?;
    let (user, _) = rest.rsplit_once('@')?;
    user.split_once(':').map(|(_, password)| password.to_owned())
}

/// Returns the texts that the environment holds wherever a secret belongs, also in files that it
/// names.
pub(super) fn secrets_of_environment(environment: &[(String, String)]) -> Vec<String> {
    let mut secrets = Vec::new();
    for (name, value) in environment {
        if SECRET_VARIABLES.contains(&name.as_str()) {
            secrets.push(value.clone());
        } else if SECRET_FILES.contains(&name.as_str()) {
            secrets.push(fs::read_to_string(value).unwrap_or_default().trim().to_owned());
        } else if name == "AWS_SHARED_CREDENTIALS_FILE" {
            let text = fs::read_to_string(value).unwrap_or_default();
            let pairs = text.lines().filter_map(|line| line.split_once('='));
            let secret = pairs.filter(|(name, _)| name.contains("key") || name.contains("token"));
            secrets.extend(secret.map(|(_, value)| value.trim().to_owned()));
        } else if name.to_ascii_uppercase().ends_with("_PROXY") {
            secrets.extend(password_of(value));
        }
    }
    secrets
}

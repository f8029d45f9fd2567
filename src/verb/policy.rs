//! `policy`: prints the IAM policies that the settings need, for people and for pipes.
//!
//! Out: text on stdout, no protocol messages; errors and notes on stderr.
//!
//! Not here: the policies themselves (`aws::policy`).

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::connect::external_id;
use super::read_config;
use crate::aws::Partition;
use crate::aws::policy::{
    Document, DocumentKind, PolicySubject, Principal, RoleSubject, documents, json, terraform,
    warnings,
};
use crate::config::{Config, SignIn};
use crate::error::{Failure, FailureType};

/// Options of the verb.
#[derive(Debug, Args)]
pub(super) struct PolicyArgs {
    /// JSON file with the settings.
    #[arg(long)]
    config: PathBuf,
    /// Who may assume the role: the account, or the ARN of the user or role, that the connector
    /// runs with.
    #[arg(long, value_name = "ACCOUNT_OR_ARN")]
    principal: Option<Principal>,
    /// Print one document alone, for a pipe.
    #[arg(long, value_enum, value_name = "WHICH", conflicts_with = "terraform")]
    only: Option<Only>,
    /// Print a Terraform snippet instead of JSON.
    #[arg(long)]
    terraform: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Only {
    /// What may be done in the bucket.
    Permissions,
    /// Who may assume the role.
    Trust,
    /// That the identity that the connector runs with may assume the role.
    Caller,
}

/// Runs the verb. `Ok(false)` means that the reason is on stderr.
pub(super) fn policy<O: Write, E: Write>(
    args: PolicyArgs,
    out: &mut O,
    err: &mut E,
) -> io::Result<bool> {
    let printed = read_config(&args.config).and_then(|config| {
        let subject = subject(&config, args.principal)?;
        let mut notes = match (&subject.role, args.only) {
            (Some(role), None | Some(Only::Trust)) => warnings(role),
            (Some(_), Some(Only::Permissions | Only::Caller)) | (None, _) => Vec::new(),
        };
        if config.is_s3_compatible() {
            notes.push(
                "s3_endpoint is set: the store may support IAM policies only in part, or not at all"
                    .to_owned(),
            );
        }
        Ok((text(&subject, args.only, args.terraform)?, notes))
    });
    match printed {
        Ok((text, notes)) => {
            out.write_all(text.as_bytes())?;
            out.flush()?;
            for note in notes {
                writeln!(err, "note: {note}")?;
            }
            Ok(true)
        }
        Err(failure) => {
            writeln!(err, "{}", failure.message)?;
            Ok(false)
        }
    }
}

fn text(
    subject: &PolicySubject,
    only: Option<Only>,
    as_terraform: bool,
) -> Result<String, Failure> {
    if as_terraform {
        return Ok(terraform(subject));
    }
    let documents = documents(subject);
    let Some(only) = only else {
        let shown =
            |document: &Document| format!("# {}\n{}", document.heading, json(&document.policy));
        return Ok(documents.iter().map(shown).collect::<Vec<_>>().join("\n"));
    };
    let kind = match only {
        Only::Permissions => DocumentKind::Permissions,
        Only::Trust => DocumentKind::Trust,
        Only::Caller => DocumentKind::Caller,
    };
    match documents.iter().find(|document| document.kind == kind) {
        Some(document) => Ok(json(&document.policy)),
        None => Err(Failure::new(
            FailureType::Config,
            "these settings sign in without a role, so there is only a permissions policy: set \
             authentication.auth_type to \"cross_account_role\", or use --only permissions",
        )),
    }
}

fn subject(config: &Config, principal: Option<Principal>) -> Result<PolicySubject, Failure> {
    let role = match &config.sign_in {
        SignIn::Role(role) => Some(RoleSubject {
            arn: role.arn.clone(),
            external_id: match &role.external_id {
                Some(external_id) => Some(external_id.clone()),
                None => external_id()?,
            },
            principal,
        }),
        SignIn::AccessKey(_) | SignIn::DefaultChain if principal.is_some() => {
            return Err(Failure::new(
                FailureType::Config,
                "--principal is for a role, and these settings sign in without one: leave it out, \
                 or set authentication.auth_type to \"cross_account_role\"",
            ));
        }
        SignIn::AccessKey(_) | SignIn::DefaultChain => None,
    };
    let of_role = role.as_ref().and_then(|role| role.arn.split(':').nth(1));
    let of_host = config.endpoint.as_ref().and_then(|endpoint| Partition::of_host(&endpoint.host));
    // The region names the bucket's partition. Without a region the role does, which must be in the
    // same partition as the bucket.
    let of_region = config.region.as_deref().map(|region| Partition::of_region(region).id);
    let partition =
        of_region.or(of_role).or(of_host.map(|partition| partition.id)).unwrap_or("aws");
    Ok(PolicySubject {
        partition: partition.to_owned(),
        bucket: config.bucket.clone(),
        prefix: config.template.literal_prefix(),
        asks_for_region: config.region.is_none(),
        objects: config.objects.clone(),
        role,
    })
}

//! The sentence of a [`StoreError`]: what is wrong, where, and what to do.
//!
//! Invariants
//! - A sentence names the bucket, the key or the action, and says what happened, why, and what to
//!   do.
//! - The only text from the server in it is a code, an action and a region, each a short
//!   identifier. The server's message is shown after the sentence
//!   ([`StoreError::with_store_answer`]).
//!
//! The table of the sentences is here; `parts` has what many of them share.
//!
//! Not here: what an answer means (`classify`).

mod parts;

use self::parts::{BadCredentials, What, or_dash};
use super::error::{ErrorContext, StoreError};
use super::handshake::Distrust;
use super::kind::StoreErrorKind;
use crate::store::operation::Operation;

impl StoreError {
    /// Returns the message for the user.
    pub(super) fn sentence(&self) -> String {
        let ErrorContext { bucket, key, region, code, .. } = &*self.context;
        let (name, action) = (self.op.name(), self.op.iam_action());
        let what = What(self);
        match &self.kind {
            StoreErrorKind::AccessDenied if self.op == Operation::CopyObject => format!(
                "the copy to {} was denied: allow {} on it and s3:GetObject on the object that is \
                 copied, in the policy of the user or role, and look for a bucket policy that \
                 denies one of them",
                self.arn(),
                self.actions()
            ),
            StoreErrorKind::AccessDenied
                if !self.context.extra_actions.is_empty()
                    && self.context.denial.action.is_none() =>
            {
                format!(
                    "{name} to {} was denied: with these settings it needs {}; allow all of them \
                     in the policy of the user or role, and look for a bucket policy that denies \
                     one of them",
                    self.arn(),
                    self.actions()
                )
            }
            StoreErrorKind::AccessDenied => format!(
                "{} on {} was denied: allow this action in the policy of the user or role, \
                 and look for a bucket policy that denies it",
                self.context.denial.action.as_deref().unwrap_or(action),
                self.arn()
            ),
            StoreErrorKind::AccountProblem => {
                format!(
                    "{what} was refused because of the AWS account ({}): check its status",
                    or_dash(code)
                )
            }
            StoreErrorKind::BucketMissing => format!(
                "bucket \"{bucket}\" does not exist {}: create it or correct s3_bucket_name",
                self.place()
            ),
            StoreErrorKind::BucketInEndpoint => format!(
                "{what} found no bucket \"{bucket}\" {}{}: s3_endpoint already contains the \
                 bucket's name, which is the likely cause, because the connector adds the name \
                 itself; set s3_endpoint to {}, or, if it is right, create the bucket or correct \
                 s3_bucket_name",
                self.place(),
                self.answer(),
                self.context
                    .endpoint_without_bucket
                    .as_deref()
                    .unwrap_or("the address without the bucket")
            ),
            StoreErrorKind::InvalidBucketName => {
                format!("\"{bucket}\" is not a valid bucket name: correct s3_bucket_name")
            }
            StoreErrorKind::WrongRegion { expected: Some(expected) } => format!(
                "bucket \"{bucket}\" is in region \"{expected}\", not in \"{region}\": \
                 set s3_bucket_region to \"{expected}\""
            ),
            StoreErrorKind::WrongRegion { expected: None } => format!(
                "bucket \"{bucket}\" does not answer requests for region \"{region}\": set \
                 s3_bucket_region to the bucket's own region, and check access_key_id and \
                 s3_endpoint"
            ),
            StoreErrorKind::BadCredentials if self.context.renewable => format!(
                "the store does not accept the credentials from the role or the connector's \
                 environment ({}): check that they are for this store and still valid",
                or_dash(code)
            ),
            StoreErrorKind::ExpiredCredentials if self.context.renewable => {
                "the credentials from the role or the connector's environment have expired, and \
                 their source returned no new ones: renew them there"
                    .to_owned()
            }
            StoreErrorKind::BadCredentials => format!("{}", BadCredentials(code.as_deref())),
            StoreErrorKind::ExpiredCredentials => {
                "the temporary credentials have expired: enter new ones, or use an access key \
                 without a session token"
                    .to_owned()
            }
            StoreErrorKind::NoCredentials { .. }
                if let Some(message) = &self.context.sign_in_message =>
            {
                message.to_string()
            }
            StoreErrorKind::NoCredentials { temporary: true } => {
                "no credentials could be obtained: check the network and try again".to_owned()
            }
            StoreErrorKind::NoCredentials { temporary: false } => {
                "the configured way of signing in returned no credentials: check the settings \
                 under authentication"
                    .to_owned()
            }
            StoreErrorKind::PathStyleRefused => format!(
                "{} only accepts the bucket's name as part of the host name ({}): set \
                 s3_path_style to off",
                self.server(),
                or_dash(code)
            ),
            StoreErrorKind::EncryptionKey => {
                let answer = match &self.context.denial.action {
                    Some(action) => format!("{action} was denied"),
                    None => or_dash(code).to_owned(),
                };
                format!(
                    "{what} failed because the KMS key that encrypts it cannot be used ({answer}): \
                     allow the user or role kms:GenerateDataKey and kms:Decrypt on the key, in its \
                     own policy and, where the key belongs to another account, in the key's \
                     policy; and check that the key is enabled and in the bucket's region"
                )
            }
            StoreErrorKind::ObjectLock => format!(
                "bucket \"{bucket}\" has Object Lock with a default retention, where every upload \
                 needs a checksum: set checksum to crc32"
            ),
            StoreErrorKind::OptionRefused { setting: "acl" }
                if code.as_deref() == Some("AccessControlListNotSupported") =>
            {
                format!(
                    "bucket \"{bucket}\" has ACLs switched off (the bucket's owner owns every \
                         object): remove acl"
                )
            }
            StoreErrorKind::OptionRefused { setting } => {
                format!(
                    "the store does not accept the setting {setting}{}: change it or remove \
                         it",
                    self.answer()
                )
            }
            // The wildcard of a store's certificate covers one bucket before the host name, not
            // two.
            StoreErrorKind::Certificate(Distrust::OtherName)
                if let Some(without_bucket) = &self.context.endpoint_without_bucket =>
            {
                format!(
                    "the certificate of {} is not accepted: it is for another host name. \
                     s3_endpoint already contains the bucket's name, which is the likely cause, \
                     because the connector adds the name itself; set s3_endpoint to \
                     {without_bucket}, or, if it is right, give the server a certificate for this \
                     name",
                    self.server()
                )
            }
            StoreErrorKind::Certificate(distrust) => {
                format!("the certificate of {} is not accepted: {distrust}", self.server())
            }
            StoreErrorKind::NotTls => format!(
                "{} does not speak TLS: begin s3_endpoint with http:// if the store is meant to be \
                 used without TLS, or correct the port",
                self.server()
            ),
            StoreErrorKind::NotHttp => format!(
                "{} does not answer in plain HTTP: begin s3_endpoint with https:// if the server \
                 speaks TLS, or correct the port",
                self.server()
            ),
            StoreErrorKind::StorageFull => {
                format!(
                    "{what} failed because the store is full or the quota of bucket \"{bucket}\" \
                     is used up: free some space or raise the quota"
                )
            }
            StoreErrorKind::InvalidKey => {
                format!("the store does not accept the key \"{key}\": change s3_bucket_key")
            }
            StoreErrorKind::KeyTaken if self.op == Operation::CompleteMultipartUpload => format!(
                "another writer put an object at \"{key}\" in bucket \"{bucket}\" while a file was \
                 being uploaded to this key in parts. The file cannot move to another key: S3 ties \
                 the parts of an upload to its key and cannot copy parts of an unfinished upload, \
                 and the connector no longer has their bytes. No data is lost: the source sends \
                 the rows again, and the next attempt takes the next number. Make sure that no \
                 other sync writes the same names, or put {{uuid}} into s3_bucket_key"
            ),
            StoreErrorKind::RefusesFreeKey => format!(
                "{what} was refused as if the key were taken{}, but HeadObject finds no object \
                 there: the store, or a proxy in front of it, handles If-None-Match incorrectly, \
                 and the connector does not write without this protection against overwriting. \
                 Have the store or the proxy fixed, or use another store",
                self.answer()
            ),
            StoreErrorKind::FindsMissing => format!(
                "{what} was not tried, because the store finds an object at every key: it answers \
                 HeadObject for a key that was never written with 200 instead of 404. Have the \
                 store, or the proxy in front of it, fixed"
            ),
            StoreErrorKind::LosesMetadata if self.op == Operation::CopyObject => format!(
                "the store ignores the metadata (x-amz-meta-...) that the connector sends for a \
                 copy: the copy at \"{key}\" in bucket \"{bucket}\" kept the metadata of its \
                 source, so the next sync would not have recognized it as its own. The copy was \
                 deleted, and the file keeps its current name. Use a store that honours \
                 x-amz-metadata-directive, or put {{part}} into s3_bucket_key: such files are not \
                 copied"
            ),
            StoreErrorKind::LosesMetadata => format!(
                "the object \"{key}\" in bucket \"{bucket}\" has none of the metadata \
                 (x-amz-meta-...) that the connector writes, so the connector cannot tell whether \
                 it wrote the object: the store, or a proxy in front of it, does not keep user \
                 metadata (run `check` to find out), or another program wrote the object. Use a \
                 store that keeps user metadata, and inspect the object before the next sync: rows \
                 of this sync in it will be sent again and would be duplicated"
            ),
            StoreErrorKind::KeyTaken => {
                format!("bucket \"{bucket}\" already has another object with the key \"{key}\"")
            }
            StoreErrorKind::NotFound => {
                format!("bucket \"{bucket}\" has no object with the key \"{key}\"")
            }
            StoreErrorKind::NoSuchUpload => format!(
                "the multipart upload of \"{key}\" in bucket \"{bucket}\" no longer exists: \
                 if a lifecycle rule aborts incomplete uploads, make it wait longer"
            ),
            StoreErrorKind::Conflict => {
                format!(
                    "{what} conflicted with another request on the same key: make sure that no \
                     other sync writes there"
                )
            }
            StoreErrorKind::ClockSkew => {
                "this machine's clock is too far from the store's clock: set the clock".to_owned()
            }
            StoreErrorKind::Throttled => {
                format!(
                    "{what} was refused {} because the store asked to slow down{}: try again later",
                    self.times(),
                    self.answer()
                )
            }
            StoreErrorKind::Server => {
                format!(
                    "{what} failed {} with a server error{}: try again later",
                    self.times(),
                    self.answer()
                )
            }
            StoreErrorKind::Timeout => {
                format!(
                    "{what} had no answer in time {}{}: check the network and try again",
                    self.place(),
                    self.attempts()
                )
            }
            StoreErrorKind::Connection => format!(
                "{what} had no working connection {}{}: check the network, the proxy settings \
                 and {}",
                self.place(),
                self.attempts(),
                self.address_setting()
            ),
            StoreErrorKind::HostNotFound { host } => format!(
                "the host name \"{host}\" was not found in DNS{}: correct {} (or the proxy \
                 settings, if it is the name of a proxy), or check the DNS settings of this \
                 machine or container",
                self.attempts(),
                self.address_setting()
            ),
            StoreErrorKind::ConnectionRefused => format!(
                "the connection was refused {}{} because nothing listens on the port: check that \
                 the store is running, and check {} and the proxy settings",
                self.place(),
                self.attempts(),
                self.address_setting()
            ),
            StoreErrorKind::NoConnection => format!(
                "no connection could be established {}{} because the host does not answer: check \
                 {}, and the firewalls, routes and proxies on the way (in a private network, a VPC \
                 endpoint for S3 may be missing)",
                self.place(),
                self.attempts(),
                self.address_setting()
            ),
            StoreErrorKind::TlsFailed => format!(
                "the TLS handshake with {} failed{}: the server must support TLS 1.2 or 1.3 and \
                 must not require a client certificate; also look for a proxy that breaks TLS",
                self.server(),
                self.attempts()
            ),
            StoreErrorKind::ProxyAuthentication => {
                "the proxy on the way to the store refuses the connector (407, proxy \
                 authentication required): set a user and a password in HTTPS_PROXY or \
                 HTTP_PROXY (http://user:password@proxy:port), or add the store to NO_PROXY"
                    .to_owned()
            }
            StoreErrorKind::ProxyRefused => format!(
                "the proxy does not connect to {}{}: allow it on the proxy, add the host to \
                 NO_PROXY, or correct {}",
                self.server(),
                self.attempts(),
                self.address_setting()
            ),
            StoreErrorKind::TooLargeForProxy => format!(
                "{what} is too large for the proxy in front of the store{}: raise its limit for \
                 request bodies to 16 MiB or more (nginx: client_max_body_size), or bypass the \
                 proxy",
                self.answer()
            ),
            StoreErrorKind::Damaged => {
                format!("{what} arrived damaged{}: check the network and try again", self.answer())
            }
            StoreErrorKind::BrokenListing(fault) => format!(
                "bucket \"{bucket}\" cannot be listed {}: the store says that there are more names \
                 under \"{key}\" but {fault}, so the connector cannot know which objects exist; \
                 use a store, or a version of it, that implements the paging of ListObjectsV2, or \
                 fix the proxy in front of it",
                self.place()
            ),
            StoreErrorKind::InvalidEndpoint => format!(
                "{name} could not be sent to an S3 service {}: check s3_bucket_name, \
                 s3_bucket_region and s3_endpoint",
                self.place()
            ),
            StoreErrorKind::NotS3 => format!(
                "the server {} is not an S3 service: it answered {name} with a web page, or \
                 without the receipt that S3 sends{}; check {} and its port (a store's console \
                 uses another port than S3), and look for a proxy in between",
                self.place(),
                self.answer(),
                self.address_setting()
            ),
            StoreErrorKind::Unsupported => {
                format!(
                    "the store does not implement {name} as the connector needs it{}: use another \
                     store, or another version of it",
                    self.answer()
                )
            }
            StoreErrorKind::Rejected => format!(
                "{what} was rejected as malformed{}: on AWS this is a defect of the connector, so \
                 report it; another store may need another checksum setting",
                self.answer()
            ),
            StoreErrorKind::Unknown => format!(
                "{what} failed with an unexpected answer{}: try again, and report it if it \
                 persists",
                self.answer()
            ),
        }
    }
}

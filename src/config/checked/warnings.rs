//! Settings that are allowed but probably not meant.

use super::Config;
use super::endpoint::Scheme;
use super::region;
use crate::config::error::shown;
use crate::store::CannedAcl;

impl Config {
    /// What is allowed but probably not meant, one sentence each.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let format = self.format.extension();
        match self.template.shown_extension(format) {
            Some(shown) if !shown.fits => warnings.push(format!(
                "`s3_bucket_key` ends keys in `{}`, but files are `{format}` (`format_type`), and \
                 many readers go by the extension: write `.{{extension}}`",
                shown.extension
            )),
            None if !self.template.has_extension() => warnings.push(
                "`s3_bucket_key` has no `{extension}`: files get no extension, and many readers go \
                 by it"
                    .to_owned(),
            ),
            Some(_) | None => {}
        }
        if let Some(region) = &self.region
            && let Some(meant) = region::meant(region)
        {
            warnings.push(format!(
                "`s3_bucket_region` is `{}`, which is not an AWS region; did you mean `{meant}`?",
                shown(region)
            ));
        }
        if let Some(endpoint) = &self.endpoint
            && endpoint.scheme == Scheme::Http
            && !endpoint.is_loopback()
        {
            warnings.push(
                "`s3_endpoint` begins with `http://`: everybody on the way can read the data; use \
                 `https://` if the store offers it"
                    .to_owned(),
            );
        }
        let readers = match self.objects.acl {
            Some(CannedAcl::PublicRead) => Some("everybody on the internet"),
            Some(CannedAcl::AuthenticatedRead) => {
                Some("everybody with an AWS account, of whatever company")
            }
            Some(
                CannedAcl::Private | CannedAcl::BucketOwnerRead | CannedAcl::BucketOwnerFullControl,
            )
            | None => None,
        };
        if let Some(readers) = readers {
            warnings.push(format!("`acl` lets {readers} read the files"));
        }
        warnings
    }
}

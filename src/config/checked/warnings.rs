//! Settings that are allowed but probably not meant.

use super::Config;
use super::endpoint::Scheme;
use super::region;
use crate::config::error::shown;
use crate::store::CannedAcl;

impl Config {
    /// Returns warnings about settings that are allowed but probably not meant, one sentence each.
    #[must_use]
    pub(crate) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let format = self.format.extension();
        match self.template.shown_extension(format) {
            Some(shown) if !shown.fits => warnings.push(format!(
                "`s3_bucket_key` ends keys in `{}`, but files are `{format}` (`format_type`), and \
                 many readers rely on the extension: use `.{{extension}}`",
                shown.extension
            )),
            None if !self.template.has_extension() => warnings.push(
                "`s3_bucket_key` has no `{extension}`: files get no extension, and many readers \
                 rely on it"
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
                "`s3_endpoint` begins with `http://`: anyone on the network path can read the \
                 data; use `https://` if the store supports it"
                    .to_owned(),
            );
        }
        let readers = match self.objects.acl {
            Some(CannedAcl::PublicRead) => Some("anyone on the internet"),
            Some(CannedAcl::AuthenticatedRead) => {
                Some("anyone with an AWS account, in any company,")
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

//! The address of a store or a proxy, as far as this room needs to understand it.
//!
//! Text of a URL -> its scheme, and the same text without credentials. `http::Uri` parses, as it
//! does in the SDK.
//!
//! Not here: which addresses the configuration accepts (`config::endpoint`).

use http::Uri;
use http::uri::Scheme;

/// Whether an address begins with `http://`, in either case.
pub(super) fn is_http(address: &str) -> bool {
    has_scheme(address, &Scheme::HTTP)
}

/// Whether an address begins with `https://`, in either case.
pub(super) fn is_https(address: &str) -> bool {
    has_scheme(address, &Scheme::HTTPS)
}

fn has_scheme(address: &str, scheme: &Scheme) -> bool {
    // Values of variables may begin with blanks.
    address.trim_start().parse::<Uri>().is_ok_and(|uri| uri.scheme() == Some(scheme))
}

/// Returns an address that is safe to show: `http://user:password@host/` becomes `http://host/`.
pub(super) fn without_userinfo(address: &str) -> String {
    // `Uri` takes an authority without a scheme only where no path follows.
    let parsed = if address.contains("://") {
        address.parse::<Uri>()
    } else {
        format!("http://{address}").parse()
    };
    let userinfo_end = match &parsed {
        Ok(uri) => uri.authority().and_then(|authority| authority.as_str().rfind('@')),
        // What cannot be parsed may hold a password anywhere before its last `@`.
        Err(_) => {
            return address.rsplit_once('@').map_or(address, |(_, shown)| shown).to_owned();
        }
    };
    match userinfo_end {
        Some(end) => {
            let start = address.find("://").map_or(0, |colon| colon + "://".len());
            let (scheme, rest) = address.split_at(start);
            format!("{scheme}{}", rest.get(end + 1..).unwrap_or_default())
        }
        None => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_removed_and_nothing_else() {
        let table = [
            ("https://store.example.com", "https://store.example.com"),
            ("http://user:pw@host:9000/x", "http://host:9000/x"),
            ("http://user@host", "http://host"),
            ("http://user:p@ss@host/a@b", "http://host/a@b"),
            ("http://host/a@b", "http://host/a@b"),
            ("http://user:pw@[::1]:9000/", "http://[::1]:9000/"),
            ("http://[fe80::1]", "http://[fe80::1]"),
            ("user:pw@host:9000/x", "host:9000/x"),
            ("host:9000", "host:9000"),
            ("http://user:pw@host:/x", "http://host:/x"),
            ("HTTPS://User:PW@Host/X", "HTTPS://Host/X"),
            ("not an address", "not an address"),
            ("http://user:p w@host/x", "host/x"),
            ("", ""),
        ];
        for (address, shown) in table {
            assert_eq!(without_userinfo(address), shown, "{address}");
        }
    }

    #[test]
    fn the_scheme_is_read_in_either_case() {
        let table = [
            ("http://host", true, false),
            ("HTTP://user:p@ss@host:9000/x", true, false),
            ("https://host", false, true),
            ("hTTps://[::1]:9000", false, true),
            (" https://proxy:3128", false, true),
            ("http://host:", true, false),
            ("host:9000", false, false),
            ("httpx://host", false, false),
            ("s3://bucket", false, false),
            ("", false, false),
        ];
        for (address, http, https) in table {
            assert_eq!((is_http(address), is_https(address)), (http, https), "{address}");
        }
    }
}

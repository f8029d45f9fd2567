//! Which requests go past the proxy.
//!
//! Two clients of the SDK, one through the proxy and one past it -> one client that chooses for
//! each request: hosts of `NO_PROXY` ([`NoProxyRouter`]), and metadata services
//! ([`NoProxyMetadata`]), are reached directly.
//!
//! Not here: the rules of `NO_PROXY` (`no_proxy`).

use std::sync::{Arc, OnceLock};

use aws_sdk_s3::config::http::HttpRequest;
use aws_sdk_s3::config::{RuntimeComponents, SharedHttpClient};
use aws_smithy_runtime_api::client::http::{
    self as aws, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};

use super::no_proxy::NoProxy;
use crate::env;
use crate::store::address;

/// Sends requests without TLS past the proxy. Services that provide credentials without TLS are
/// close to this machine (instance and container metadata, an agent). Their tokens must not reach a
/// proxy, which could only answer with an identity of its own.
#[derive(Debug)]
pub(super) struct NoProxyMetadata<T> {
    pub(super) direct: T,
    pub(super) through_proxy: T,
}

impl aws::HttpClient for NoProxyMetadata<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(NoProxyMetadata {
            direct: self.direct.http_connector(settings, components),
            through_proxy: self.through_proxy.http_connector(settings, components),
        })
    }
}

impl HttpConnector for NoProxyMetadata<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if address::is_http(request.uri()) {
            self.direct.call(request)
        } else {
            self.through_proxy.call(request)
        }
    }
}

/// Sends requests to the hosts of `NO_PROXY` past the proxy. The SDK's own matcher does not cover
/// all of them.
#[derive(Debug)]
pub(super) struct NoProxyRouter {
    pub(super) through_proxy: SharedHttpClient,
    pub(super) direct: SharedHttpClient,
    pub(super) no_proxy: Arc<NoProxy>,
}

impl aws::HttpClient for NoProxyRouter {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let deferred = |client: &SharedHttpClient| Deferred {
            client: client.clone(),
            settings: settings.clone(),
            components: components.clone(),
            connector: OnceLock::new(),
        };
        SharedHttpConnector::new(RoutedConnector {
            through_proxy: deferred(&self.through_proxy),
            direct: deferred(&self.direct),
            no_proxy: Arc::clone(&self.no_proxy),
        })
    }
}

#[derive(Debug)]
struct RoutedConnector {
    through_proxy: Deferred,
    direct: Deferred,
    no_proxy: Arc<NoProxy>,
}

impl HttpConnector for RoutedConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let is_direct = self.no_proxy.covers(request.uri());
        if is_direct { self.direct.call(request) } else { self.through_proxy.call(request) }
    }
}

/// A connector that is created by its first request: creating one reads the machine's certificates.
#[derive(Debug)]
struct Deferred {
    client: SharedHttpClient,
    settings: HttpConnectorSettings,
    components: RuntimeComponents,
    connector: OnceLock<SharedHttpConnector>,
}

impl Deferred {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.connector
            .get_or_init(|| {
                aws::HttpClient::http_connector(&self.client, &self.settings, &self.components)
            })
            .call(request)
    }
}

/// Reads the hosts of `NO_PROXY`, else of `no_proxy`.
pub(super) fn no_proxy_from_env() -> NoProxy {
    let text = ["NO_PROXY", "no_proxy"].iter().find_map(|name| env::var(name));
    NoProxy::parse(&text.unwrap_or_default())
}

/// Whether requests without TLS go through a proxy that speaks TLS.
pub(super) fn proxy_speaks_tls() -> bool {
    ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]
        .iter()
        .filter_map(|name| env::var(name))
        .any(|proxy| address::is_https(&proxy))
}

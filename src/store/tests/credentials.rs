//! Credentials that expire, with a provider that counts its calls and a server that knows which
//! credentials it accepts.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::future;
use aws_sdk_s3::config::{Credentials, ProvideCredentials, SharedCredentialsProvider};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::*;
use crate::store::{Access, StoreSettings};

/// Part of all secrets of the credentials that [`Counting`] returns.
const SECRET_WORD: &str = "hush";

/// What the provider returns for the n-th call, from 1.
type Says = fn(usize) -> Result<Credentials, CredentialsError>;

/// Returns credentials and counts its calls. All but the first wait for a permit.
struct Counting {
    says: Says,
    asked: AtomicUsize,
    permits: Semaphore,
}

impl Counting {
    fn new(says: Says) -> Arc<Self> {
        Arc::new(Self { says, asked: AtomicUsize::new(0), permits: Semaphore::new(0) })
    }

    /// As [`Counting::new`], but never waits.
    fn prompt(says: Says) -> Arc<Self> {
        let counting = Self::new(says);
        counting.permits.add_permits(1000);
        counting
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    async fn asked_at_least(&self, times: usize) {
        while self.asked() < times {
            tokio::task::yield_now().await;
        }
    }
}

impl std::fmt::Debug for Counting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Counting")
    }
}

impl ProvideCredentials for Counting {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let time = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        future::ProvideCredentials::new(async move {
            if time > 1 {
                self.permits.acquire().await.unwrap().forget();
            }
            (self.says)(time)
        })
    }
}

fn numbered(number: usize, expiry_secs: Option<u64>) -> Credentials {
    let expiry = expiry_secs.map(at);
    let part = |name: &str| format!("{SECRET_WORD}-{name}-{number}");
    Credentials::new(part("id"), part("key"), Some(part("token")), expiry, "counting")
}

fn at(secs: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(secs)
}

fn store(server: &Scripted, provider: &Arc<Counting>, now: fn() -> SystemTime) -> S3Store {
    let provider: Arc<dyn ProvideCredentials> = provider.clone();
    let provider = SharedCredentialsProvider::from(provider);
    let settings =
        StoreSettings { access: Access::Renewable(provider), ..settings(server.address) };
    assert!(!format!("{settings:?}").contains(SECRET_WORD));
    S3Store::with_clock(&settings, NO_BACKOFF, now)
}

fn epoch() -> SystemTime {
    UNIX_EPOCH
}

/// A server that accepts the tokens with these numbers and calls all others expired.
async fn taking(numbers: impl IntoIterator<Item = usize>) -> Scripted {
    let good: BTreeSet<String> =
        numbers.into_iter().map(|number| format!("hush-token-{number}")).collect();
    Scripted::deciding(move |request| {
        if good.contains(&token_of(request)) {
            ok()
        } else {
            Reply::error("400 Bad Request", "ExpiredToken")
        }
    })
    .await
}

fn token_of(request: &str) -> String {
    let token = request.lines().find_map(|line| line.strip_prefix("x-amz-security-token: "));
    token.unwrap_or_default().to_owned()
}

fn tokens(server: &Scripted) -> Vec<String> {
    server.requests().iter().map(|request| token_of(request).replace("hush-token-", "")).collect()
}

#[tokio::test]
async fn expired_credentials_are_renewed_and_the_request_is_retried() {
    for code in ["ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"] {
        let provider = Counting::prompt(|time| Ok(numbered(time, None)));
        let server = Scripted::start(vec![Reply::error("400 Bad Request", code), ok(), ok()]).await;
        let store = store(&server, &provider, epoch);
        store.put("a", ROWS, &object(1)).await.unwrap();
        store.put("b", ROWS, &object(2)).await.unwrap();
        assert_eq!(tokens(&server), ["1", "2", "2"], "{code}");
        assert_eq!(provider.asked(), 2, "{code}");
    }
}

/// The answer to a HEAD has no code: the GET that explains it renews, and the HEAD is sent again.
#[tokio::test]
async fn a_head_renews_credentials_too() {
    let provider = Counting::prompt(|time| Ok(numbered(time, None)));
    let server = Scripted::deciding(|request| {
        match (token_of(request).as_str(), request.starts_with("HEAD")) {
            ("hush-token-1", true) => Reply::status("400 Bad Request"),
            ("hush-token-1", false) => Reply::error("400 Bad Request", "ExpiredToken"),
            (_, true) => found_with_token(1),
            (_, false) => Reply::status("206 Partial Content"),
        }
    })
    .await;
    assert!(store(&server, &provider, epoch).head("k").await.unwrap().is_some());
    assert_eq!(server.methods(), "HEAD GET GET HEAD");
    assert_eq!(provider.asked(), 2);
}

#[tokio::test]
async fn requests_with_the_same_expired_credentials_share_one_renewal() {
    let provider = Counting::prompt(|time| Ok(numbered(time, None)));
    let server = taking([2]).await;
    let store = store(&server, &provider, epoch);
    let mut requests = JoinSet::new();
    for number in 0..20 {
        let store = store.clone();
        requests
            .spawn(async move { store.put(&format!("k{number}"), ROWS, &object(number)).await });
    }
    while let Some(put) = requests.join_next().await {
        put.unwrap().unwrap();
    }
    assert_eq!(provider.asked(), 2);
    let refused = tokens(&server).iter().filter(|token| *token == "1").count();
    assert!((1..=20).contains(&refused), "{refused}");
    assert_eq!(tokens(&server).len(), 20 + refused, "each request was made again once at most");
}

#[tokio::test]
async fn new_credentials_that_are_refused_too_end_the_request() {
    let provider = Counting::prompt(|time| Ok(numbered(time, None)));
    let server = taking([]).await;
    let error = store(&server, &provider, epoch).list_keys("").await.unwrap_err();
    assert_eq!(
        (&error.kind, error.failure_type()),
        (&Kind::ExpiredCredentials, FailureType::Config)
    );
    assert_eq!(tokens(&server), ["1", "2"]);
    assert_eq!(provider.asked(), 2);
}

#[tokio::test]
async fn a_provider_without_new_credentials_is_called_once_and_again_later() {
    static NOW_SECS: AtomicU64 = AtomicU64::new(0);
    // Another program replaces the credentials that the provider reads, at some later time.
    let provider = Counting::prompt(|time| Ok(numbered(if time <= 2 { 1 } else { 2 }, None)));
    let server = taking([2]).await;
    let store = store(&server, &provider, || at(NOW_SECS.load(Ordering::SeqCst)));
    for _ in 0..3 {
        let error = store.list_keys("").await.unwrap_err();
        assert_eq!(error.kind, Kind::ExpiredCredentials);
    }
    assert_eq!(tokens(&server), ["1", "1", "1", "1"], "one more for the first");
    assert_eq!(provider.asked(), 2);
    NOW_SECS.store(11, Ordering::SeqCst);
    store.list_keys("").await.unwrap_err();
    assert_eq!(
        tokens(&server).last().map(String::as_str),
        Some("2"),
        "asked again, and signed again"
    );
    assert_eq!(provider.asked(), 3);
}

#[tokio::test]
async fn an_access_key_is_not_renewed() {
    let mut with_token = settings("127.0.0.1:1".parse().unwrap());
    let server = taking([]).await;
    with_token.endpoint = Some(format!("http://{}", server.address));
    with_token.access = Access::Key {
        access_key_id: "AKIDTEST".to_owned(),
        secret_access_key: SECRET.to_owned(),
        session_token: Some("hush-token-1".to_owned()),
    };
    let error =
        S3Store::with_retry_policy(&with_token, NO_BACKOFF).list_keys("").await.unwrap_err();
    assert_eq!(error.kind, Kind::ExpiredCredentials);
    assert_eq!(tokens(&server), ["1"]);
}

#[tokio::test]
async fn other_refusals_renew_nothing() {
    let provider = Counting::prompt(|time| Ok(numbered(time, None)));
    let server = Scripted::start(vec![Reply::error("403 Forbidden", "InvalidAccessKeyId")]).await;
    let error = store(&server, &provider, epoch).list_keys("").await.unwrap_err();
    assert_eq!(error.kind, Kind::BadCredentials);
    assert_eq!((provider.asked(), server.methods().as_str()), (1, "GET"));
}

/// Credentials for one hour are renewed five minutes before they expire, by one request, while
/// others continue.
#[tokio::test]
async fn credentials_are_renewed_early_without_delaying_other_requests() {
    static NOW: AtomicU64 = AtomicU64::new(0);
    let now = || at(NOW.load(Ordering::SeqCst));
    let provider = Counting::new(|time| Ok(numbered(time, Some(3600 * time as u64))));
    let server = taking([1, 2]).await;
    let store = store(&server, &provider, now);
    store.put("first", ROWS, &object(1)).await.unwrap();
    NOW.store(3299, Ordering::SeqCst);
    store.put("not yet", ROWS, &object(2)).await.unwrap();
    assert_eq!(provider.asked(), 1);

    NOW.store(3300, Ordering::SeqCst);
    let mut renewing = JoinSet::new();
    let renewer = store.clone();
    renewing.spawn(async move { renewer.put("renewer", ROWS, &object(3)).await });
    provider.asked_at_least(2).await;
    store.put("meanwhile", ROWS, &object(4)).await.unwrap();
    assert_eq!(tokens(&server), ["1", "1", "1"], "the provider has not answered yet");
    provider.permits.add_permits(1);
    renewing.join_next().await.unwrap().unwrap().unwrap();
    store.put("last", ROWS, &object(5)).await.unwrap();
    assert_eq!(tokens(&server)[3..], ["2", "2"]);
    assert_eq!(provider.asked(), 2);
}

#[tokio::test]
async fn an_early_renewal_that_fails_keeps_the_current_credentials() {
    static NOW: AtomicU64 = AtomicU64::new(0);
    let now = || at(NOW.load(Ordering::SeqCst));
    let says: Says = |time| match time {
        1 => Ok(numbered(1, Some(400))),
        2 => Err(CredentialsError::provider_error("down")),
        _ => Ok(numbered(2, Some(4000))),
    };
    let provider = Counting::prompt(says);
    let server = taking([1, 2]).await;
    let store = store(&server, &provider, now);
    let steps = [
        (0, "1", 1),
        // A quarter of 400 s before the expiry.
        (299, "1", 1),
        (300, "1", 2),
        // A quarter of the remaining 100 s before it.
        (374, "1", 2),
        (375, "2", 3),
    ];
    for (secs, token, asked) in steps {
        NOW.store(secs, Ordering::SeqCst);
        store.put(&secs.to_string(), ROWS, &object(1)).await.unwrap();
        assert_eq!(
            (tokens(&server).last().unwrap().as_str(), provider.asked()),
            (token, asked),
            "at {secs} s"
        );
    }
}

/// Nothing is signed with expired credentials; all waiting requests share one result.
#[tokio::test]
async fn a_provider_that_fails_is_called_once_for_all_waiting_requests() {
    static NOW: AtomicU64 = AtomicU64::new(0);
    let now = || at(NOW.load(Ordering::SeqCst));
    let says: Says = |time| match time {
        1 => Ok(numbered(1, Some(1000))),
        2 => {
            Err(CredentialsError::provider_error(format!("{SECRET_WORD}-key-1 is not known here")))
        }
        _ => Ok(numbered(2, None)),
    };
    let provider = Counting::new(says);
    let server = taking([1, 2]).await;
    let store = store(&server, &provider, now);
    store.put("first", ROWS, &object(1)).await.unwrap();
    NOW.store(1000, Ordering::SeqCst);
    let waiting = Arc::new(Mutex::new(0));
    let mut requests = JoinSet::new();
    for number in 0..20 {
        let (store, waiting) = (store.clone(), Arc::clone(&waiting));
        requests.spawn(async move {
            *waiting.lock().unwrap() += 1;
            store.put(&format!("k{number}"), ROWS, &object(number)).await
        });
    }
    provider.asked_at_least(2).await;
    // Everything here runs on one thread: each request that has begun now waits for the provider.
    while *waiting.lock().unwrap() < 20 {
        tokio::task::yield_now().await;
    }
    provider.permits.add_permits(10);
    while let Some(put) = requests.join_next().await {
        let error = put.unwrap().unwrap_err();
        assert_eq!(error.kind, Kind::NoCredentials { temporary: true }, "{error:?}");
        assert_eq!(
            (error.effect, error.failure_type()),
            (Effect::NotApplied, FailureType::Transient)
        );
        let shown = format!("{error:?} {:?} {store:?}", Failure::from(error.clone()));
        assert!(shown.contains("is not known here") && !shown.contains(SECRET_WORD), "{shown}");
    }
    assert_eq!(provider.asked(), 2);
    assert_eq!(tokens(&server), ["1"]);
    store.put("again", ROWS, &object(1)).await.unwrap();
    assert_eq!(provider.asked(), 3);
}

#[tokio::test]
async fn missing_credentials_are_a_configuration_error() {
    let provider =
        Counting::prompt(|_| Err(CredentialsError::not_loaded("nothing in the environment")));
    let server = Scripted::start(Vec::new()).await;
    let error = store(&server, &provider, epoch).list_keys("").await.unwrap_err();
    assert_eq!(error.kind, Kind::NoCredentials { temporary: false });
    assert_eq!(error.failure_type(), FailureType::Config);
    assert_eq!(server.methods(), "");
}

/// A clock that is ahead must not make every request call the provider.
#[tokio::test]
async fn credentials_that_seem_to_have_expired_already_are_tried() {
    let provider = Counting::prompt(|time| Ok(numbered(time, Some(10))));
    let server = taking([1]).await;
    let store = store(&server, &provider, || at(20));
    store.put("a", ROWS, &object(1)).await.unwrap();
    store.put("b", ROWS, &object(2)).await.unwrap();
    assert_eq!(provider.asked(), 1);
}

#[tokio::test]
async fn messages_hide_credentials_of_a_provider() {
    let provider = Counting::prompt(|time| Ok(numbered(time, None)));
    let answer = "<Error><Code>SignatureDoesNotMatch</Code><Message>hush-id-1 hush-key-1 \
                  hush-token-1 AWS4-HMAC-SHA256 Signature=00c0ffee</Message></Error>";
    let server = Scripted::start(vec![Reply::Answer(
        "403 Forbidden\r\nContent-Type: application/xml".to_owned(),
        answer.to_owned(),
    )])
    .await;
    let error = store(&server, &provider, epoch).list_keys("").await.unwrap_err();
    let shown = format!("{error:?} {:?}", Failure::from(error.clone()));
    assert!(shown.contains("***") && !shown.contains(SECRET_WORD), "{shown}");
    assert!(!shown.contains("HMAC") && !shown.contains("c0ffee"), "{shown}");
}

/// Minutes before the expiry no request needs new credentials: the one that asks for them does not
/// wait forever.
#[tokio::test]
async fn a_provider_that_hangs_fails_no_request_while_the_credentials_are_good() {
    static NOW_SECS: AtomicU64 = AtomicU64::new(0);
    let provider = Counting::new(|time| Ok(numbered(time, Some(3600))));
    let server = taking([1]).await;
    let store = store(&server, &provider, || at(NOW_SECS.load(Ordering::SeqCst)));
    store.put("a", ROWS, &object(1)).await.unwrap();
    NOW_SECS.store(3301, Ordering::SeqCst);
    store.put("b", ROWS, &object(2)).await.unwrap();
    store.put("c", ROWS, &object(3)).await.unwrap();
    assert_eq!(tokens(&server), ["1", "1", "1"]);
    assert_eq!(provider.asked(), 2, "not again at once");
}

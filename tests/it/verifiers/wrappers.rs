//! Verifiers that stand before another one hand to it what is not their own.

use std::future::{Future, ready};
use std::sync::{Arc, Mutex};

use aigc_auth::cached::Cached;
use aigc_auth::credential::{AccessKey, BearerToken};
use aigc_auth::error::ErrorKind;
use aigc_auth::impersonation::{Directory, UserDirectory};
use aigc_auth::invalidate::{Invalidate, Invalidation, SpreadError};
use aigc_auth::jwt::{ByIssuer, JwtVerifier};
use aigc_auth::observer::{Event, Observer};
use aigc_auth::service::{ServiceVerifier, WithServices};
use aigc_auth::tenant::{CachedMemberships, Membership, Memberships, OrgId};
use aigc_auth::{AuthError, UserId, UserInfo, Verify};

use serde_json::json;

use crate::jwt::support::{KeyServer, P256, SECRET, now};
use crate::verifiers::support::token;

/// Answers at once, and keeps what it is told.
#[derive(Clone)]
struct Inner {
    observer: Option<Arc<dyn Observer>>,
    told: Arc<Mutex<Vec<&'static str>>>,
}

struct Nobody;

impl Observer for Nobody {
    fn observe(&self, _: &Event) {}
}

impl UserDirectory for Nobody {
    async fn find_user(&self, _: &UserId) -> Result<Option<UserInfo>, AuthError> {
        Ok(None)
    }
}

impl Memberships for Nobody {
    async fn find_membership(&self, _: &UserId, _: Option<&OrgId>) -> Result<Membership, AuthError> {
        Err(ErrorKind::Denied.into())
    }
}

impl<C: Send + 'static> Verify<C> for Inner {
    fn try_verify(&self, _: &C) -> Option<Result<UserInfo, AuthError>> {
        Some(Ok(UserInfo::builder(7, "alice").build()))
    }

    async fn verify(&self, _: C) -> Result<UserInfo, AuthError> {
        Ok(UserInfo::builder(8, "bob").build())
    }

    fn app_id(&self) -> Option<Arc<str>> {
        Some("inner".into())
    }

    fn directory(&self) -> Option<Directory> {
        Some(Directory::new(Nobody))
    }

    fn observer(&self) -> Option<Arc<dyn Observer>> {
        self.observer.clone()
    }
}

impl Invalidate for Inner {
    fn apply(&self, _: &Invalidation) {
        self.told.lock().unwrap().push("apply");
    }

    fn apply_here(&self, _: &Invalidation) {
        self.told.lock().unwrap().push("apply_here");
    }

    fn spread(&self) -> impl Future<Output = Result<(), SpreadError>> + Send {
        self.told.lock().unwrap().push("spread");
        ready(Ok(()))
    }

    fn observer(&self) -> Option<Arc<dyn Observer>> {
        self.observer.clone()
    }
}

fn is(observer: Option<Arc<dyn Observer>>, expected: &Arc<dyn Observer>) -> bool {
    observer.is_some_and(|observer| Arc::ptr_eq(&observer, expected))
}

async fn assert_hands_on<C, V: Verify<C>>(
    what: &str,
    verifier: &V,
    credential: C,
    observer: &Arc<dyn Observer>,
) {
    let name = |verified: Result<UserInfo, AuthError>| verified.unwrap().username().to_owned();
    assert_eq!(verifier.try_verify(&credential).map(name).as_deref(), Some("alice"), "{what}");
    assert_eq!(name(verifier.verify(credential).await), "bob", "{what}");
    assert_eq!(verifier.app_id().as_deref(), Some("inner"), "{what}");
    assert!(verifier.directory().is_some(), "{what}");
    assert!(is(verifier.observer(), observer), "{what}");
}

async fn check<V>(what: &str, wrap: impl Fn(Inner) -> V)
where
    V: Verify<BearerToken> + Verify<AccessKey> + Invalidate,
{
    let observer: Arc<dyn Observer> = Arc::new(Nobody);
    let inner = Inner { observer: Some(observer.clone()), told: Arc::default() };
    let verifier = wrap(inner.clone());
    assert_hands_on(what, &verifier, token("opaque"), &observer).await;
    assert_hands_on(what, &verifier, AccessKey::new("ak_key").unwrap(), &observer).await;
    verifier.apply(&Invalidation::All);
    verifier.apply_here(&Invalidation::All);
    verifier.spread().await.unwrap();
    assert_eq!(*inner.told.lock().unwrap(), ["apply", "apply_here", "spread"], "{what}");
    assert!(is(Invalidate::observer(&verifier), &observer), "{what}");
    // Where that one has no observer, one's own is told.
    let verifier = wrap(Inner { observer: None, ..inner });
    assert!(Verify::<BearerToken>::observer(&verifier).is_some(), "{what}");
    assert!(Verify::<AccessKey>::observer(&verifier).is_some(), "{what}");
}

#[tokio::test]
async fn what_is_not_their_own_goes_to_the_other() {
    let by_issuer = |inner| {
        let jwts = JwtVerifier::from_secret(SECRET).issuer("https://login.example.com").observer(Nobody);
        ByIssuer::new(jwts.build().unwrap(), inner)
    };
    let with_services = |inner| {
        let keys = JwtVerifier::from_public_key(P256.pem()).observer(Nobody);
        WithServices::new(inner, ServiceVerifier::builder(keys, "orders").build().unwrap())
    };
    check("ByIssuer", by_issuer).await;
    check("WithServices", with_services).await;
    check("Arc", |inner| Arc::new(by_issuer(inner))).await;
}

/// By the caches that webhooks invalidate, an endpoint without an observer of its own finds one.
#[test]
fn caches_say_who_observes_them() {
    let inner = || Inner { observer: None, told: Arc::default() };
    let (users, members) = (Cached::builder(inner()), CachedMemberships::builder(Nobody));
    assert!(Invalidate::observer(&users.observer(Nobody).build()).is_some());
    assert!(Invalidate::observer(&members.observer(Nobody).build()).is_some());
    assert!(Invalidate::observer(&CachedMemberships::builder(Nobody).build()).is_none());
}

/// They reject access keys, and tell of them as of tokens.
#[test]
fn verifiers_of_jwts_have_one_observer_for_both_credentials() {
    let keys = || JwtVerifier::from_public_key(P256.pem()).observer(Nobody);
    let (jwts, services) =
        (keys().build().unwrap(), ServiceVerifier::builder(keys(), "orders").build().unwrap());
    for observer in [
        Verify::<BearerToken>::observer(&jwts),
        Verify::<AccessKey>::observer(&jwts),
        Verify::<BearerToken>::observer(&services),
        Verify::<AccessKey>::observer(&services),
    ] {
        assert!(observer.is_some());
    }
}

/// As a verifier of JWTs does for users.
#[tokio::test]
async fn verifier_of_services_fetches_keys_and_verifies_at_once() {
    let server = KeyServer::start(&[P256.named("k")]).await;
    let services = ServiceVerifier::builder(JwtVerifier::from_jwks(server.url()), "orders").build().unwrap();
    let claims = json!({ "sub": "service:frontend", "aud": "orders", "iat": now(), "exp": now() + 60 });
    let jwt = token(&P256.issue("ES256", Some("k"), &claims));
    assert!(services.try_verify(&jwt).is_none());
    services.fetch_keys().await.unwrap();
    assert_eq!(server.requests(), 1);
    assert!(services.try_verify(&jwt).is_some_and(|verified| verified.is_ok()));
    let gone = ServiceVerifier::builder(JwtVerifier::from_jwks(server.url()), "orders").build().unwrap();
    server.say("500 Oops", "", "");
    assert_eq!(gone.fetch_keys().await.unwrap_err().kind(), ErrorKind::Unavailable);
}

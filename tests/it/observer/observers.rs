use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aigc_auth::credential::{AccessKey, BearerToken};
use aigc_auth::observer::{Event, Observer};
use aigc_auth::testing::Fault;
use aigc_auth::{AuthClient, AuthError, AuthLayer, CurrentUser, UserInfo, Verify};
use axum::Router;
use axum::routing::get;

use super::support::Notes;
use crate::support::rig::{Rig, Seen, TOKEN, ask};

#[derive(Default)]
struct Panics(AtomicUsize);

impl Observer for Panics {
    fn observe(&self, event: &Event) {
        self.0.fetch_add(1, Ordering::Relaxed);
        panic!("in the observer, at {event:?}");
    }
}

#[tokio::test]
async fn panics_of_an_observer_hurt_nobody() {
    let observer = Arc::new(Panics::default());
    let rig = Rig::with(|builder| builder.observer(observer.clone())).await;
    for (credential, expected) in [
        (TOKEN, Seen::user("alice")),
        (TOKEN, Seen::user("alice")),
        ("nobody", Seen::invalid_token()),
        ("nobody", Seen::invalid_token()),
    ] {
        let before = observer.0.load(Ordering::Relaxed);
        assert_eq!(rig.ask(credential).await, expected, "{credential}");
        assert!(observer.0.load(Ordering::Relaxed) > before, "{credential}");
    }
    // In the background, too.
    rig.advance(299);
    rig.ask(TOKEN).await;
    rig.arrived(3).await;
    assert_eq!(rig.ask(TOKEN).await, Seen::user("alice"));
}

/// Asks and changes what it observes, which it must not: it is slow for it, and nothing stands still.
#[derive(Default)]
struct CallsBack(OnceLock<AuthClient>, AtomicUsize);

impl Observer for CallsBack {
    fn observe(&self, _: &Event) {
        let Some(client) = self.0.get() else { return };
        self.1.fetch_add(1, Ordering::Relaxed);
        client.invalidate("another");
        client.invalidate_username("bob");
        let _ = (client.snapshot(), client.is_ready(), client.cache_len(), format!("{client:?}"));
    }
}

#[tokio::test]
async fn observer_that_calls_back_locks_nobody_out() {
    let observer = Arc::new(CallsBack::default());
    let rig = Rig::with(|builder| builder.observer(observer.clone())).await;
    observer.0.set(rig.client.clone()).unwrap();
    let all = async {
        for fault in [None, Some(Fault::status(503)), Some(Fault::Html), None] {
            rig.center.clear_faults();
            fault.into_iter().for_each(|fault| rig.center.inject_fault(fault));
            rig.advance(60);
            for n in 0..8 {
                futures_util::future::join(rig.ask(TOKEN), rig.ask(&format!("t{n}"))).await;
            }
        }
        rig.advance(60);
        rig.ask(TOKEN).await
    };
    let seen = tokio::time::timeout(Duration::from_secs(60), all).await.expect("nobody waits for itself");
    assert_eq!(seen, Seen::user("alice"));
    assert!(observer.1.load(Ordering::Relaxed) > 64);
}

/// A verifier that somebody has wrapped, and that passes on what it was told to.
struct Wrapper {
    client: AuthClient,
    passes_observer_on: bool,
}

macro_rules! verify {
    ($($credential:ty),+) => {$(
        impl Verify<$credential> for Wrapper {
            fn try_verify(&self, credential: &$credential) -> Option<Result<UserInfo, AuthError>> {
                self.client.try_verify(credential)
            }

            async fn verify(&self, credential: $credential) -> Result<UserInfo, AuthError> {
                self.client.verify(credential).await
            }

            fn observer(&self) -> Option<Arc<dyn Observer>> {
                Verify::<$credential>::observer(&self.client).filter(|_| self.passes_observer_on)
            }
        }
    )+};
}

verify!(BearerToken, AccessKey);

fn app(layer: AuthLayer) -> Router {
    Router::new().route("/", get(|user: CurrentUser| async move { user.username().to_owned() })).layer(layer)
}

#[tokio::test]
async fn layer_above_a_wrapped_verifier_has_an_observer_of_its_own() {
    let of_client = Notes::default();
    let rig = Rig::with(|builder| builder.observer(of_client.clone())).await;
    let wrapper = |passes_observer_on| Wrapper { client: rig.client.clone(), passes_observer_on };
    let of_layer = Notes::default();
    let refused = "refused invalid_credential layer bearer";
    let lookups = "lookup auth_center token negative invalid_credential";
    ask(&app(AuthLayer::new(wrapper(false))), "nobody").await;
    of_client.take();
    for (name, layer, by_client, by_layer) in [
        ("not passed on", AuthLayer::new(wrapper(false)), vec![lookups], vec![]),
        ("passed on", AuthLayer::new(wrapper(true)), vec![lookups, refused], vec![]),
        ("its own", AuthLayer::new(wrapper(false)).observer(of_layer.clone()), vec![lookups], vec![refused]),
        ("both", AuthLayer::new(wrapper(true)).observer(of_layer.clone()), vec![lookups], vec![refused]),
        ("in an Arc", AuthLayer::new(Arc::new(wrapper(true))), vec![lookups, refused], vec![]),
        (
            "of access keys",
            AuthLayer::tokens_only(wrapper(false)).with_access_keys(wrapper(true)),
            vec![lookups, refused],
            vec![],
        ),
    ] {
        assert_eq!(ask(&app(layer), "nobody").await, Seen::invalid_token(), "{name}");
        assert_eq!(
            (of_client.lines(), of_layer.lines()),
            (
                by_client.iter().map(ToString::to_string).collect(),
                by_layer.iter().map(ToString::to_string).collect()
            ),
            "{name}"
        );
    }
}

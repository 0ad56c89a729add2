//! The client's lookups and calls.

use std::pin::Pin;
use std::time::Duration;

use aigc_auth::AuthClient;
use aigc_auth::AuthError;
use aigc_auth::client::{AppToken, NewAccessKey, SyncUser};
use aigc_auth::credential::Credential;
use aigc_auth::impersonation::UserDirectory;
use aigc_auth::observer::{Event, LookupAnswer};
use aigc_auth::registry::Registration;
use aigc_auth::testing::Fault;
use futures_util::{FutureExt, TryStreamExt};
use http::HeaderMap;

use super::harness::drop_at_each_await;
use crate::observer::support::Notes;
use crate::support::rig::{KEY, Rig, TOKEN};
use crate::support::until;

/// With so little room that a place which is not given back is missed.
async fn rig() -> (Rig, Notes) {
    let notes = Notes::default();
    let configure = |builder: aigc_auth::AuthClientBuilder| {
        builder.observer(notes.clone()).max_concurrent_lookups(1).max_in_flight(1)
    };
    let rig = Rig::with(configure).await;
    rig.center.add_app_token(7, "other-token", "alice");
    (rig, notes)
}

async fn is_idle(client: &AuthClient) {
    until("nothing is in flight", || {
        let now = client.snapshot();
        (now.lookups, now.in_flight, now.waiting) == (0, 0, 0)
    })
    .await;
}

/// How many lookups were told, and how many of them as abandoned.
fn told(notes: &Notes) -> (usize, usize) {
    let events = notes.take();
    let lookups = || {
        events.iter().filter_map(|event| match event {
            Event::Lookup(lookup) => Some(lookup.answer),
            _ => None,
        })
    };
    (lookups().count(), lookups().filter(|answer| *answer == LookupAnswer::Abandoned).count())
}

#[tokio::test]
async fn lookups_that_are_dropped_hold_no_place_and_are_told_once() {
    // How the cache is before, what fails, and how many callers of the same ask at a time.
    for (case, is_cached, seconds, fails, others) in [
        ("cold", false, 0, false, 0),
        ("cold, and another waits", false, 0, false, 1),
        ("fresh", true, 10, false, 0),
        ("due for a refresh", true, 299, false, 0),
        ("expired", true, 301, false, 0),
        ("expired, and the center fails", true, 301, true, 0),
        ("unknown, and the center fails", false, 0, true, 1),
    ] {
        for credential in [TOKEN, KEY] {
            let (rig, notes) = rig().await;
            let client = &rig.client;
            let known = Credential::new(credential).unwrap();
            let ask = || client.user_of(&known).map(|user| user.map(|user| user.username().to_owned()));
            let dropped = drop_at_each_await(
                case,
                async || {
                    rig.center.clear_faults();
                    client.clear_cache();
                    if is_cached {
                        ask().await.unwrap();
                        rig.advance(seconds);
                    }
                    if fails {
                        rig.center.inject_fault(Fault::status(500));
                    }
                    notes.take();
                    let waiting: Vec<_> = (0..others)
                        .map(|_| {
                            let (client, known) = (client.clone(), known.clone());
                            tokio::spawn(async move { client.user_of(&known).await.map(drop) })
                        })
                        .collect();
                    let user = ask().await;
                    drop(waiting);
                    user
                },
                async |drop, user| {
                    is_idle(client).await;
                    if let Some(user) = user {
                        assert_eq!(user.is_ok(), is_cached || !fails, "{case}: {user:?}");
                    }
                    let (lookups, abandoned) = told(&notes);
                    assert!(
                        abandoned <= 1 && lookups <= 2 + others,
                        "{case}, {drop:?}: {lookups}, {abandoned}"
                    );
                    rig.center.clear_faults();
                    // As long as a failing center is left alone.
                    rig.advance(5);
                    assert_eq!(ask().await.unwrap(), "alice", "{case}, {drop:?}: the next one");
                },
            )
            .await;
            assert!(dropped >= 2, "{case}: dropped at {dropped} places");
        }
    }
}

/// One that waits is told as abandoned, and its lookup goes on for the next.
#[tokio::test]
async fn lookup_goes_on_without_its_caller() {
    let (rig, notes) = rig().await;
    rig.center.delay(Duration::from_millis(20));
    let mut abandoned = 0;
    drop_at_each_await(
        "a lookup",
        async || {
            rig.client.clear_cache();
            rig.client.user_info(TOKEN).await
        },
        async |drop, user| {
            until("the lookup ends", || rig.client.snapshot().lookups == 0).await;
            let is_dropped = user.is_none();
            let (lookups, left) = told(&notes);
            assert_eq!(
                (lookups, left),
                (usize::from(drop.polls > 0), usize::from(is_dropped && drop.polls > 0))
            );
            abandoned += left;
            if is_dropped && drop.polls > 0 {
                rig.client.user_info(TOKEN).await.unwrap();
                assert_eq!(rig.calls(), 1, "{drop:?}: looked up again");
                assert_eq!(told(&notes), (1, 0), "from the cache");
            }
            rig.center.clear_requests();
        },
    )
    .await;
    assert!(abandoned >= 2, "{abandoned}");
}

type Call = Pin<Box<dyn Future<Output = Result<(), AuthError>>>>;

#[tokio::test]
async fn calls_that_are_dropped_hold_no_place() {
    type Make = fn(AuthClient) -> Call;
    let calls: [(&str, Make); 17] = [
        ("find_user", |client| Box::pin(async move { client.find_user(&7.into()).await.map(drop) })),
        ("verify_token", |client| Box::pin(async move { client.verify_token(TOKEN).await.map(drop) })),
        ("verify_access_key", |client| {
            Box::pin(async move { client.verify_access_key(KEY).await.map(drop) })
        }),
        ("check_permissions", |client| {
            Box::pin(async move { client.check_permissions(TOKEN, ["report:read"]).await.map(drop) })
        }),
        ("list_groups", |client| Box::pin(async move { client.list_groups().await.map(drop) })),
        ("batch_users", |client| Box::pin(async move { client.batch_users(["alice"]).await.map(drop) })),
        ("batch_users_by_ids", |client| {
            Box::pin(async move { client.batch_users_by_ids([7]).await.map(drop) })
        }),
        ("list_users", |client| Box::pin(async move { client.list_users(None, 1, 10).await.map(drop) })),
        ("users", |client| {
            Box::pin(async move { client.users(None).try_collect::<Vec<_>>().await.map(drop) })
        }),
        ("compare_users", |client| {
            let other = AppToken::new(7, "other-token");
            Box::pin(async move { client.compare_users(other, other).await.map(drop) })
        }),
        ("create_access_key", |client| {
            Box::pin(async move { client.create_access_key(TOKEN, &NewAccessKey::new()).await.map(drop) })
        }),
        ("sync_users", |client| {
            let users = [SyncUser::with_password("bob", "hunter2")];
            Box::pin(async move { client.sync_users(&users, HeaderMap::new()).await.map(drop) })
        }),
        ("register_webhook", |client| {
            Box::pin(async move {
                client
                    .register_webhook(
                        "https://orders.example/hook",
                        &["user.updated"],
                        &"s".repeat(40).into(),
                    )
                    .await
                    .map(drop)
            })
        }),
        ("register_service", |client| {
            let service = Registration::builder("orders")
                .port(8000)
                .ips(["10.0.0.1".parse().unwrap()])
                .service()
                .unwrap();
            Box::pin(async move { client.register_service(&service).await.map(drop) })
        }),
        ("service_heartbeat", |client| {
            let service = Registration::builder("orders")
                .port(8000)
                .ips(["10.0.0.1".parse().unwrap()])
                .service()
                .unwrap();
            Box::pin(async move {
                client.register_service(&service).await?;
                client.service_heartbeat(&service).await.map(drop)
            })
        }),
        ("check", |client| Box::pin(async move { client.check().await })),
        ("access_key_user", |client| Box::pin(async move { client.access_key_user(KEY).await.map(drop) })),
    ];
    let (rig, _) = rig().await;
    let client = &rig.client;
    for (name, make) in calls {
        let (mut ended, mut answered) = (0, 0);
        let dropped = drop_at_each_await(
            name,
            async || {
                client.clear_cache();
                make(client.clone()).await
            },
            async |_, result| {
                is_idle(client).await;
                if let Some(result) = result {
                    ended += 1;
                    answered += usize::from(result.is_ok());
                }
                client.clear_cache();
                client.user_info(TOKEN).await.unwrap_or_else(|error| panic!("after {name}: {error}"));
            },
        )
        .await;
        assert!(dropped >= 2 && ended == 2, "{name}: dropped at {dropped} places");
        assert_eq!(answered, 2, "{name}");
    }
    assert!(client.snapshot().breakers.iter().all(|(_, state)| state.as_str() == "closed"));
}

/// Whoever waits for a place, and leaves, takes none along.
#[tokio::test]
async fn calls_that_wait_for_a_place_leave_it_to_the_next() {
    let (rig, _) = rig().await;
    let client = &rig.client;
    rig.center.delay(Duration::from_millis(3));
    drop_at_each_await(
        "a call that waits",
        async || {
            let first = tokio::spawn({
                let client = client.clone();
                async move { client.list_groups().await.map(drop) }
            });
            tokio::task::yield_now().await;
            let groups = client.list_groups().await.map(drop);
            first.await.unwrap().and(groups)
        },
        async |drop, result| {
            is_idle(client).await;
            assert!(result.is_none_or(|result| result.is_ok()));
            client.list_groups().await.unwrap_or_else(|error| panic!("{drop:?}: {error}"));
        },
    )
    .await;
}

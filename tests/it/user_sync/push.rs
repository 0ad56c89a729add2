//! All users of a legacy system, given to the auth center: what arrives, in which order, and who does not.

use std::collections::BTreeSet;
use std::sync::Arc;

use aigc_auth::Secret;
use aigc_auth::testing::AuthCenter;
use aigc_auth::user_sync::{
    FieldMapping, PasswordPolicy, PushEvent, PushFailure, PushOptions, PushSummary, SyncConfig,
    SyncErrorKind, SyncMode, UserSync,
};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::sync::Barrier;

use crate::support::{self, random};
use crate::user_sync::support::{Desk, Store, all_created, config, mappings, numbered, row};

/// A center, and what pushes this store's users to it.
pub(crate) async fn with_center(store: &Store, config: SyncConfig) -> (AuthCenter, UserSync) {
    let center = AuthCenter::start().await;
    let sync = UserSync::new(support::client(&center), store.clone(), config).unwrap();
    (center, sync)
}

fn counts(summary: &PushSummary) -> [u64; 4] {
    [summary.total, summary.created, summary.skipped, summary.failed]
}

fn named(failures: &[PushFailure]) -> Vec<(&str, &str)> {
    failures.iter().map(|failure| (&*failure.user, &*failure.reason)).collect()
}

fn names(batch: &[Value]) -> Vec<&str> {
    batch.iter().map(|user| user["username"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn push_sends_chunks_of_100_and_is_idempotent() {
    for users in [0, 1, 99, 100, 101, 250] {
        let store = Store::generated(users, numbered);
        let (center, sync) = with_center(&store, config()).await;
        let summary = sync.push_all(PushOptions::new()).finish().await.unwrap();
        assert_eq!((counts(&summary), summary.failures), ([users, users, 0, 0], vec![]));
        let mut sizes: Vec<_> =
            center.requests().iter().map(|call| call.body["users"].as_array().unwrap().len()).collect();
        sizes.sort();
        let mut expected = vec![100; usize::try_from(users / 100).unwrap()];
        expected.extend((users % 100 > 0).then_some(usize::try_from(users % 100).unwrap()));
        expected.sort();
        assert_eq!(sizes, expected);
        let there = center.users();
        assert_eq!(there.len() as u64, users);
        let again = sync.push_all(PushOptions::new()).finish().await.unwrap();
        assert_eq!((counts(&again), center.users()), ([users, 0, users, 0], there));
    }
}

#[tokio::test]
async fn pushed_fields_follow_mappings_and_password_policy() {
    let [one, two] =
        ["1", "2"].map(|last| format!("$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhW{last}"));
    let store = Store::of([
        json!({"login": "bob", "mail": "b@x", "nick": null, "is_active": false, "hash": one, "extra": 1}),
        json!({"login": "eve", "hash": two}),
    ]);
    let hash = |user: &serde_json::Map<String, Value>, _| Some(Secret::from(user["hash"].as_str()?));
    for (passwords, of_bob, of_eve) in [
        (PasswordPolicy::unified("first"), json!({"password": "first"}), json!({"password": "first"})),
        (PasswordPolicy::mapped(hash), json!({"password": one}), json!({"password": two})),
        (PasswordPolicy::mapped_hash(hash), json!({"password_hashed": one}), json!({"password_hashed": two})),
        (
            PasswordPolicy::locked().push_hash("hash"),
            json!({"password_hashed": one}),
            json!({"password_hashed": two}),
        ),
    ] {
        let desk = Desk::start(all_created).await;
        let sync = desk.sync(&store, config().password_policy(passwords));
        sync.push_all(PushOptions::new()).finish().await.unwrap();
        let mut bob = json!({"username": "bob", "email": "b@x", "status": "disabled"});
        bob.as_object_mut().unwrap().extend(of_bob.as_object().unwrap().clone());
        let mut eve = json!({"username": "eve"});
        eve.as_object_mut().unwrap().extend(of_eve.as_object().unwrap().clone());
        assert_eq!(desk.batches(), [[bob, eve]]);
    }
}

#[tokio::test]
async fn chunks_in_flight_and_read_ahead_are_limited() {
    for (options, most) in [
        (PushOptions::new(), 4),
        (PushOptions::new().max_in_flight(1), 1),
        (PushOptions::new().max_in_flight(0), 1),
        (PushOptions::new().max_in_flight(8), 8),
    ] {
        let store = Store::generated(1_600, numbered);
        // No call goes on before so many are there.
        let barrier = Arc::new(Barrier::new(most));
        let desk = Desk::behind(all_created, move || {
            let barrier = barrier.clone();
            async move {
                barrier.wait().await;
            }
        })
        .await;
        let mut push = desk.sync(&store, config()).push_all(options);
        let mut done = 0;
        while let Some(event) = push.next().await {
            let PushEvent::Progress(summary) = event.unwrap() else { panic!("progress alone") };
            assert!(summary.total >= done, "in order");
            done = summary.total;
            // Nothing is read ahead of what is in flight.
            assert!(store.read() <= done + 100 * most as u64, "{} read, {done} done", store.read());
        }
        assert_eq!((done, desk.most_open()), (1_600, most));
    }
}

#[tokio::test]
async fn progress_follows_user_order() {
    // Of each four chunks the last is answered first.
    let barrier = Arc::new(Barrier::new(4));
    let desk = Desk::behind(all_created, move || {
        let barrier = barrier.clone();
        async move {
            barrier.wait().await;
        }
    })
    .await;
    let store = Store::generated(800, |number| {
        if number % 100 == 7 { Ok(row(json!({ "mail": number }))) } else { numbered(number) }
    });
    let mut events = vec![];
    let mut push = desk.sync(&store, config()).push_all(PushOptions::new());
    while let Some(event) = push.next().await {
        events.push(match event.unwrap() {
            PushEvent::Failed(failure) => failure.user,
            PushEvent::Progress(summary) => format!("{:?}", counts(&summary)),
            other => panic!("{other:?}"),
        });
    }
    let mut expected = vec![];
    for chunk in 1..=8_u64 {
        expected.push(format!("row {}", chunk * 100 - 93));
        expected.push(format!("{:?}", [chunk * 100, chunk * 99, 0, chunk]));
    }
    assert_eq!(events, expected);
}

#[tokio::test]
async fn invalid_users_are_reported_and_others_sent() {
    let long = "长".repeat(10_000);
    let odd = [
        (r#"O'Brien "the" \ %s; DROP TABLE"#, None),
        ("😀 中文 e\u{301}", None),
        ("line\nbreak\t", None),
        (&long, None),
        ("user-1", Some("an earlier row has the same username")),
        ("nul\0", Some("`login` has a NUL character")),
        ("unmappable", Some("`nick` cannot be mapped: no such nickname")),
        ("panics", Some("a mapping or the password policy panicked")),
        ("no-password", Some("the password policy has no password for this user")),
        ("empty-password", Some("the password policy has no password for this user")),
        ("policy-panics", Some("a mapping or the password policy panicked")),
        ("", Some("`login` is empty, and required")),
    ];
    let rows = odd.map(|(name, _)| row(json!({"login": name, "nick": name, "mail": "x".repeat(10_000)})));
    // Every tenth row is an odd one, as long as there are some.
    let store = Store::generated(300, move |number| match (number % 10, rows.get(number as usize / 10)) {
        (5, Some(row)) => Ok(row.clone()),
        _ => numbered(number),
    });
    let nick = FieldMapping::new("nickname", "nick").to_auth(|nick| match nick.as_str() {
        Some("unmappable") => Err("no such nickname".into()),
        Some("panics") => panic!("in the mapping"),
        _ => Ok(nick.clone()),
    });
    let mappings = mappings().into_iter().filter(|mapping| mapping.legacy_field() != "nick").chain([nick]);
    let passwords = PasswordPolicy::mapped(|user, _| match user["login"].as_str() {
        Some("no-password") => None,
        Some("empty-password") => Some(Secret::from("")),
        Some("policy-panics") => panic!("in the policy"),
        _ => Some(Secret::from("first")),
    });
    let (center, sync) = with_center(&store, config().mappings(mappings).password_policy(passwords)).await;
    let summary = sync.push_all(PushOptions::new()).finish().await.unwrap();
    let mut expected: Vec<_> = odd.iter().filter_map(|(name, why)| Some((*name, (*why)?))).collect();
    // A user without a name is named by the row.
    expected.last_mut().unwrap().0 = "row 115";
    assert_eq!(named(&summary.failures), expected);
    assert_eq!(counts(&summary), [300, 292, 0, 8]);
    let there: BTreeSet<String> = center.users().iter().map(|user| user.username().to_string()).collect();
    assert_eq!(there.len(), 292);
    for (name, _) in odd.iter().filter(|(_, why)| why.is_none()) {
        let user = center.users().into_iter().find(|user| user.username() == *name).unwrap();
        assert_eq!((user.nickname(), user.email().map(str::len)), (Some(*name), Some(10_000)));
    }
}

#[tokio::test]
async fn rejected_chunk_is_bisected() {
    let mut random = random();
    for (status, code) in [(200, 400), (400, 400), (413, 413), (422, 422), (200, 409)] {
        for culprits in [0, 1, 2, 7, 250] {
            let mut all: Vec<u64> = (1..=250).collect();
            random.shuffle(&mut all);
            let culprits: BTreeSet<String> =
                all[..culprits].iter().map(|number| format!("user-{number}")).collect();
            let invalid = culprits.clone();
            let desk = Desk::start(move |users| {
                let is_culprit = |user: &Value| invalid.contains(user["username"].as_str().unwrap());
                if users.iter().any(is_culprit) {
                    return (status, json!({"code": code, "message": "not like this", "data": null}));
                }
                all_created(users)
            })
            .await;
            let case = format!("{status}, {code}: {culprits:?}");
            let summary = desk.sync(&Store::generated(250, numbered), config()).push_all(PushOptions::new());
            let summary = summary.finish().await.unwrap();
            let failed = culprits.len() as u64;
            assert_eq!(counts(&summary), [250, 250 - failed, 0, failed], "{case}");
            let said: BTreeSet<String> =
                summary.failures.iter().map(|failure| failure.user.clone()).collect();
            assert_eq!(said, culprits, "{case}");
            assert!(summary.failures.iter().all(|failure| !failure.reason.is_empty()));
            // Those who were accepted were so once.
            let batches = desk.batches();
            let accepted = batches.iter().filter(|batch| {
                let names = names(batch);
                names.iter().all(|name| !culprits.contains(*name))
            });
            let accepted: Vec<_> = accepted.flat_map(|batch| names(batch)).collect();
            let distinct: BTreeSet<_> = accepted.iter().collect();
            assert_eq!((accepted.len(), distinct.len()), (250 - culprits.len(), 250 - culprits.len()));
            // Halving finds one in seven steps of two calls.
            assert!(batches.len() <= 3 + 14 * culprits.len(), "{case}: {} calls", batches.len());
        }
    }
}

#[tokio::test]
async fn per_user_errors_are_in_summary() {
    let desk = Desk::start(|users| {
        let data = json!({"total": users.len(), "success": 96, "failed": 3, "skipped": 1, "errors": [
            {"user": "user-3", "error": "the e-mail address is taken"},
            "user-7: no",
            {"username": "user-8", "message": "first is weak"},
        ]});
        (200, json!({"code": 0, "message": "success", "data": data}))
    })
    .await;
    let mut push = desk.sync(&Store::generated(100, numbered), config()).push_all(PushOptions::new());
    let mut failed = vec![];
    let mut last = PushSummary::default();
    while let Some(event) = push.next().await {
        match event.unwrap() {
            PushEvent::Failed(failure) => failed.push(failure),
            PushEvent::Progress(summary) => last = summary,
            other => panic!("{other:?}"),
        }
    }
    let expected = [
        ("user-3", "the e-mail address is taken"),
        ("unnamed", "user-7: no"),
        ("user-8", "the auth center's reason is not shown, since it contains a password"),
    ];
    assert_eq!((named(&last.failures), named(&failed)), (expected.to_vec(), expected.to_vec()));
    assert_eq!(counts(&last), [100, 96, 1, 3]);
}

#[tokio::test]
async fn summary_keeps_1000_failures_and_events_report_all() {
    let store = Store::generated(1_500, |number| Ok(row(json!({ "mail": number }))));
    let (center, sync) = with_center(&store, config()).await;
    let mut push = sync.push_all(PushOptions::new());
    let (mut reported, mut last) = (0, PushSummary::default());
    while let Some(event) = push.next().await {
        match event.unwrap() {
            PushEvent::Failed(_) => reported += 1,
            PushEvent::Progress(summary) => last = summary,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((reported, last.failures.len(), counts(&last)), (1_500, 1_000, [1_500, 0, 0, 1_500]));
    assert_eq!(center.calls("/sync/batch"), 0, "without valid users, nothing is sent");
}

#[tokio::test]
async fn dry_run_sends_nothing() {
    let store = Store::generated(250, |number| match number {
        7 => Ok(row(json!({}))),
        8 => numbered(1),
        _ => numbered(number),
    });
    let (center, sync) = with_center(&store, config()).await;
    let file = std::env::temp_dir().join(format!("aigc-auth-dry-{}.json", std::process::id()));
    let summary = sync.push_all(PushOptions::new().dry_run().checkpoint(&file)).finish().await.unwrap();
    let expected =
        [("row 7", "`login` is missing, and required"), ("user-1", "an earlier row has the same username")];
    assert_eq!((named(&summary.failures), counts(&summary)), (expected.to_vec(), [250, 248, 0, 2]));
    assert_eq!((center.requests().len(), file.exists(), store.read()), (0, false, 250));
}

#[tokio::test]
async fn disabled_push_fails_with_reason() {
    let off = "sync from the legacy system to the auth center is off (SyncConfig::mode)";
    let none = "no user is created without a password policy (SyncConfig::password_policy)";
    let new = || SyncConfig::new().mappings(mappings());
    for (config, kind, expected) in [
        (config().mode(SyncMode::AuthToLegacy), SyncErrorKind::Off, off),
        (config().mode(SyncMode::Off), SyncErrorKind::Off, off),
        (new(), SyncErrorKind::Off, off),
        (new().mode(SyncMode::LegacyToAuth), SyncErrorKind::NoPassword, none),
    ] {
        let store = Store::generated(10, numbered);
        let (center, sync) = with_center(&store, config).await;
        for options in [PushOptions::new(), PushOptions::new().dry_run()] {
            let error = sync.push_all(options).finish().await.unwrap_err();
            assert_eq!((error.kind(), error.to_string()), (kind, expected.to_owned()));
        }
        assert_eq!((center.requests().len(), store.read()), (0, 0));
    }
}

#[tokio::test]
async fn push_is_lazy() {
    let store = Store::generated(1_000, numbered);
    let (center, sync) = with_center(&store, config()).await;
    drop(sync.push_all(PushOptions::new()));
    assert_eq!((center.requests().len(), store.read()), (0, 0));
    let mut push = sync.push_all(PushOptions::new().max_in_flight(2));
    assert!(push.next().await.is_some());
    drop(push);
    // One is done, and its place is taken by another only when it is polled again.
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(store.read(), 200);
    assert!(center.calls("/sync/batch") <= 2);
}

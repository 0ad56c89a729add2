//! What [`CachedMemberships`] keeps, asks and forgets.

use std::time::Duration;

use aigc_auth::UserId;
use aigc_auth::error::ErrorKind::{self, Denied, Internal, Unavailable};
use aigc_auth::invalidate::{Invalidate, Invalidation};
use aigc_auth::tenant::{CachedMemberships, Membership, Memberships, NoMembership, OrgId, TenantPolicy};
use aigc_auth::testing::Clock;
use futures_util::future::join_all;

use super::support::{Said, Table, app, status, unavailable};
use crate::support::until;

fn cached(table: &Table) -> (CachedMemberships<Table>, Clock) {
    let clock = Clock::held();
    (CachedMemberships::builder(table.clone()).clock(clock.clone()).build(), clock)
}

async fn find(cached: &CachedMemberships<Table>, user: impl Into<UserId>, org: Option<&str>) -> Said {
    let user = user.into();
    match cached.try_find_membership(&user, org) {
        Some(said) => said,
        None => cached.find_membership(&user, org.map(OrgId::from).as_ref()).await,
    }
}

fn kind(said: &Said) -> Option<ErrorKind> {
    said.as_ref().err().map(|error| error.kind())
}

#[tokio::test]
async fn answers_are_kept_as_long_as_they_may_be() {
    let table = Table::new();
    let (cached, clock) = cached(&table);
    let member = || Membership::builder(7, "acme").roles(["admin"]).build();
    // After so many seconds, what the table says, what is found, and how often the table was asked by then.
    for (at, (after, said, expected, asked)) in [
        (0, Ok(member()), None, 1),
        (41, Ok(member()), None, 1),
        // Past the TTL.
        (20, Ok(member()), None, 2),
        // An outage: stale for 300 s more.
        (61, Err(unavailable()), None, 3),
        (298, Err(unavailable()), None, 4),
        (2, Err(unavailable()), Some(Unavailable), 5),
        // Nobody can tell is not kept, but for the pause of a second.
        (1, Err(NoMembership::Suspended.into()), Some(Denied), 6),
        (4, Ok(member()), Some(Denied), 6),
        (1, Ok(member()), None, 7),
        // A verdict ends what was cached.
        (61, Err(NoMembership::OrgDeleted.into()), Some(Denied), 8),
        (0, Err(unavailable()), Some(Denied), 8),
    ]
    .into_iter()
    .enumerate()
    {
        clock.advance(Duration::from_secs(after));
        match said {
            Ok(membership) => table.say(7, Some("acme"), membership),
            Err(error) => table.refuse(7, Some("acme"), error),
        }
        let found = find(&cached, 7, Some("acme")).await;
        assert_eq!((kind(&found), table.asked()), (expected, asked), "step {at}: {found:?}");
    }
}

#[tokio::test]
async fn end_of_a_membership_is_the_end_of_its_entry() {
    let (table, now) = (Table::new(), std::time::SystemTime::now());
    let (cached, clock) = cached(&table);
    table.say(7, Some("acme"), Membership::builder(7, "acme").valid_until(now + Duration::from_secs(10)));
    for (after, asked) in [(0, 1), (4, 1), (7, 2)] {
        clock.advance(Duration::from_secs(after));
        assert!(find(&cached, 7, Some("acme")).await.is_ok());
        assert_eq!(table.asked(), asked, "{after} s later");
    }
}

#[tokio::test]
async fn hundred_requests_ask_once() {
    let table = Table::held();
    let (cached, _) = cached(&table);
    let app = app(TenantPolicy::new(cached));
    let asking = join_all((0..100).map(|_| status(&app, "alice-token", &[("x-org-id", "acme")])));
    let (statuses, ()) = tokio::join!(asking, async {
        until("the table is asked", || table.asked() == 1).await;
        table.gate.add_permits(100);
    });
    assert_eq!((statuses, table.asked()), (vec![200; 100], 1));
    assert_eq!(status(&app, "alice-token", &[("x-org-id", "acme")]).await, 200);
    assert_eq!(table.asked(), 1);
}

#[tokio::test]
async fn invalidation_covers_members_and_those_who_are_none() {
    let table = Table::new();
    table.say(9, Some("acme"), Membership::builder(9, "acme"));
    let (cached, _) = cached(&table);
    // The queries: alice at acme, at umbrella, by default and where she is none; bob at acme; nine at acme.
    let queries: [(UserId, Option<&str>); 6] = [
        (7.into(), Some("acme")),
        (7.into(), Some("umbrella")),
        (7.into(), None),
        (7.into(), Some("elsewhere")),
        ("u-8".into(), Some("acme")),
        (9.into(), Some("acme")),
    ];
    let apply = |invalidation| cached.apply(&invalidation);
    let user = |id: UserId| Invalidation::of(Some(id), None);
    type Invalidate<'a> = Box<dyn Fn() + 'a>;
    let invalidate: Vec<(&str, Invalidate<'_>, [bool; 6])> = vec![
        ("nothing", Box::new(|| {}), [false; 6]),
        ("a user", Box::new(|| cached.invalidate_user(7)), [true, true, true, true, false, false]),
        (
            "a user by their digits",
            Box::new(|| cached.invalidate_user("7")),
            [true, true, true, true, false, false],
        ),
        (
            "an organisation",
            Box::new(|| cached.invalidate_org("acme")),
            [true, false, false, false, true, true],
        ),
        // The default of alice is in it.
        (
            "a default",
            Box::new(|| cached.invalidate_org("home-7")),
            [false, false, true, false, false, false],
        ),
        (
            "one of nobody",
            Box::new(|| cached.invalidate_org("elsewhere")),
            [false, false, false, true, false, false],
        ),
        ("another user", Box::new(|| cached.invalidate_user(8)), [false; 6]),
        ("everything", Box::new(|| cached.clear_cache()), [true; 6]),
        ("an event about a user", Box::new(|| apply(user(7.into()))), [true, true, true, true, false, false]),
        (
            "one about an organisation",
            Box::new(|| apply(Invalidation::Org { id: "acme".into() })),
            [true, false, false, false, true, true],
        ),
        // Memberships do not tell usernames.
        ("one about a name", Box::new(|| apply(Invalidation::of(None, Some("alice")))), [true; 6]),
        ("one about anybody", Box::new(|| apply(Invalidation::All)), [true; 6]),
    ];
    for (user, org) in &queries {
        let _ = find(&cached, user.clone(), *org).await;
    }
    for (what, invalidate, asked_again) in invalidate {
        invalidate();
        for ((user, org), expected) in queries.iter().zip(asked_again) {
            table.asked_about();
            let _ = find(&cached, user.clone(), *org).await;
            assert_eq!(table.asked() == 1, expected, "{what}: {user} {org:?}");
        }
    }
}

/// An organisation that was deleted a second ago, while a look-up was on its way.
#[tokio::test]
async fn answer_from_before_an_invalidation_is_not_served() {
    for (what, user, org, before) in [
        ("an answer", 7, Some("acme"), None),
        ("the default", 7, None, None),
        ("a refusal", 7, Some("acme"), Some(NoMembership::NotAMember)),
    ] {
        let table = Table::held();
        let (cached, _) = cached(&table);
        if let Some(before) = before {
            table.refuse(user, org, before);
        }
        let (found, ()) = tokio::join!(find(&cached, user, org), async {
            until("the table is asked", || table.asked() == 1).await;
            match before {
                None => table.refuse(user, org, NoMembership::OrgDeleted),
                Some(_) => table.say(user, org, Membership::builder(user, "acme")),
            }
            cached.invalidate_org(if org.is_some() { "acme" } else { "home-7" });
            table.gate.add_permits(10);
        });
        assert_eq!((found.is_ok(), table.asked()), (before.is_some(), 2), "{what}: {found:?}");
        assert_eq!(find(&cached, user, org).await.is_ok(), before.is_some(), "{what}");
        assert_eq!(table.asked(), 2, "{what}");
    }
}

#[tokio::test]
async fn deleted_organisation_is_refused_at_once() {
    let table = Table::new();
    let (cached, clock) = cached(&table);
    let app = app(TenantPolicy::new(cached.clone()));
    let acme = [("x-org-id", "acme")];
    assert_eq!(
        (status(&app, "alice-token", &acme).await, status(&app, "bob-token", &acme).await),
        (200, 200)
    );
    table.refuse(7, Some("acme"), NoMembership::OrgDeleted);
    table.refuse("u-8", Some("acme"), NoMembership::OrgDeleted);
    clock.advance(Duration::from_secs(1));
    cached.apply(&Invalidation::Org { id: "acme".into() });
    assert_eq!(
        (status(&app, "alice-token", &acme).await, status(&app, "bob-token", &acme).await),
        (403, 403)
    );
}

/// One user who sends any number of ids of organisations evicts nobody, and fills no memory.
#[tokio::test]
async fn random_ids_evict_no_member() {
    let (table, clock) = (Table::new(), Clock::held());
    let cached = CachedMemberships::builder(table.clone()).cache_capacity(100).clock(clock).build();
    assert!(find(&cached, 7, Some("acme")).await.is_ok());
    for n in 0..20_000 {
        assert_eq!(kind(&find(&cached, "u-8", Some(&format!("org-{n}"))).await), Some(Denied));
    }
    table.asked_about();
    assert!(find(&cached, 7, Some("acme")).await.is_ok());
    assert_eq!((table.asked(), cached.cache_len()), (0, 1));
}

#[tokio::test]
async fn lookups_at_a_time_are_limited() {
    let (table, clock) = (Table::held(), Clock::held());
    let cached =
        CachedMemberships::builder(table.clone()).max_concurrent_lookups(1).clock(clock.clone()).build();
    let acme = find(&cached, 7, Some("acme"));
    let (first, (same, other)) = tokio::join!(acme, async {
        until("the table is asked", || table.asked() == 1).await;
        let other = find(&cached, 7, Some("umbrella")).await;
        let same = find(&cached, 7, Some("acme"));
        table.gate.add_permits(10);
        (same.await, other)
    });
    assert!(first.is_ok() && same.is_ok(), "who waits for the same takes no place: {same:?}");
    let error = other.unwrap_err();
    assert_eq!(error.kind(), Unavailable);
    assert!(error.detail().unwrap().contains("max_concurrent_lookups"), "{error}");
    assert!(find(&cached, 7, Some("umbrella")).await.is_ok(), "once the first has its answer");
    let none = CachedMemberships::builder(table).max_concurrent_lookups(0).clock(clock).build();
    assert!(find(&none, 7, Some("acme")).await.is_ok(), "at least 1");
}

#[tokio::test(start_paused = true)]
async fn source_that_does_not_answer_is_asked_less() {
    let table = Table::new();
    table.silence(true);
    let cached = CachedMemberships::builder(table.clone()).timeout(Duration::from_secs(2)).build();
    let app = app(TenantPolicy::new(cached.clone()));
    let started = tokio::time::Instant::now();
    for n in 0..20 {
        assert_eq!(status(&app, "alice-token", &[("x-org-id", &*format!("org-{n}"))]).await, 503);
    }
    assert_eq!((table.asked(), started.elapsed().as_secs()), (5, 10), "then the circuit breaker is open");
}

/// By the defaults: the cache gives the source up while requests still wait, and has something to serve.
#[tokio::test(start_paused = true)]
async fn source_that_hangs_leaves_members_what_is_cached() {
    let table = Table::new();
    let (cached, clock) = cached(&table);
    let app = app(TenantPolicy::new(cached));
    for (passed, hangs, who, expected) in [
        (0, false, "alice-token", 200),
        // Past the TTL, and within the time that a stale membership is served.
        (61, true, "alice-token", 200),
        (0, true, "bob-token", 503),
        (300, true, "alice-token", 503),
    ] {
        clock.advance(Duration::from_secs(passed));
        table.silence(hangs);
        assert_eq!(status(&app, who, &[("x-org-id", "acme")]).await, expected, "{who} {passed} s later");
    }
}

#[tokio::test]
async fn panic_is_an_internal_error() {
    struct Panics;
    impl Memberships for Panics {
        async fn find_membership(&self, _: &UserId, _: Option<&OrgId>) -> Said {
            panic!("in the source of memberships")
        }
    }
    let cached = CachedMemberships::new(Panics);
    assert_eq!(kind(&cached.find_membership(&7.into(), None).await), Some(Internal));
}

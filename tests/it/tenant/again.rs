//! Memberships that were found a moment ago, and what ends that.

use std::time::{Duration, SystemTime};

use aigc_auth::invalidate::{Invalidate, Invalidation};
use aigc_auth::tenant::{
    CachedMemberships, Membership, Memberships, NoMembership, OrgId, Recalled, TenantBinding, TenantPolicy,
};
use aigc_auth::testing::Clock;
use aigc_auth::user::AccessKeyKind;
use aigc_auth::{AuthLayer, UserId, UserInfo};
use axum::Router;
use serde_json::json;

use super::support::{Said, Table, app, ask, routes, status};
use crate::impersonation::support::TokenVerifier;
use crate::support::random;

/// Has a membership looked up, and then found in the cache; returns it.
async fn warm<M: Memberships>(cached: &CachedMemberships<M>, user: &UserId, org: Option<&str>) -> Membership {
    cached.find_membership(user, org.map(OrgId::from).as_ref()).await.unwrap();
    cached.try_find_membership(user, org).expect("it is cached").unwrap()
}

/// Whether something is recalled. Whose it is, is compared later.
fn again<M: Memberships>(cached: &CachedMemberships<M>, user: &UserId, org: Option<&str>) -> bool {
    cached.recall_membership(user, org.map(str::as_bytes)).is_some()
}

#[tokio::test]
async fn membership_is_found_again_for_a_second_and_never_past_its_end() {
    let (second, day) = (Duration::from_secs(1), Duration::from_secs(86_400));
    let now = SystemTime::now();
    let member = || Membership::builder(7, "acme");
    // The TTL, the membership, and for how long it is found again at least, and for how long at most.
    for (ttl, membership, at_least, at_most) in [
        (day, member(), 999, 999),
        (second, member(), 699, 899),
        (Duration::from_millis(100), member(), 69, 89),
        (Duration::ZERO, member(), 0, 0),
        (day, member().valid_until(now + Duration::from_millis(500)), 300, 500),
    ] {
        let (table, clock) = (Table::new(), Clock::held());
        table.say(7, Some("acme"), membership);
        let cached = CachedMemberships::builder(table).cache_ttl(ttl).clock(clock.clone()).build();
        assert!(!again(&cached, &7.into(), Some("acme")), "nobody has asked yet");
        cached.find_membership(&7.into(), Some(&"acme".into())).await.unwrap();
        assert!(!again(&cached, &7.into(), Some("acme")), "the cache has to be asked once");
        let is_cached = cached.try_find_membership(&7.into(), Some("acme")).is_some();
        assert_eq!(is_cached, !ttl.is_zero());
        let mut found_for = 0;
        while is_cached && again(&cached, &7.into(), Some("acme")) {
            clock.advance(Duration::from_millis(1));
            found_for += 1;
        }
        let found_for = found_for.max(1) - 1;
        assert!((at_least..=at_most).contains(&found_for), "{ttl:?}: {found_for} ms");
        if ttl == day && at_most == 999 {
            warm(&cached, &7.into(), Some("acme")).await;
            assert!(again(&cached, &7.into(), Some("acme")), "and for another second");
        }
    }
}

#[tokio::test]
async fn any_invalidation_ends_it_for_all_and_the_cache_knows_whom_it_covers() {
    let (table, clock) = (Table::new(), Clock::held());
    let cached = CachedMemberships::builder(table).clock(clock).build();
    let queries: [(UserId, Option<&str>); 4] = [
        (7.into(), Some("acme")),
        (7.into(), None),
        (7.into(), Some("umbrella")),
        ("u-8".into(), Some("acme")),
    ];
    type Invalidate<'a> = Box<dyn Fn() + 'a>;
    let invalidations: Vec<(&str, Invalidate<'_>, [bool; 4])> = vec![
        ("a user", Box::new(|| cached.invalidate_user(7)), [true, true, true, false]),
        ("the other", Box::new(|| cached.invalidate_user("u-8")), [false, false, false, true]),
        ("a stranger", Box::new(|| cached.invalidate_user(9)), [false; 4]),
        ("an organisation", Box::new(|| cached.invalidate_org("acme")), [true, false, false, true]),
        ("a default", Box::new(|| cached.invalidate_org("home-7")), [false, true, false, false]),
        (
            "an event",
            Box::new(|| cached.apply(&Invalidation::of(Some(7.into()), None))),
            [true, true, true, false],
        ),
        ("everything", Box::new(|| cached.clear_cache()), [true; 4]),
    ];
    for (what, invalidate, covered) in invalidations {
        for (user, org) in &queries {
            warm(&cached, user, *org).await;
            // Once more where the entry was older than the last invalidation.
            warm(&cached, user, *org).await;
            assert!(again(&cached, user, *org), "before {what}: {user} {org:?}");
        }
        invalidate();
        for ((user, org), covered) in queries.iter().zip(covered) {
            assert!(!again(&cached, user, *org), "{what}: {user} {org:?}");
            assert_eq!(cached.try_find_membership(user, *org).is_none(), covered, "{what}: {user} {org:?}");
        }
    }
}

/// What has changed since the last request of a user who sends many.
#[tokio::test]
async fn change_that_is_invalidated_is_seen_by_the_next_request() {
    type Change = fn(&Table);
    let headers = [("x-org-id", "acme"), ("x-team-id", "design")];
    let changes: [(&str, Change, u16, &str); 5] = [
        ("suspended", |table| table.refuse(7, Some("acme"), NoMembership::Suspended), 403, ""),
        ("deleted", |table| table.refuse(7, Some("acme"), NoMembership::OrgDeleted), 403, ""),
        ("nobody can tell", |table| table.refuse(7, Some("acme"), super::support::unavailable()), 503, ""),
        ("no team", |table| table.say(7, Some("acme"), Membership::builder(7, "acme")), 403, ""),
        (
            "another role",
            |table| {
                table.say(
                    7,
                    Some("acme"),
                    Membership::builder(7, "acme").roles(["guest"]).team("design", ["x"]),
                );
            },
            200,
            "guest",
        ),
    ];
    for (what, change, expected, role) in changes {
        for by in ["user", "org", "all"] {
            let table = Table::new();
            let cached = CachedMemberships::builder(table.clone()).clock(Clock::held()).build();
            let app = app(TenantPolicy::new(cached.clone()));
            for _ in 0..5 {
                assert_eq!(status(&app, "alice-token", &headers).await, 200);
            }
            assert_eq!(table.asked(), 1);
            change(&table);
            match by {
                "user" => cached.invalidate_user(7),
                "org" => cached.invalidate_org("acme"),
                _ => cached.clear_cache(),
            }
            for _ in 0..3 {
                let (status, body) = ask(&app, "/", "alice-token", &headers).await;
                assert_eq!(
                    (status, body["roles"][0].as_str().unwrap_or_default()),
                    (expected, role),
                    "{what}, {by}"
                );
            }
        }
    }
}

/// Memberships change without a word: the TTL is how long that takes to be seen, and no request sees less than an earlier one.
#[tokio::test]
async fn change_that_nobody_tells_of_is_seen_with_the_refresh() {
    let (table, clock) = (Table::new(), Clock::held());
    let cached = CachedMemberships::builder(table.clone()).clock(clock.clone()).build();
    let app = app(TenantPolicy::new(cached));
    let acme = [("x-org-id", "acme")];
    assert_eq!(status(&app, "alice-token", &acme).await, 200);
    table.refuse(7, Some("acme"), NoMembership::Suspended);
    let mut seen = Vec::new();
    for _ in 0..120 {
        for _ in 0..3 {
            seen.push(status(&app, "alice-token", &acme).await);
            // The refresh is a task.
            tokio::task::yield_now().await;
        }
        clock.advance(Duration::from_millis(500));
    }
    let first = seen.iter().position(|status| *status == 403).expect("within the TTL");
    assert!((first / 3) * 500 >= 60_000 * 7 / 10, "after {} ms", first / 3 * 500);
    assert!(seen[first..].iter().all(|status| *status == 403), "{seen:?}");
}

/// Ids that follow one another, and those of which both ends are the same, and so their place.
#[tokio::test]
async fn users_and_organisations_share_nothing() {
    struct All;
    impl Memberships for All {
        async fn find_membership(&self, user: &UserId, org: Option<&OrgId>) -> Said {
            let home = OrgId::from(format!("home-{user:?}"));
            Ok(Membership::builder(user.clone(), org.unwrap_or(&home).clone()).build())
        }
    }
    let numbers = (0..3_000).map(UserId::from);
    let texts = (0..300).map(|n| UserId::from(format!("customer-{n:04}-example.com")));
    let digits = (0..300).map(|n: i64| UserId::from(n.to_string()));
    let users: Vec<UserId> = numbers.chain(texts).chain(digits).collect();
    let named = |n: usize, id: &UserId| UserInfo::builder(id.clone(), format!("user-{n}")).build();
    let verifier =
        users.iter().enumerate().fold(TokenVerifier::new(), |verifier, (n, id)| verifier.and(named(n, id)));
    let cached = CachedMemberships::builder(All).clock(Clock::held()).build();
    let layer = AuthLayer::tokens_only(verifier).tenants(TenantPolicy::new(cached.clone()));
    let app = routes().layer(layer);
    let orgs = [None, Some("acme"), Some("umbrella"), Some("tenants-a-example"), Some("tenants-b-example")];
    let mut random = random();
    for _ in 0..20_000 {
        // Mostly of a few, so that they meet.
        let among = if random.bool() { users.len() } else { 20 };
        let n = users.len() - 1 - random.usize(..among);
        let (user, org) = (&users[n], random.choice(orgs).unwrap());
        let headers: Vec<_> = org.map(|org| ("x-org-id", org)).into_iter().collect();
        let (status, body) = ask(&app, "/", &format!("user-{n}-token"), &headers).await;
        let expected = org.map_or_else(|| format!("home-{user:?}"), str::to_owned);
        assert_eq!(status, 200);
        assert_eq!((&body["user"], body["org"].as_str()), (&json!(user), Some(&*expected)));
    }
    let recalled = users.iter().filter(|user| orgs.iter().any(|org| again(&cached, user, *org))).count();
    assert!(recalled > 100, "{recalled}");
}

/// The capacity of the cache bounds what is kept in memory.
#[tokio::test]
async fn evicted_membership_is_not_found_again() {
    let table = Table::new();
    let users: Vec<UserId> = (100..400).map(UserId::from).collect();
    for user in &users {
        table.say(user.clone(), Some("acme"), Membership::builder(user.clone(), "acme"));
    }
    let cached = CachedMemberships::builder(table.clone()).cache_capacity(10).clock(Clock::held()).build();
    for user in &users {
        cached.find_membership(user, Some(&"acme".into())).await.unwrap();
        drop(cached.try_find_membership(user, Some("acme")));
    }
    // The table has memberships of its own, which are the same.
    for user in &users {
        table.refuse(user.clone(), Some("acme"), NoMembership::Suspended);
    }
    let found = users.iter().filter(|user| again(&cached, user, Some("acme"))).count();
    assert!(found <= cached.cache_len() && cached.cache_len() <= 10, "{found} of {}", cached.cache_len());
    assert!(found > 0);
}

/// A wrapper that passes on what is recalled of another user, or in another organisation.
#[tokio::test]
async fn membership_of_another_is_not_believed() {
    struct Mistaken(CachedMemberships<Table>, Table, UserId, &'static str);
    impl Memberships for Mistaken {
        async fn find_membership(&self, user: &UserId, org: Option<&OrgId>) -> Said {
            self.1.find_membership(user, org).await
        }
        fn recall_membership(&self, _: &UserId, _: Option<&[u8]>) -> Option<Recalled> {
            self.0.recall_membership(&self.2, Some(self.3.as_bytes()))
        }
    }
    let table = Table::new();
    let owners =
        [(7.into(), "acme"), (8.into(), "acme"), (UserId::from("7"), "acme"), (7.into(), "umbrella")];
    for (at, (user, org)) in owners.into_iter().enumerate() {
        let of_others = Table::new();
        let owner = Membership::builder(user.clone(), org).roles(["owner"]).team("design", ["x"]);
        of_others.say(user.clone(), Some(org), owner);
        let cached = CachedMemberships::builder(of_others).clock(Clock::held()).build();
        warm(&cached, &user, Some(org)).await;
        assert!(again(&cached, &user, Some(org)));
        let app = app(TenantPolicy::new(Mistaken(cached, table.clone(), user, org)));
        let (status, body) = ask(&app, "/", "alice-token", &[("x-org-id", "acme")]).await;
        let role = if at == 0 { "owner" } else { "admin" };
        assert_eq!((status, body["roles"][0].as_str()), (200, Some(role)), "{at}");
    }
}

/// Whatever came before, a request is answered as if it were the first.
#[tokio::test]
async fn requests_are_answered_as_without_a_cache() {
    let long = "a".repeat(129);
    let table = Table::new();
    let odd =
        |org: &str| Membership::builder(7, org).roles(["odd"]).team("de sign", ["x"]).team(" lab", ["x"]);
    for org in [" acme", "ac me", "爱", "ACME", &*long] {
        table.say(7, Some(org), odd(org));
    }
    table.say(0, None, Membership::builder(0, "home-0"));
    table.say(0, Some("acme"), Membership::builder(0, "acme").team("design", ["member"]));
    table.say("7", Some("acme"), Membership::builder("7", "acme").roles(["text"]));
    let user = |name: &str| UserInfo::builder(7, name);
    let users = [
        UserInfo::builder("7", "text").build(),
        UserInfo::builder(0, "zero").build(),
        UserInfo::builder(0, "app").access_key(AccessKeyKind::App).build(),
        UserInfo::builder(0, "global").access_key(AccessKeyKind::Global).build(),
        user("bound").bound_to(TenantBinding::to_org("acme")).build(),
        user("narrow").bound_to(TenantBinding::to_org("acme").and_team("design")).build(),
        user("odd").bound_to(TenantBinding::to_org(" acme")).build(),
    ];
    let tokens = ["alice", "bob", "text", "zero", "app", "global", "bound", "narrow", "odd"];
    let orgs: [&[u8]; 11] = [
        b"acme",
        b"umbrella",
        b"elsewhere",
        b"ACME",
        b"",
        b" acme",
        b"ac me",
        "爱".as_bytes(),
        long.as_bytes(),
        b"\xff",
        b"home-7",
    ];
    let teams: [&[u8]; 9] =
        [b"design", b"app", b"lab", b"Design", b"", b"de sign", b" lab", b"\xff", long.as_bytes()];
    let policies: [fn(TenantPolicy) -> TenantPolicy; 6] = [
        |policy| policy,
        TenantPolicy::require_org,
        TenantPolicy::without_default_org,
        TenantPolicy::ignore_foreign_teams,
        |policy| policy.org_header("x-team-id").team_header("x-org-id"),
        |policy| policy.org_header("user-agent").team_header("x-team"),
    ];
    let layer = |policy| -> Router {
        let verifier = users.iter().cloned().fold(TokenVerifier::new(), TokenVerifier::and);
        routes().layer(AuthLayer::tokens_only(verifier).tenants(policy))
    };
    let mut random = random();
    for (at, policy) in policies.into_iter().enumerate() {
        let cached = CachedMemberships::builder(table.clone()).clock(Clock::held()).build();
        let (plain, cached) =
            (layer(policy(TenantPolicy::new(table.clone()))), layer(policy(TenantPolicy::new(cached))));
        let names = [["x-org-id", "x-team-id"], ["user-agent", "x-team"]][usize::from(at == 5)];
        for _ in 0..1_500 {
            // Mostly those that are found, so that requests are like earlier ones.
            let mut headers: Vec<(&str, &[u8])> = Vec::new();
            for (name, values) in [(names[0], &orgs[..]), (names[1], &teams[..])] {
                let among = if random.usize(..3) > 0 { 2 } else { values.len() };
                match random.usize(..8) {
                    0..3 => {}
                    lines => (2..if lines == 7 { 4 } else { 3 })
                        .for_each(|_| headers.push((name, values[random.usize(..among)]))),
                }
            }
            if random.usize(..10) == 0 {
                headers.push(("x-act-as-user-id", b"7"));
            }
            let among = if random.bool() { 2 } else { tokens.len() };
            let token = format!("{}-token", tokens[random.usize(..among)]);
            let path = ["/", "/maybe"][random.usize(..2)];
            let expected = ask(&plain, path, &token, &headers).await;
            for _ in 0..3 {
                assert_eq!(
                    ask(&cached, path, &token, &headers).await,
                    expected,
                    "{at}: {token} {path} {headers:?}"
                );
            }
        }
    }
}

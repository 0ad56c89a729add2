//! Changes of memberships while they are looked up: whoever asks after one is answered by it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use aigc_auth::credential::BearerToken;
use aigc_auth::invalidate::{Invalidate, Invalidation};
use aigc_auth::tenant::{CachedMemberships, Membership, Memberships, OrgId, TenantPolicy};
use aigc_auth::{AuthError, AuthLayer, UserId, UserInfo, Verify};
use axum::Router;
use futures_util::future::join_all;
use tokio::task::yield_now;

use super::support::{Said, ask, routes};
use crate::support::random;

const ORGS: [&str; 3] = ["a", "b", "a:b"];

/// Organisations whose one role is the number of their changes.
#[derive(Clone, Default)]
struct Changing(Arc<[AtomicU64; ORGS.len()]>);

impl Changing {
    fn of(&self, org: &str) -> &AtomicU64 {
        &self.0[ORGS.iter().position(|known| *known == org).unwrap()]
    }
}

impl Memberships for Changing {
    async fn find_membership(&self, user: &UserId, org: Option<&OrgId>) -> Said {
        let org = org.unwrap();
        let change = self.of(org.as_str()).load(Ordering::SeqCst);
        // On its way to the cache, as the answer of a database is.
        for _ in 0..fastrand::u8(..4) {
            yield_now().await;
        }
        Ok(Membership::builder(user.clone(), org.clone()).roles([change.to_string()]).build())
    }
}

/// Takes a token for its user's id.
struct AnyToken;

impl Verify<BearerToken> for AnyToken {
    fn try_verify(&self, token: &BearerToken) -> Option<Result<UserInfo, AuthError>> {
        Some(Ok(UserInfo::builder(token.as_str(), token.as_str()).build()))
    }

    async fn verify(&self, token: BearerToken) -> Result<UserInfo, AuthError> {
        Ok(UserInfo::builder(token.as_str(), token.as_str()).build())
    }
}

/// The change that a user is answered by; `None` where others have invalidated the membership during each attempt to find it.
async fn seen(app: &Router, user: &str, org: &str) -> Option<u64> {
    let (status, body) = ask(app, "/", user, &[("x-org-id", org)]).await;
    match status {
        200 => Some(body["roles"][0].as_str().unwrap().parse().unwrap()),
        other => {
            assert_eq!(other, 503);
            None
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn invalidation_is_seen_by_whoever_asks_after_it() {
    let (source, mut seeds, answered) = (Changing::default(), random(), Arc::new(AtomicUsize::new(0)));
    let cached = CachedMemberships::new(source.clone());
    let app = routes().layer(AuthLayer::tokens_only(AnyToken).tenants(TenantPolicy::new(cached.clone())));
    let users = (0..8).map(|number| {
        let (source, cached, app, answered) = (source.clone(), cached.clone(), app.clone(), answered.clone());
        let (mut random, user) = (seeds.fork(), format!("user-{number}"));
        tokio::spawn(async move {
            for _ in 0..250 {
                let org = ORGS[random.usize(..ORGS.len())];
                let latest = match random.u8(..12) {
                    how @ 0..4 => {
                        let change = source.of(org).fetch_add(1, Ordering::SeqCst) + 1;
                        match how {
                            0 => cached.invalidate_org(org),
                            1 => cached.invalidate_user(&*user),
                            2 => cached.apply(&Invalidation::Org { id: org.into() }),
                            _ => cached.clear_cache(),
                        }
                        change
                    }
                    _ => 0,
                };
                if let Some(seen) = seen(&app, &user, org).await {
                    assert!(seen >= latest, "{user} in {org} was answered by change {seen} after {latest}");
                    answered.fetch_add(1, Ordering::SeqCst);
                }
            }
        })
    });
    join_all(users).await.into_iter().for_each(|user| user.unwrap());
    let answered = answered.load(Ordering::SeqCst);
    assert!(answered > 1_000, "{answered} of 2,000");
}

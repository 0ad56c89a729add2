//! Which credentials are known for having been accepted.

use super::*;

/// What a credential that was accepted the last time is known by: its entry, and what is left of it.
#[test]
fn accepted_credentials_stay_known_without_their_entries() {
    let (cache, clock) = cache(1_000);
    let key = token(&cache, "known");
    let rejection = AuthError::new(ErrorKind::InvalidCredential);
    assert!(!cache.is_known(key));
    type Remove = fn(&IdentityCache, Key, &Clock);
    let removals: [(&str, Remove); 4] = [
        ("invalidated by itself", |cache, key, _| cache.invalidate(key, false)),
        ("found invalidated by its user", |cache, key, _| {
            cache.invalidate_user(&1.into());
            assert!(matches!(cache.get(key), Cached::Miss));
        }),
        ("invalidated with all", |cache, _, _| cache.clear()),
        ("ended", |cache, key, clock| {
            cache.limit(key, clock.today() + Duration::from_secs(10));
            clock.jump(Duration::from_secs(11));
            clock.advance(Duration::from_secs(2));
            assert!(matches!(cache.get(key), Cached::Miss));
        }),
    ];
    for (case, remove) in removals {
        cache.insert(key, &user(1, 0), None, cache.epoch());
        assert!(cache.is_known(key) && cache.known.is_empty(), "{case}: one that is cached takes one place");
        remove(&cache, key, &clock);
        assert!(!cache.identities.contains_key(&key) && cache.is_known(key), "{case}");
        cache.insert_negative(key, &rejection, None, cache.epoch());
        assert!(!cache.is_known(key) && cache.known.get(&key).is_none(), "{case}, then rejected");
    }
    let others: Vec<_> = (0..1_500).map(|n| token(&cache, &n.to_string())).collect();
    for other in &others {
        cache.insert(*other, &user(2, 0), None, cache.epoch());
    }
    let evicted: Vec<_> = others.iter().filter(|key| !cache.identities.contains_key(*key)).collect();
    assert!(evicted.len() >= 500 && evicted.iter().all(|key| cache.is_known(**key)), "{}", evicted.len());

    let uncached = CacheTtls { ttl: Duration::ZERO, ..TTLS };
    let cache = IdentityCache::new(1_000, uncached, Duration::from_secs(5), clock);
    cache.insert(key, &user(1, 0), None, 0);
    assert!(cache.is_known(key) && cache.len() == 0, "without a cache");
}

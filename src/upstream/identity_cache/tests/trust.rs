//! What is served through a time without a proof that nothing was missed.

use super::*;
use crate::upstream::identity_cache::trust::TrustTimes;

/// A cache of a cluster, through a time without a proof.
#[test]
fn entries_are_doubted_without_a_proof_and_trusted_again_after_one() {
    let second = Duration::from_secs;
    let times = TrustTimes { window: second(32), degraded_ttl: second(30) };
    let (alone, clock) = cache(100);
    let cache = alone.in_cluster(None, times);
    let (early, late, rejected) = (token(&cache, "early"), token(&cache, "late"), token(&cache, "rejected"));
    let insert = |key, id| cache.insert(key, &user(id, 0), None, cache.epoch());

    // Nothing was heard yet.
    insert(early, 7);
    clock.advance(second(30));
    assert!(matches!(cache.get(early), Cached::Miss), "the short TTL");

    // A proof, of now: the whole TTL, for as long as proofs come.
    cache.renew_trust(Instant::now());
    insert(early, 7);
    clock.advance(second(20));
    cache.renew_trust(Instant::now());
    clock.advance(Duration::from_millis(31_900));
    assert!(is_fresh(&cache.get(early)), "51.9 s old");

    // 32 s after the last one. What was looked up before the end, and answered after it, is doubted as well.
    let before = cache.epoch();
    let error = AuthError::new(ErrorKind::InvalidCredential);
    cache.insert_negative(rejected, &error, None, before);
    clock.advance(Duration::from_millis(100));
    assert!(matches!(cache.get(early), Cached::Miss));
    assert!(matches!(cache.get(rejected), Cached::Miss), "rejections as well");
    cache.insert(late, &user(8, 0), None, before);
    assert!(matches!(cache.get(late), Cached::Miss));
    assert!(
        cache.is_outdated(early, &user(7, 0), before) && !cache.is_invalidated(early, &user(7, 0), before)
    );
    let (stale, epoch) = cache.stale(early).expect("served while nobody can be asked");
    assert!(!cache.is_invalidated(early, &stale, epoch));
    assert!(matches!(cache.get(early), Cached::Miss), "serving it stale makes it no better");

    // What is looked up meanwhile has a short TTL, and is invalidated as ever.
    insert(late, 8);
    clock.advance(Duration::from_millis(29_900));
    assert!(!matches!(cache.get(late), Cached::Miss));
    clock.advance(Duration::from_millis(100));
    assert!(matches!(cache.get(late), Cached::Miss));

    // A proof that was asked for too long ago proves nothing of now.
    let long_ago = Instant::now().checked_sub(second(33)).expect("a machine that runs for a minute");
    cache.renew_trust(long_ago);
    assert!(matches!(cache.get(early), Cached::Miss));

    // What was missed is applied before the proof: all but that is trusted again.
    insert(late, 8);
    cache.invalidate_user(&8.into());
    cache.renew_trust(Instant::now());
    assert!(is_fresh(&cache.get(early)), "82 s old, of 300");
    assert!(matches!(cache.get(late), Cached::Miss));
    insert(late, 8);
    clock.advance(second(31));
    assert!(is_fresh(&cache.get(late)), "the whole TTL again");
    cache.clear();
    assert!(cache.stale(early).is_none(), "a gap forgets");
}

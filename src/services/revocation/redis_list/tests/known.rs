//! What a replica knows, in single cases.

use std::time::Duration;

use super::history::{ASK_EVERY, name};
use crate::services::revocation::list::{ALL, Kind, RevokedList};
use crate::services::revocation::redis_list::found::{Found, FoundEntry};
use crate::services::revocation::redis_list::known::{Known, Touch};
use crate::types::revocation::{RevocationStatus, TokenIds};
use crate::util::clock::Clock;

/// A list that has overflowed asks, and does not say that it knows.
#[test]
fn full_list_has_redis_asked() {
    let clock = Clock::held();
    let known = Known::new(RevokedList::new(clock.clone(), 2, vec![]), ASK_EVERY, 100);
    known.connected();
    let found = |id: &str| Found {
        name: name(Kind::Token, id),
        entry: Some(FoundEntry { before: ALL, rest: Some(60_000) }),
    };
    known.looked_up(&[found("a"), found("b"), found("c")]);
    known.read();
    assert_eq!((known.touch(), known.version()), (Touch::Out, 0));
    for (jti, expected) in
        [("a", RevocationStatus::Revoked), ("c", RevocationStatus::Unknown), ("d", RevocationStatus::Unknown)]
    {
        assert_eq!(known.status(&TokenIds::new("u").with_jti(jti)), expected, "{jti}");
    }
}

#[test]
fn answers_are_used_for_the_interval() {
    let clock = Clock::held();
    let known = Known::new(RevokedList::new(clock.clone(), 10, vec![]), ASK_EVERY, 100);
    let ids = TokenIds::new("u").with_jti("a");
    assert_eq!(known.status(&ids), RevocationStatus::Unknown);
    assert!(!known.answered(&ids, known.asking(), &[]));
    clock.advance(Duration::from_millis(ASK_EVERY - 1));
    assert_eq!(known.status(&ids), RevocationStatus::Valid);
    clock.advance(Duration::from_millis(1));
    assert_eq!(known.status(&ids), RevocationStatus::Unknown);
    let found =
        Found { name: name(Kind::Token, "a"), entry: Some(FoundEntry { before: ALL, rest: Some(7_000) }) };
    assert!(known.answered(&ids, known.asking(), &[found]));
    assert_eq!(known.status(&ids), RevocationStatus::Revoked);
    clock.advance(Duration::from_millis(7_000));
    assert_eq!(known.status(&ids), RevocationStatus::Unknown);
}

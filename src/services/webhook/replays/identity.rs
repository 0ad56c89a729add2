use sha2::{Digest, Sha256};

use crate::ports::replay_memory::ReplayTag;
use crate::services::webhook::event::RawEvent;
use crate::services::webhook::verification::VerifiedDelivery;

/// What an event is known by when it comes again.
///
/// An event with a `webhook-id` is known by that. One without is known by its bytes, as the latest of its user: the auth
/// center's bodies have neither id nor time, so that a user who is disabled, enabled and disabled again has two events of the
/// same bytes. A copy comes before the user's next event, or else is handled again.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// The key of the `webhook-id`.
    pub(super) id: Option<ReplayTag>,
    /// The keys of the user, by id and by username, or that of the bytes where the event has no user.
    pub(super) latest: Vec<ReplayTag>,
    /// The value of these keys when the event was handled.
    pub(super) handled: ReplayTag,
    /// The same from the start of its handler on.
    pub(super) started: ReplayTag,
    /// The key that a process claims while its handler runs.
    pub(super) run: ReplayTag,
}

impl Identity {
    /// `scope` keeps the endpoints of a service apart.
    pub(crate) fn new(scope: &str, event: &RawEvent, delivery: &VerifiedDelivery) -> Self {
        let tag = |kind: &str, what: &[u8]| tag(scope, kind, what);
        // An id that comes with a valid plain signature as well is known when it comes without its id, too.
        let bytes = if delivery.has_id { delivery.body_key } else { Some(delivery.key) };
        let value = bytes.unwrap_or(delivery.key);
        let mut latest: Vec<_> = event.subjects().map(|(kind, name)| tag(kind, name.as_bytes())).collect();
        if latest.is_empty() {
            latest.extend(bytes.map(|bytes| tag("body", &bytes)));
        }
        let id = delivery.has_id.then(|| tag("id", &delivery.key));
        let handled = tag("handled", &value);
        Self { id, latest, handled, started: marked(handled), run: marked(id.unwrap_or(handled)) }
    }
}

/// Returns another tag than this one and all that are hashed, without a hash.
fn marked(tag: ReplayTag) -> ReplayTag {
    let mut bytes = *tag.as_bytes();
    bytes[0] ^= 1;
    ReplayTag::new(bytes)
}

fn tag(scope: &str, kind: &str, what: &[u8]) -> ReplayTag {
    let mut hash = Sha256::new();
    for part in [scope.as_bytes(), kind.as_bytes(), what] {
        // With their lengths, so that no two lists of parts have the same bytes.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    ReplayTag::new(hash.finalize().into())
}

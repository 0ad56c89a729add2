//! Share a number of slots fairly: whoever asks for many takes none from those who ask for few.
//!
//! A caller is a stranger until the auth center has accepted its credential, and again once it rejects it. Strangers together
//! hold four fifths of the slots at most, and one network four times as many as strangers have left; all callers whose address
//! is unknown count as one network. Of those that wait, the service and known callers are served first, up to four fifths;
//! then network by network, each in the order of arrival.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::upstream::owner::Owner;

/// A number of slots. Clones share them.
#[derive(Clone)]
pub(crate) struct Slots(Arc<Shared>);

struct Shared {
    limit: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    used: usize,
    used_by_strangers: usize,
    /// Only owners that hold slots.
    held: HashMap<Owner, usize>,
    /// Who waits, by owner and in the order of arrival. In a tree, for there may be ten thousand, who give up in any order.
    waiting: BTreeMap<(Owner, u64), Waiter>,
    /// The turns of the owners that wait.
    queues: HashMap<Owner, u64>,
    /// The same by turn: the service and known callers, who need not be looked for among all strangers, and strangers.
    accepted_turns: BTreeMap<u64, Owner>,
    stranger_turns: BTreeMap<u64, Owner>,
    /// The last number that a waiter or a turn has got.
    last_number: u64,
}

type Waiter = oneshot::Sender<Slot>;

/// One of the slots; free again when this is dropped.
#[must_use]
pub(crate) struct Slot {
    /// `None` once it was given back.
    shared: Option<Arc<Shared>>,
    owner: Owner,
}

impl Slots {
    /// Creates this number of slots, at least 1.
    pub(crate) fn new(limit: usize) -> Self {
        Self(Arc::new(Shared { limit: limit.max(1), state: Mutex::default() }))
    }

    /// Waits for a slot. Dropped before there is one, it leaves the queue.
    pub(crate) async fn acquire(&self, owner: Owner) -> Slot {
        let waiting = {
            let mut state = self.0.lock();
            if !state.queues.contains_key(&owner) && state.allows(owner, self.0.limit) {
                return self.0.take(&mut state, owner);
            }
            let (sender, slot) = oneshot::channel();
            let id = state.enqueue(owner, sender);
            Waiting { shared: &self.0, owner, id, slot, is_granted: false }
        };
        waiting.slot().await
    }

    /// Returns a slot if one is free for this owner now.
    pub(crate) fn try_acquire(&self, owner: Owner) -> Option<Slot> {
        let mut state = self.0.lock();
        state.allows(owner, self.0.limit).then(|| self.0.take(&mut state, owner))
    }

    /// Whether half of the slots are taken, so that what nobody waits for had better wait.
    pub(crate) fn is_busy(&self) -> bool {
        self.0.lock().used * 2 >= self.0.limit
    }

    /// Returns how many slots are taken, and how many wait for one.
    pub(crate) fn load(&self) -> (usize, usize) {
        let state = self.0.lock();
        (state.used, state.waiting.len())
    }
}

/// How many of so many slots strangers may hold together.
fn for_strangers(limit: usize) -> usize {
    limit - limit / 5
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(self: &Arc<Self>, state: &mut State, owner: Owner) -> Slot {
        state.used += 1;
        state.used_by_strangers += usize::from(owner.is_stranger());
        *state.held.entry(owner).or_default() += 1;
        Slot { shared: Some(self.clone()), owner }
    }

    /// Gives free slots to those who wait.
    fn grant(self: &Arc<Self>) {
        loop {
            let mut state = self.lock();
            let Some((owner, waiter)) = state.next_waiter(self.limit) else { return };
            let slot = self.take(&mut state, owner);
            // Without the lock, which the slot takes when its waiter is gone.
            drop(state);
            if let Err(mut slot) = waiter.send(slot) {
                // This loop gives it to the next.
                slot.give_back();
            }
        }
    }
}

impl State {
    /// Whether an owner may take one more slot.
    fn allows(&self, owner: Owner, limit: usize) -> bool {
        self.used < limit && (!owner.is_stranger() || self.held(owner) < self.for_one_network(limit))
    }

    /// How many slots the strangers of one network may hold.
    ///
    /// Whoever asks next finds some free: they hold at most four times as many as all strangers have left. Two that want all
    /// have four ninths each, a hundred one hundredth each. (This is the dynamic threshold of shared packet buffers: Choudhury
    /// and Hahne, 1998.)
    fn for_one_network(&self, limit: usize) -> usize {
        for_strangers(limit).saturating_sub(self.used_by_strangers).saturating_mul(4)
    }

    fn held(&self, owner: Owner) -> usize {
        self.held.get(&owner).copied().unwrap_or_default()
    }

    fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    fn enqueue(&mut self, owner: Owner, waiter: Waiter) -> u64 {
        let id = self.next_number();
        self.waiting.insert((owner, id), waiter);
        if !self.queues.contains_key(&owner) {
            self.begin_turn(owner);
        }
        id
    }

    fn turns(&mut self, owner: Owner) -> &mut BTreeMap<u64, Owner> {
        if owner.is_stranger() { &mut self.stranger_turns } else { &mut self.accepted_turns }
    }

    /// The last one.
    fn begin_turn(&mut self, owner: Owner) {
        let turn = self.next_number();
        self.queues.insert(owner, turn);
        self.turns(owner).insert(turn, owner);
    }

    fn end_turn(&mut self, owner: Owner) {
        if let Some(turn) = self.queues.remove(&owner) {
            self.turns(owner).remove(&turn);
        }
    }

    /// Takes the next waiter that may have a slot out of its queue.
    fn next_waiter(&mut self, limit: usize) -> Option<(Owner, Waiter)> {
        if self.used >= limit {
            return None;
        }
        // Who is known goes first, but leaves strangers a fifth.
        let is_reserved = self.used - self.used_by_strangers < for_strangers(limit);
        let accepted = self.accepted_turns.first_key_value();
        let turn = match accepted.filter(|_| is_reserved) {
            Some(turn) => Some(turn),
            None => [accepted, self.next_stranger(limit)].into_iter().flatten().min(),
        };
        let (_, owner) = turn?;
        let owner = *owner;
        let id = self.first_id(owner)?;
        let waiter = self.waiting.remove(&(owner, id))?;
        self.end_turn(owner);
        if self.first_id(owner).is_some() {
            self.begin_turn(owner);
        }
        Some((owner, waiter))
    }

    /// The strangers whose turn is the next, but for those that hold their share. Of these there are no more than slots, so
    /// that it does not matter how many wait.
    fn next_stranger(&self, limit: usize) -> Option<(&u64, &Owner)> {
        let most = self.for_one_network(limit);
        if most == 0 {
            return None;
        }
        self.stranger_turns.iter().find(|(_, owner)| self.held(**owner) < most)
    }

    /// The waiter of an owner that has waited the longest.
    fn first_id(&self, owner: Owner) -> Option<u64> {
        self.waiting.range((owner, 0)..=(owner, u64::MAX)).next().map(|((_, id), _)| *id)
    }

    fn release(&mut self, owner: Owner) {
        self.used -= 1;
        self.used_by_strangers -= usize::from(owner.is_stranger());
        if let Entry::Occupied(mut held) = self.held.entry(owner) {
            *held.get_mut() -= 1;
            if *held.get() == 0 {
                held.remove();
            }
        }
    }

    fn leave(&mut self, owner: Owner, id: u64) {
        self.waiting.remove(&(owner, id));
        if self.first_id(owner).is_none() {
            self.end_turn(owner);
        }
    }
}

impl Slot {
    fn give_back(&mut self) -> Option<Arc<Shared>> {
        let shared = self.shared.take()?;
        shared.lock().release(self.owner);
        Some(shared)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(shared) = self.give_back() {
            shared.grant();
        }
    }
}

/// A place in the queue.
struct Waiting<'a> {
    shared: &'a Arc<Shared>,
    owner: Owner,
    id: u64,
    slot: oneshot::Receiver<Slot>,
    is_granted: bool,
}

impl Waiting<'_> {
    async fn slot(mut self) -> Slot {
        match (&mut self.slot).await {
            Ok(slot) => {
                self.is_granted = true;
                slot
            }
            // A sender is dropped with its waiter, which leaves the queue for a slot or with this.
            Err(_) => std::future::pending().await,
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.is_granted {
            self.shared.lock().leave(self.owner, self.id);
            // Others may take what this one has kept them from.
            self.shared.grant();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::future::Future;
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    const A: Owner = Owner::Network(1);
    const B: Owner = Owner::Network(2);
    const C: Owner = Owner::Network(3);

    fn poll<F: Future>(future: &mut Pin<Box<F>>) -> Option<F::Output> {
        match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        }
    }

    fn is_clean(slots: &Slots) -> bool {
        let state = slots.0.lock();
        let turns = state.accepted_turns.len() + state.stranger_turns.len();
        let left = [
            state.used,
            state.used_by_strangers,
            state.held.len(),
            state.waiting.len(),
            state.queues.len(),
            turns,
        ];
        left == [0; 6]
    }

    #[test]
    fn addresses_of_one_subscriber_are_one_owner() {
        let owner = |address: &str| Owner::stranger(Some(address.parse().unwrap()));
        assert_eq!(owner("203.0.113.7"), owner("::ffff:203.0.113.7"));
        assert_ne!(owner("203.0.113.7"), owner("203.0.113.8"));
        assert_eq!(owner("2001:db8:1:2::1"), owner("2001:db8:1:2:ffff::"));
        assert_ne!(owner("2001:db8:1:2::1"), owner("2001:db8:1:3::1"));
        assert_eq!(Owner::stranger(None), Owner::Nowhere);
    }

    #[test]
    fn fifth_is_left_to_known_callers_and_some_to_other_networks() {
        for (limit, of_one, for_strangers) in [(1, 1, 1), (4, 4, 4), (5, 4, 4), (10, 7, 8), (256, 164, 205)] {
            let slots = Slots::new(limit);
            let strangers: Vec<_> = std::iter::from_fn(|| slots.try_acquire(A)).collect();
            assert_eq!(strangers.len(), of_one, "one network, of {limit}");
            let others: Vec<_> =
                (10..).map_while(|network| slots.try_acquire(Owner::Network(network))).collect();
            assert_eq!(strangers.len() + others.len(), for_strangers, "all networks, of {limit}");
            let known: Vec<_> = std::iter::from_fn(|| slots.try_acquire(Owner::Known)).collect();
            assert_eq!(known.len(), limit - for_strangers);
            assert!(slots.try_acquire(Owner::Service).is_none());
            drop((strangers, others, known));
            assert!(is_clean(&slots));
        }
    }

    /// Two that wait do not keep each other from places that are free.
    #[test]
    fn networks_that_wait_use_the_places() {
        for networks in 1..=20 {
            let slots = Slots::new(20);
            let mut waiting: Vec<_> =
                (0..400).map(|n| Box::pin(slots.acquire(Owner::Network(n % networks)))).collect();
            let (mut held, mut used) = (VecDeque::new(), vec![]);
            while !waiting.is_empty() {
                waiting.retain_mut(|slot| match poll(slot) {
                    Some(slot) => {
                        held.push_back(slot);
                        false
                    }
                    None => true,
                });
                used.push(held.len());
                held.pop_front();
            }
            let least = *used[..used.len() / 2].iter().min().unwrap();
            assert!(
                least >= 13,
                "{networks} networks: {least} of 20 are taken, of which 16 are for strangers"
            );
        }
    }

    #[test]
    fn network_that_has_its_share_waits_beside_free_slots() {
        let slots = Slots::new(10);
        let held = [A, A, A, A, B, C, Owner::Nowhere].map(|owner| slots.try_acquire(owner).unwrap());
        let mut waiting = Box::pin(slots.acquire(A));
        assert!(poll(&mut waiting).is_none(), "it has four times what strangers have left");
        drop(slots.try_acquire(Owner::Known).unwrap());
        assert!(poll(&mut waiting).is_none());
        drop(held);
        assert!(poll(&mut waiting).is_some());
    }

    /// However many networks take what they can get at once, there is one for the next.
    #[test]
    fn some_are_left_to_the_next_network() {
        for (networks, most, least) in
            [(1, 6_401, 1_599), (2, 4_800, 600), (100, 1_000, 10), (1_000, 1_000, 1)]
        {
            let slots = Slots::new(10_000);
            let mut held: Vec<Vec<Slot>> = (0..networks).map(|_| vec![]).collect();
            loop {
                let before = slots.0.lock().used;
                for (network, held) in (0..).zip(&mut held) {
                    held.extend(slots.try_acquire(Owner::Network(network)));
                }
                if slots.0.lock().used == before {
                    break;
                }
            }
            let largest = held.iter().map(Vec::len).max().unwrap();
            let left = for_strangers(10_000) - slots.0.lock().used;
            assert!(largest <= most && left >= least, "{networks}: {largest}, and {left} are left");
            assert!(slots.try_acquire(Owner::Nowhere).is_some());
        }
    }

    #[test]
    fn waiting_networks_take_turns() {
        let slots = Slots::new(1);
        let first = slots.try_acquire(A).unwrap();
        let mut waiting: Vec<_> =
            [A, A, A, A, B, C, B].map(|owner| (owner, Box::pin(slots.acquire(owner)))).into();
        waiting.iter_mut().for_each(|(_, slot)| assert!(poll(slot).is_none()));
        let mut order = vec![];
        let mut held = Some(first);
        while !waiting.is_empty() {
            held.take();
            let next = waiting.iter_mut().position(|(_, slot)| {
                held = poll(slot);
                held.is_some()
            });
            order.push(waiting.remove(next.unwrap()).0);
        }
        assert_eq!(order, [A, B, C, A, B, A, A]);
        drop(held);
        assert!(is_clean(&slots));
    }

    /// As long as they leave strangers a fifth; then all wait for their turns.
    #[test]
    fn known_callers_and_the_service_are_served_first() {
        let slots = Slots::new(10);
        let mut held: Vec<_> = (0..10).map(|network| slots.try_acquire(Owner::Network(network))).collect();
        held.extend([(); 10].map(|()| slots.try_acquire(Owner::Known)));
        held.retain(Option::is_some);
        assert_eq!(held.len(), 10, "8 of strangers, 2 of known callers");
        let mut waiting: Vec<_> = (20..30)
            .flat_map(|network| [Owner::Network(network), Owner::Known])
            .map(|owner| (owner, Box::pin(slots.acquire(owner))))
            .collect();
        waiting.iter_mut().for_each(|(_, slot)| assert!(poll(slot).is_none()));
        let mut served = vec![];
        let mut kept = vec![];
        for slot in held {
            drop(slot);
            let next = waiting.iter_mut().position(|(_, slot)| {
                let slot = poll(slot);
                let is_served = slot.is_some();
                kept.extend(slot);
                is_served
            });
            served.push(waiting.remove(next.unwrap()).0);
        }
        assert_eq!(served[..6], [Owner::Known; 6], "6 of strangers' slots");
        let strangers = served[6..].iter().filter(|owner| owner.is_stranger()).count();
        assert!(strangers >= 2, "{served:?}");
    }

    #[test]
    fn who_gives_up_leaves_no_trace() {
        let slots = Slots::new(2);
        let (first, second) = (slots.try_acquire(A).unwrap(), slots.try_acquire(Owner::Known).unwrap());
        let mut waiting: Vec<_> = [B, B, C].map(|owner| Box::pin(slots.acquire(owner))).into();
        waiting.iter_mut().for_each(|slot| assert!(poll(slot).is_none()));
        // Before a slot is granted, and after.
        drop(waiting.remove(0));
        assert_eq!(slots.0.lock().waiting.len(), 2, "gone at once, and not with the next grant");
        drop(first);
        drop(waiting.remove(0));
        assert!(poll(&mut waiting[0]).is_some(), "the slot of one who is gone goes to the next");
        drop((waiting, second));
        assert!(is_clean(&slots));
    }

    /// However slots are taken, waited for and given back, all of them are free in the end, and nobody waits for ever.
    #[test]
    fn random_use_loses_no_slot() {
        use test_support::seed::random;
        let mut random = random();
        let steps = std::env::var("AIGC_AUTH_LONG").map_or(2_000, |_| 20_000);
        for limit in [1, 2, 5, 10, 50] {
            let slots = Slots::new(limit);
            let (mut held, mut waiting) = (vec![], vec![]);
            for _ in 0..steps {
                let owner = random.choice([A, B, C, Owner::Nowhere, Owner::Known, Owner::Service]).unwrap();
                match random.u8(..10) {
                    0..5 => waiting.push(Box::pin(slots.acquire(owner))),
                    5 => held.extend(slots.try_acquire(owner)),
                    6 if !waiting.is_empty() => drop(waiting.swap_remove(random.usize(..waiting.len()))),
                    _ if !held.is_empty() => drop(held.swap_remove(random.usize(..held.len()))),
                    _ => {}
                }
                waiting.retain_mut(|slot| match poll(slot) {
                    Some(slot) => {
                        held.push(slot);
                        false
                    }
                    None => true,
                });
                let state = slots.0.lock();
                assert!(state.used <= limit && state.used_by_strangers <= limit - limit / 5);
                assert_eq!(state.used, held.len());
            }
            while !waiting.is_empty() {
                held.clear();
                let before = waiting.len();
                waiting.retain_mut(|slot| match poll(slot) {
                    Some(slot) => {
                        held.push(slot);
                        false
                    }
                    None => true,
                });
                assert!(waiting.len() < before, "{} wait for ever", waiting.len());
            }
            held.clear();
            assert!(is_clean(&slots));
        }
    }
}

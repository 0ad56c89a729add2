//! The requests of all users, one user after the other.
//!
//! Users meet only in what they cost: the center's calls, the load of Redis. So each has a simulation of events of their own, request by
//! request, with what the replicas and Redis hold of them; all of it fits into the processor's cache.

use std::sync::atomic::{AtomicUsize, Ordering};

use fastrand::Rng;

use super::arithmetic;
use super::center::Center;
use super::fleet::{
    Balancing, Class, END, FETCH, Invalidation, REFRESH, SHORT_TTL, TTL, Topology, WARM_UP, World,
    exponential,
};

/// What was counted between 0 and the end.
#[derive(Clone, Default)]
pub(crate) struct Counts {
    pub(crate) center: Center,
    pub(crate) requests: u64,
    /// Not in the replica's own cache.
    pub(crate) misses: u64,
    /// Of the shared cache: what was read, what was found there, what was waited for.
    pub(crate) reads: u64,
    pub(crate) hits: u64,
    pub(crate) waits: u64,
    /// Served by a verdict of before the user was changed; and how long after that, at most.
    pub(crate) outdated: u64,
    pub(crate) outdated_for: f64,
}

impl Counts {
    fn add(&mut self, other: &Self) {
        self.center.add(&other.center);
        self.requests += other.requests;
        self.misses += other.misses;
        self.reads += other.reads;
        self.hits += other.hits;
        self.waits += other.waits;
        self.outdated += other.outdated;
        self.outdated_for = self.outdated_for.max(other.outdated_for);
    }

    pub(crate) fn calls(&self) -> f64 {
        self.center.between(0.0, END)
    }
}

/// Runs all users, on all processors. The outcome is the same on any number of them.
pub(crate) fn run(world: &World) -> Counts {
    const BLOCK: usize = 50_000;
    let users: usize = world.fleet.classes.iter().map(|class| class.users).sum();
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut run = Run::new(world);
        loop {
            let from = next.fetch_add(BLOCK, Ordering::Relaxed);
            if from >= users {
                return run.counts;
            }
            (from..(from + BLOCK).min(users)).for_each(|user| run.user(user));
        }
    };
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let mut counts = Counts::default();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..processors).map(|_| scope.spawn(worker)).collect();
        for worker in workers {
            counts.add(&worker.join().expect("a worker"));
        }
    });
    counts
}

/// What a replica holds of a user.
#[derive(Clone, Copy)]
struct Held {
    user: usize,
    /// When the replica began to look it up.
    asked: f64,
    /// When the center was asked.
    fetched: f64,
    refresh: f64,
    expires: f64,
}

/// What Redis holds of a user.
#[derive(Clone, Copy)]
struct Value {
    fetched: f64,
    /// When it is there; until then somebody has the lock.
    ready: f64,
    expires: f64,
}

struct Run<'a> {
    world: &'a World,
    counts: Counts,
    held: Vec<Held>,
    // Of the user whose turn it is.
    rng: Rng,
    user: usize,
    value: Option<Value>,
    invalidations: &'a [Invalidation],
}

impl<'a> Run<'a> {
    fn new(world: &'a World) -> Self {
        let nothing = Held { user: usize::MAX, asked: 0.0, fetched: 0.0, refresh: 0.0, expires: 0.0 };
        Self {
            world,
            counts: Counts::default(),
            held: vec![nothing; world.replicas.len()],
            rng: Rng::with_seed(0),
            user: 0,
            value: None,
            invalidations: &[],
        }
    }

    fn user(&mut self, user: usize) {
        let all = &self.world.invalidations;
        let first = all.partition_point(|one| one.user < user);
        let after = first + all[first..].iter().take_while(|one| one.user == user).count();
        self.invalidations = &all[first..after];
        self.rng = Rng::with_seed(self.world.fleet.seed ^ (user as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        (self.user, self.value) = (user, None);
        let [busy, rest] = self.world.fleet.classes;
        let class = if user < busy.users { busy } else { rest };
        let mut at = self.starts(class);
        while at < END {
            self.request(at);
            at += exponential(&mut self.rng) * class.every;
        }
    }

    /// The first request: so that at 0 everything is as it has long been.
    fn starts(&mut self, class: Class) -> f64 {
        let is_alone = self.world.balancing == Balancing::Any && self.world.topology != Topology::Shared;
        if is_alone || class.every > TTL {
            return -WARM_UP + exponential(&mut self.rng) * class.every;
        }
        // One of the calls of this user, which come at almost the same distance.
        -self.rng.f64() * arithmetic::period(self.world, class)
    }

    fn request(&mut self, at: f64) {
        let replica = self.replica(at);
        self.counts.requests += u64::from(at >= 0.0);
        let held = self.held[replica];
        if !self.is_valid(&held, replica, at) {
            self.counts.misses += u64::from(at >= 0.0);
            return self.look_up(replica, at, false);
        }
        self.note_served(held.fetched, at);
        if at >= held.refresh {
            self.look_up(replica, at, true);
        }
    }

    /// Where a request goes.
    fn replica(&mut self, at: f64) -> usize {
        let replicas = &self.world.replicas;
        match self.world.balancing {
            Balancing::Any => loop {
                let replica = self.rng.usize(..replicas.len());
                if !replicas[replica].is_down.has(at) {
                    return replica;
                }
            },
            Balancing::Same => {
                // As by a hash of the credential.
                let mut replica = self.user.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
                while replicas[replica % replicas.len()].is_down.has(at) {
                    replica = replica.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
                }
                replica % replicas.len()
            }
        }
    }

    #[inline]
    fn is_valid(&self, held: &Held, replica: usize, at: f64) -> bool {
        held.user == self.user
            && at < held.expires
            && !self.world.replicas[replica]
                .forgets
                .iter()
                .any(|forgets| held.asked < *forgets && *forgets <= at)
            && !self.is_invalidated(held.fetched, replica, at)
    }

    /// Whether this replica knows of an invalidation of what was fetched then.
    #[inline]
    fn is_invalidated(&self, fetched: f64, replica: usize, at: f64) -> bool {
        self.invalidations.iter().any(|one| {
            let known = if one.replica == replica { one.at } else { one.known };
            fetched < one.at && known <= at
        })
    }

    fn note_served(&mut self, fetched: f64, at: f64) {
        let changed = self.invalidations.iter().find(|one| fetched < one.at && one.at <= at);
        if let Some(changed) = changed {
            self.counts.outdated += 1;
            self.counts.outdated_for = self.counts.outdated_for.max(at - changed.at);
        }
    }

    /// Looks the user up, in Redis and then at the center. For a refresh only what is not yet due for one will do.
    fn look_up(&mut self, replica: usize, at: f64, is_refresh: bool) {
        let there = &self.world.replicas[replica];
        let ttl = if there.is_out_of_touch.has(at) { SHORT_TTL } else { TTL };
        let is_shared = self.world.topology == Topology::Shared && !there.is_without_redis.has(at);
        let is_counted = u64::from(at >= 0.0);
        if is_shared {
            self.counts.reads += is_counted;
            if let Some(value) = self.value
                && at < value.expires
                && !(is_refresh && value.fetched + REFRESH[0] * TTL <= at)
                && !self.world.shared_losses.iter().any(|lost| value.fetched < *lost && *lost <= at)
                && !self.is_invalidated(value.fetched, replica, at)
            {
                self.counts.hits += is_counted;
                self.counts.waits += is_counted * u64::from(at < value.ready);
                self.note_served(value.fetched, at);
                return self.hold(replica, at, value.fetched, value.expires.min(at + ttl));
            }
        }
        self.counts.center.call(at);
        let ready = at + FETCH;
        if is_shared {
            self.value = Some(Value { fetched: at, ready, expires: ready + TTL });
        }
        self.hold(replica, at, at, ready + ttl);
    }

    fn hold(&mut self, replica: usize, asked: f64, fetched: f64, expires: f64) {
        let part = REFRESH[0] + (REFRESH[1] - REFRESH[0]) * self.rng.f64();
        // Of the whole TTL, also where the value is older.
        let refresh = fetched + (expires - fetched) * part;
        self.held[replica] = Held { user: self.user, asked, fetched, refresh, expires };
    }
}

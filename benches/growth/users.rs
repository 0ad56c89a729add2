//! Hits among many cached users, drawn evenly: the worst case for the processor's caches.

use std::sync::Barrier;

use aigc_auth::credential::BearerToken;
use aigc_auth::{AuthClient, UserInfo, Verify};

use crate::account::{account, spent};
use crate::series::{Cost, Series};
use crate::spread::Spread;

pub(crate) fn series() -> Vec<Series> {
    vec![
        Series {
            name: "a thousand hits, by cached users",
            sizes: &[1_000, 10_000, 100_000],
            cost: Cost::Instructions(thousand_hits),
            bound: "a hash table: constant",
        },
        Series {
            name: "a hit, by cached users, one thread",
            sizes: &[1_000, 10_000, 100_000, 1_000_000],
            cost: Cost::Other("ns of processor time", |users| time(users, 1)),
            bound: "the processor's caches, of which an entry and its token miss some lines",
        },
        Series {
            name: "a hit, by cached users, two threads",
            sizes: &[1_000, 10_000, 100_000, 1_000_000],
            cost: Cost::Other("ns of processor time", |users| time(users, 2)),
            bound: "the same, and the locks of shards, which few users share more often",
        },
    ]
}

/// A client that knows so many users.
pub(crate) fn filled(users: u64) -> (AuthClient, Vec<BearerToken>) {
    let builder = AuthClient::builder("app", "secret", "http://127.0.0.1:9");
    let client = builder.cache_capacity((users + users / 4 + 100) as usize).build().expect("a client");
    let tokens = (0..users).map(|n| {
        let token = format!("{n:040}");
        let user =
            UserInfo::builder(n as i64, format!("user{n:08}")).email(format!("user{n:08}@example.com"));
        client.cache_user(&token, user.build());
        BearerToken::new(&token).expect("a token")
    });
    let tokens = tokens.collect();
    (client, tokens)
}

/// Hits, each of another user than the one before.
struct Hits<'a> {
    client: &'a AuthClient,
    tokens: &'a [BearerToken],
    random: u64,
}

impl Hits<'_> {
    fn hit(&mut self) {
        // xorshift
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let token = &self.tokens[self.random as usize % self.tokens.len()];
        assert!(self.client.try_verify(token).is_some(), "cached");
    }
}

fn thousand_hits(users: u64) -> Box<dyn FnMut()> {
    let (client, tokens) = filled(users);
    let mut random = SEED;
    Box::new(move || {
        let mut hits = Hits { client: &client, tokens: &tokens, random };
        (0..1_000).for_each(|_| hits.hit());
        random = hits.random;
    })
}

const SEED: u64 = 0x2545_f491_4f6c_dd1d;

/// Nanoseconds of the processor for a hit, on so many threads: the median of some rounds.
fn time(users: u64, threads: u64) -> f64 {
    const HITS: u32 = 500_000;
    let (client, tokens) = filled(users);
    let round = || {
        let barrier = Barrier::new(threads as usize);
        let run = |thread: u64| {
            let mut hits = Hits { client: &client, tokens: &tokens, random: SEED ^ (thread + 1) };
            barrier.wait();
            let account = account();
            let before = spent(&account);
            (0..HITS).for_each(|_| hits.hit());
            (spent(&account) - before) / f64::from(HITS)
        };
        let times: Vec<f64> = std::thread::scope(|scope| {
            let running: Vec<_> = (0..threads).map(|thread| scope.spawn(move || run(thread))).collect();
            running.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        });
        times.iter().sum::<f64>() / threads as f64
    };
    Spread::of((0..5).map(|_| round())).median
}

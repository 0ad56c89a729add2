//! What a hit costs and an entry weighs, for the caches that could serve the warm path: `cargo bench -p aigc-auth-benches --bench cache`.
//!
//! `AuthClient` is the whole of it: the keyed hash of a 391-byte token, the lookup, the checks of age and invalidation.
//! The others are asked by a ready key for an entry of the same size. Keys are drawn evenly: the worst case for the
//! processor's caches. A number as argument sets another largest size than 1,000,000. Of a `JwtVerifier` that is full by its
//! default, with claims of 500 bytes, the bytes alone.

#[path = "support/resident.rs"]
mod resident;

use std::hash::{BuildHasherDefault, Hasher};
use std::hint::black_box;
use std::process::Command;
use std::sync::Barrier;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aigc_auth::credential::BearerToken;
use aigc_auth::jwt::JwtVerifier;
use aigc_auth::{AuthClient, UserInfo, Verify};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::FutureExt;
use resident::resident;

/// As many hits are timed for each thread.
const HITS: u64 = 1_000_000;

/// The environment variable that asks a process to fill one cache and tell its memory: `name=count`.
const FILLED: &str = "BENCH_FILLED";

trait Cache: Sync {
    fn insert(&self, n: u64);
    fn hit(&self, n: u64) -> bool;
}

type Value = (UserInfo, [u64; 4]);

fn value(n: u64) -> Value {
    let user = UserInfo::builder(n as i64, format!("user{n:08}"))
        .nickname(format!("User number {n}"))
        .email(format!("user{n:08}@example.com"))
        .phone("13800000000")
        .avatar(format!("https://cdn.example.com/avatars/{n:08}.png"))
        .department("Research")
        .company("Example Ltd")
        .status("active");
    (user.build(), [n; 4])
}

/// A permutation of 64 bits (splitmix64), in place of a keyed hash.
fn key(n: u64) -> u128 {
    let mix = |mut z: u64| {
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    u128::from(mix(n.wrapping_add(0x9e37_79b9_7f4a_7c15))) | u128::from(mix(!n)) << 64
}

#[derive(Clone, Copy, Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash << 8 | u64::from(*byte));
    }

    fn write_u128(&mut self, hash: u128) {
        self.0 = hash as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

struct Client {
    client: AuthClient,
    tokens: Vec<BearerToken>,
}

impl Cache for Client {
    fn insert(&self, n: u64) {
        self.client.cache_user(&token(n), value(n).0);
    }

    fn hit(&self, n: u64) -> bool {
        self.client.try_verify(&self.tokens[n as usize % self.tokens.len()]).is_some()
    }
}

fn token(n: u64) -> String {
    format!("{}.{}{n:016x}.{}", "h".repeat(36), "p".repeat(294), "s".repeat(43))
}

/// As many as it keeps by default.
const LOCAL: u64 = 10_000;
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

/// Of which each token has claims of 500 bytes.
struct Local {
    verifier: JwtVerifier,
    key: hmac::Key,
}

impl Local {
    fn new() -> Self {
        let verifier = JwtVerifier::from_secret(SECRET).cache_ttl(Duration::from_secs(600)).build();
        Self { verifier: verifier.expect("a key"), key: hmac::Key::new(hmac::HMAC_SHA256, SECRET) }
    }

    fn token(&self, n: u64) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_secs();
        let mut claims = format!(
            r#"{{"sub":"3f6c1c1e-6a5b-4c1f-9a55-{n:012x}","aud":"authenticated","exp":{},"email":"user{n:08}@example.com","padding":""#,
            now + 36_000
        );
        claims.push_str(&"x".repeat(498 - claims.len()));
        claims.push_str("\"}");
        let [header, claims] =
            [r#"{"alg":"HS256","typ":"JWT"}"#, &claims].map(|part| URL_SAFE_NO_PAD.encode(part));
        let message = format!("{header}.{claims}");
        let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&self.key, message.as_bytes()));
        format!("{message}.{signature}")
    }
}

impl Cache for Local {
    fn insert(&self, n: u64) {
        self.verifier.user_info(&self.token(n)).now_or_never().expect("no wait").expect("a user");
    }

    fn hit(&self, n: u64) -> bool {
        let token = BearerToken::new(&self.token(n)).expect("a token");
        self.verifier.try_verify(&token).is_some()
    }
}

impl Cache for quick_cache::sync::Cache<u128, Value, quick_cache::UnitWeighter, BuildHasherDefault<AsIs>> {
    fn insert(&self, n: u64) {
        self.insert(key(n), value(n));
    }

    fn hit(&self, n: u64) -> bool {
        self.get(&key(n)).is_some()
    }
}

impl Cache for moka::sync::Cache<u128, Value, BuildHasherDefault<AsIs>> {
    fn insert(&self, n: u64) {
        self.insert(key(n), value(n));
    }

    fn hit(&self, n: u64) -> bool {
        self.get(&key(n)).is_some()
    }
}

const NAMES: [&str; 3] = ["AuthClient", "quick_cache", "moka sync"];

/// A cache with room to spare, still empty.
fn cache(name: &str, count: u64) -> Box<dyn Cache> {
    let capacity = count + count / 4 + 100;
    match name {
        "AuthClient" => {
            let builder = AuthClient::builder("app", "secret", "http://127.0.0.1:9");
            let client = builder.cache_capacity(capacity as usize).build().expect("a client");
            // Not one for each entry: they are the requests', and not to be weighed or waited for.
            let tokens = (0..count.min(2_000)).map(|n| token(n * (count / count.min(2_000))));
            Box::new(Client {
                client,
                tokens: tokens.map(|t| BearerToken::new(&t).expect("a token")).collect(),
            })
        }
        "JwtVerifier" => Box::new(Local::new()),
        "quick_cache" => Box::new(quick_cache::sync::Cache::with(
            capacity as usize,
            capacity,
            quick_cache::UnitWeighter,
            BuildHasherDefault::<AsIs>::default(),
            Default::default(),
        )),
        _ => Box::new(
            moka::sync::Cache::builder()
                .max_capacity(capacity)
                .time_to_live(Duration::from_secs(300))
                .build_with_hasher(BuildHasherDefault::<AsIs>::default()),
        ),
    }
}

/// Nanoseconds a hit, each thread on its own.
fn time(cache: &dyn Cache, count: u64, threads: u64) -> f64 {
    let barrier = Barrier::new(threads as usize);
    let nanoseconds: Vec<f64> = std::thread::scope(|scope| {
        let run = |thread: u64| {
            let mut random = 0x2545_f491_4f6c_dd1d ^ (thread + 1);
            barrier.wait();
            let started = Instant::now();
            let hits = (0..HITS)
                .filter(|_| {
                    random ^= random << 13;
                    random ^= random >> 7;
                    random ^= random << 17;
                    black_box(cache.hit(random % count))
                })
                .count();
            assert_eq!(hits as u64, HITS, "every one is there");
            started.elapsed().as_nanos() as f64 / HITS as f64
        };
        let running: Vec<_> = (0..threads).map(|thread| scope.spawn(move || run(thread))).collect();
        running.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    nanoseconds.iter().sum::<f64>() / threads as f64
}

fn fill(cache: &dyn Cache, count: u64) {
    (0..count).for_each(|n| cache.insert(n));
}

fn weigh_in_child(name: &str, count: u64) -> u64 {
    let child = Command::new(std::env::current_exe().expect("this program"))
        .env(FILLED, format!("{name}={count}"))
        .output()
        .expect("a child");
    String::from_utf8_lossy(&child.stdout).trim().parse().unwrap_or(0)
}

fn main() {
    if let Ok(filled) = std::env::var(FILLED) {
        let (name, count) = filled.rsplit_once('=').expect("name=count");
        let count = count.parse().expect("a number");
        let before = resident();
        let cache = cache(name, count);
        fill(&*cache, count);
        println!("{}", (resident() - before) / count);
        return;
    }
    if !std::env::args().any(|argument| argument == "--bench") {
        // `cargo test` only wants to know that it works.
        for name in NAMES {
            let cache = cache(name, 100);
            fill(&*cache, 100);
            assert!((0..100).all(|n| cache.hit(n)), "{name}");
        }
        let local = Local::new();
        local.insert(0);
        assert_eq!((local.token(0).len(), local.token(LOCAL).len()), (748, 748));
        return;
    }
    let largest = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(1_000_000);
    println!("{:<14} {:>9} {:>10} {:>10} {:>12}", "", "entries", "ns, 1 thr", "ns, 2 thr", "bytes/entry");
    for count in [1_000, 100_000, 1_000_000].into_iter().filter(|&count| count <= largest) {
        for name in NAMES {
            let cache = cache(name, count);
            fill(&*cache, count);
            let mut best = [f64::MAX; 2];
            for _ in 0..5 {
                for (best, threads) in best.iter_mut().zip([1, 2]) {
                    *best = best.min(time(&*cache, count, threads));
                }
            }
            drop(cache);
            let bytes = weigh_in_child(name, count);
            println!("{name:<14} {count:>9} {:>10.0} {:>10.0} {bytes:>12}", best[0], best[1]);
        }
    }
    let bytes = weigh_in_child("JwtVerifier", LOCAL);
    println!("{:<14} {LOCAL:>9} {:>10} {:>10} {bytes:>12}", "JwtVerifier", "", "");
}

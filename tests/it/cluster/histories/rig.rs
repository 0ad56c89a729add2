//! A Redis, three replicas and their paths to it, and what can happen to them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aigc_auth::testing::AuthCenter;
use aigc_auth::{Secret, webhook};
use serde_json::json;
use test_support::http::{Answer, head, parse};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::replica::{Replica, SECRET};
use crate::support::redis_server::{Path, RedisServer};
use crate::support::until_async;

pub(super) const REPLICAS: usize = 3;

/// What replicas may do in Redis, as the guide has it.
const RULES: &str = "resetkeys resetchannels ~aigc-auth:* &aigc-auth:* -@all +select +ping +multi +exec +info +time \
                     +subscribe +publish +xadd +xinfo|stream +xrange +xrevrange +get +set +del";

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Processes,
    OneProcess,
}

pub(super) struct Rig {
    pub(super) kind: Kind,
    pub(super) center: Arc<AuthCenter>,
    pub(super) redis: RedisServer,
    pub(super) paths: Vec<Path>,
    replicas: Vec<Option<Replica>>,
    pub(super) seats: Seats,
}

/// Where each replica is, and how often it has been started; for those who ask while others are at work.
pub(super) type Seats = Arc<Mutex<[Seat; REPLICAS]>>;

#[derive(Clone, Copy, Default)]
pub(super) struct Seat {
    pub(super) address: Option<SocketAddr>,
    pub(super) life: usize,
}

impl Rig {
    pub(super) async fn start(kind: Kind, center: &Arc<AuthCenter>) -> Option<Self> {
        let options = "--user app on >password ".to_owned() + RULES;
        let redis = RedisServer::start(&options.split_whitespace().collect::<Vec<_>>()).await?;
        let mut rig = Self {
            kind,
            center: center.clone(),
            redis,
            paths: vec![],
            replicas: vec![],
            seats: Seats::default(),
        };
        for replica in 0..REPLICAS {
            rig.paths.push(Path::to(&rig.redis).await);
            rig.replicas.push(None);
            rig.start_replica(replica).await;
        }
        Some(rig)
    }

    pub(super) async fn start_replica(&mut self, replica: usize) {
        let redis = self.paths[replica].url().replace("://", "://app:password@");
        let started = match self.kind {
            Kind::Processes => Replica::process(&self.center, &redis).await,
            Kind::OneProcess => Replica::here(&self.center, &redis).await,
        };
        let seat = &mut self.seats.lock().unwrap()[replica];
        (seat.address, seat.life) = (Some(started.address()), seat.life + 1);
        self.replicas[replica] = Some(started);
    }

    /// SIGKILL; in this process, all of its tasks end.
    pub(super) fn kill_replica(&mut self, replica: usize) {
        self.seats.lock().unwrap()[replica].address = None;
        self.replicas[replica] = None;
    }

    pub(super) fn signal_replica(&self, replica: usize, signal: &str) {
        if let Some(replica) = &self.replicas[replica] {
            replica.signal(signal);
        }
    }

    /// Whether replicas may do all that they want to do.
    pub(super) async fn check_rules(&self) {
        let denied: redis::Value = self.redis.run(&["ACL", "LOG"]).await;
        assert_eq!(denied, redis::Value::Array(vec![]), "the rules of the guide do not suffice");
    }

    pub(super) async fn all_connected(&self) {
        until_async("all replicas hear one another", async || {
            for replica in 0..REPLICAS {
                let address = self.seats.lock().unwrap()[replica].address.unwrap();
                let answer = try_exchange(address, &head::<&str>("GET", "/connected", &[])).await;
                if answer.is_none_or(|answer| answer.status != 200) {
                    return false;
                }
            }
            true
        })
        .await;
    }
}

/// The answer, if there is one within 3 s.
pub(super) async fn try_exchange(address: SocketAddr, request: &[u8]) -> Option<Answer> {
    let exchanging = async {
        let mut stream = TcpStream::connect(address).await.ok()?;
        stream.write_all(request).await.ok()?;
        let mut answer = vec![];
        stream.read_to_end(&mut answer).await.ok()?;
        parse(&answer)
    };
    timeout(Duration::from_secs(3), exchanging).await.ok()?
}

/// What a user of this token is given: the version, or the status of a refusal.
pub(super) async fn ask(address: SocketAddr, token: &str) -> Option<Result<usize, u16>> {
    let authorization = format!("Bearer {token}");
    let answer = try_exchange(address, &head("GET", "/", &[("authorization", &authorization)])).await?;
    Some(match answer.status {
        200 => Ok(answer.body.strip_prefix('v')?.parse().ok()?),
        status => Err(status),
    })
}

/// Tells a replica of an event. Returns the status.
pub(super) async fn tell(address: SocketAddr, event: &str, username: &str, version: usize) -> Option<u16> {
    let id = aigc_auth::testing::user(username).build().id().clone();
    let data = json!({"id": id, "username": username, "version": version});
    let body = json!({"event": event, "data": data}).to_string();
    let signature = webhook::sign(body.as_bytes(), &Secret::from(SECRET));
    let length = body.len().to_string();
    let headers = [("x-webhook-signature", signature.as_str()), ("content-length", &length)];
    let request = [&head("POST", "/webhook/auth", &headers), body.as_bytes()].concat();
    Some(try_exchange(address, &request).await?.status)
}

#[test]
fn guide_has_the_rules_of_these_tests() {
    assert!(include_str!("../../../../docs/scale.md").contains(RULES));
}

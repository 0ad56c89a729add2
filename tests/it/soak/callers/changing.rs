//! Users who are disabled and enabled again, of which the center tells one of the replicas, until it has heard.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aigc_auth::{Secret, testing, webhook};
use fastrand::Rng;
use serde_json::json;

use super::{Question, ask};
use crate::soak::service::{DEGRADED_TTL, NEGATIVE_TTL, SECRET};
use crate::soak::tally::Class;
use crate::soak::windows::Part;
use crate::soak::world::{World, changing as name, token};

/// For how long another replica may serve a user after the change was acknowledged: as `docs/scale.md` has it.
const BOUND: Duration = Duration::from_secs(2).saturating_add(DEGRADED_TTL);

pub(super) async fn change(world: Arc<World>, mut random: Rng, user: usize) {
    let name = name(user);
    for version in 1.. {
        let is_disabled = version % 2 == 1;
        let status = if is_disabled { "disabled" } else { "active" };
        world.center.update_user(&name, |user| user.nickname(format!("v{version}")).status(status));
        let told = tell(&world, &mut random, &name, version, status).await;
        let acknowledged = Instant::now();
        for _ in 0..8 {
            let replica = random.usize(..2);
            let asked =
                ask(&world, Question::new(Class::Changing, replica, "/me", Some(&token(&name)))).await;
            let since = asked.from - acknowledged;
            let is_in_force = replica == told || since > BOUND;
            let is_right = match asked.status() {
                Some(503) => asked.is_unavailable(&world, &[Part::Center]),
                Some(200) => asked.is_of(&name) && !(is_disabled && is_in_force),
                Some(403) => is_disabled || since < BOUND + NEGATIVE_TTL,
                _ => false,
            };
            asked.check(&world, Class::Changing, is_right);
            let goes_on = world.pause(&mut random, Duration::from_millis(700)).await;
            // Nobody ends disabled, or with an event that has not arrived.
            if !goes_on && !is_disabled {
                return;
            }
        }
    }
}

/// Tells one of the replicas, or the other, until one of them has acknowledged. Returns which.
async fn tell(world: &Arc<World>, random: &mut Rng, name: &str, version: u64, status: &str) -> usize {
    let data = json!({
        "id": testing::user_id(name), "username": name, "nickname": format!("v{version}"), "status": status,
        "updatedFields": ["nickname", "status"],
    });
    let body = json!({ "event": "user.updated", "data": data }).to_string();
    let signature = webhook::sign(body.as_bytes(), &Secret::from(SECRET));
    for attempt in 1.. {
        let replica = random.usize(..2);
        let mut question = Question::new(Class::Event, replica, "/webhook/auth", None);
        (question.method, question.body, question.is_recorded) = ("POST", &body, false);
        question.headers.push(("x-webhook-signature", signature.clone()));
        let asked = ask(world, question).await;
        let is_right = match asked.status() {
            Some(200) => return replica,
            // The row cannot be written, or the center not asked about it.
            Some(500) => asked.met(world, Part::Center) || asked.met(world, Part::Database),
            // The other replica cannot be told, or is still at it.
            Some(503) => attempt > 1 || asked.met(world, Part::Redis),
            _ => false,
        };
        asked.check(world, Class::Event, is_right);
        tokio::time::sleep(Duration::from_millis(random.u64(300..900))).await;
    }
    unreachable!("it is told until it is acknowledged")
}

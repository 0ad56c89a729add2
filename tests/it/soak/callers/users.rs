//! Callers who have a right to be served.

use std::sync::Arc;
use std::time::Duration;

use aigc_auth::testing;
use fastrand::Rng;
use serde_json::json;
use test_support::jwt::{ED25519, claims, now, with};

use super::{Asked, Question, ask};
use crate::soak::tally::Class;
use crate::soak::windows::Part;
use crate::soak::world::{KNOWN, World, known as name, token};

/// Of known users, who are most of all callers.
pub(super) const LANES: usize = 4;

/// Of a call to Redis.
const REDIS_TIMEOUT: Duration = Duration::from_millis(50);

/// Everybody in turn, at each replica.
fn turns() -> impl Iterator<Item = (usize, usize)> {
    (0..KNOWN).flat_map(|user| [(user, 0), (user, 1)]).cycle()
}

/// Known users are served, always: but where Redis has lost what it had, while the center is away.
fn check_known(world: &World, class: Class, asked: &Asked, expected: &str) {
    let is_right = asked.is_of(expected) || asked.is_unavailable(world, &[Part::Everything]);
    asked.check(world, class, is_right);
}

pub(super) async fn known(world: Arc<World>, mut random: Rng, lane: usize) {
    for (user, replica) in turns().skip(lane * 2 * KNOWN / LANES) {
        let name = name(user);
        let asked = ask(&world, Question::new(Class::Known, replica, "/me", Some(&token(&name)))).await;
        check_known(&world, Class::Known, &asked, &name);
        if !world.pause(&mut random, Duration::from_millis(110)).await {
            return;
        }
    }
}

pub(super) async fn access_keys(world: Arc<World>, mut random: Rng) {
    for (user, replica) in turns().filter(|(user, _)| *user < 3) {
        let name = name(user);
        let key = format!("ak_{name}");
        let asked = ask(&world, Question::new(Class::AccessKey, replica, "/me", Some(&key))).await;
        check_known(&world, Class::AccessKey, &asked, &name);
        if !world.pause(&mut random, Duration::from_millis(160)).await {
            return;
        }
    }
}

pub(super) async fn members(world: Arc<World>, mut random: Rng) {
    for (user, replica) in turns().filter(|(user, _)| *user < 3) {
        let token = token(&name(user));
        let mut question = Question::new(Class::Member, replica, "/org", Some(&token));
        question.headers.push(("x-org-id", "acme".to_owned()));
        let asked = ask(&world, question).await;
        check_known(&world, Class::Member, &asked, "acme");
        if !world.pause(&mut random, Duration::from_millis(180)).await {
            return;
        }
    }
}

pub(super) async fn relays(world: Arc<World>, mut random: Rng) {
    for (user, replica) in turns() {
        let name = name(user);
        let asked = ask(&world, Question::new(Class::Relay, replica, "/relay", Some(&token(&name)))).await;
        // What it calls may be refused as well.
        let is_lost = asked.status() == Some(502) && asked.met(&world, Part::Everything);
        let is_right = is_lost || asked.is_of(&name) || asked.is_unavailable(&world, &[Part::Everything]);
        asked.check(&world, Class::Relay, is_right);
        if !world.pause(&mut random, Duration::from_millis(330)).await {
            return;
        }
    }
}

/// Tokens that are verified here are valid, whoever is away.
pub(super) async fn jwts(world: Arc<World>, mut random: Rng) {
    let issue = |user| ED25519.issue("EdDSA", Some("soak"), &with(claims(), "sub", name(user)));
    let tokens: Vec<_> = (0..KNOWN).map(issue).collect();
    for (user, replica) in turns() {
        let mut question = Question::new(Class::Jwt, replica, "/session", Some(&tokens[user]));
        question.is_recorded = false;
        let asked = ask(&world, question).await;
        asked.check(&world, Class::Jwt, asked.is_of(&name(user)));
        if !world.pause(&mut random, Duration::from_millis(110)).await {
            return;
        }
    }
}

/// Who has logged out is refused by that replica at once, and by the other, as long as both hear Redis.
pub(super) async fn log_outs(world: Arc<World>, mut random: Rng) {
    loop {
        let (replica, jti) = (random.usize(..2), format!("log-out-{}", world.number()));
        // It ends soon, and with it what is remembered of it.
        let claims = with(with(claims(), "jti", jti), "exp", now() + 30);
        let token = ED25519.issue("EdDSA", Some("soak"), &claims);
        let question = |replica, path| {
            let mut question = Question::new(Class::LogOut, replica, path, Some(&token));
            question.is_recorded = false;
            question
        };
        let mut revoke = question(replica, "/revoke");
        revoke.method = "POST";
        let revoked = ask(&world, revoke).await;
        let is_told = revoked.status() == Some(204);
        // On a busy machine, Redis may be late although it is well.
        let is_late = revoked.status() == Some(503) && revoked.to - revoked.from >= REDIS_TIMEOUT;
        let is_untold = is_late || revoked.is_unavailable(&world, &[Part::Redis]);
        revoked.check(&world, Class::LogOut, is_told || is_untold);
        if revoked.status().is_some() {
            let again = ask(&world, question(replica, "/session")).await;
            again.check(&world, Class::LogOut, again.status() == Some(401));
        }
        let goes_on = world.pause(&mut random, Duration::from_secs(2)).await;
        if is_told {
            let there = ask(&world, question(1 - replica, "/session")).await;
            let unheard = world.windows.covers(Part::Redis, revoked.from, there.to);
            there.check(&world, Class::LogOut, there.status() == Some(401) || unheard);
        }
        if !goes_on {
            return;
        }
    }
}

/// Whoever was never here before is served, unless the center is away.
pub(super) async fn new(world: Arc<World>, mut random: Rng) {
    loop {
        let name = format!("new-{}", world.number());
        world.center.add_user(testing::user(name.as_str()));
        world.center.add_token(token(&name), &name);
        let replica = random.usize(..2);
        let asked = ask(&world, Question::new(Class::New, replica, "/me", Some(&token(&name)))).await;
        asked.check(&world, Class::New, asked.is_of(&name) || asked.is_unavailable(&world, &[Part::Center]));
        if !world.pause(&mut random, Duration::from_millis(300)).await {
            return;
        }
    }
}

/// An admin acts as a user, or as one who does not exist, and a user as another.
pub(super) async fn acting(world: Arc<World>, mut random: Rng) {
    for (user, replica) in turns() {
        let (target, unknown) = (name(user), random.u8(..4) == 0);
        let id = if unknown { json!(999_999_999) } else { json!(testing::user_id(&target)) };
        let actor = if random.bool() { "root" } else { "known-0" };
        let token = token(actor);
        let mut question = Question::new(Class::Acting, replica, "/act-as", Some(&token));
        question.headers.push(("x-act-as-user-id", id.to_string()));
        let asked = ask(&world, question).await;
        let is_right = match actor {
            "root" if unknown => asked.status() == Some(404),
            "root" => asked.is_of(&target),
            _ => asked.status() == Some(403),
        };
        // The directory remembers for 30 s, and asks the center.
        let away = [Part::Center, Part::Everything];
        let may_be_away = if actor == "root" { &away[..] } else { &away[1..] };
        asked.check(&world, Class::Acting, is_right || asked.is_unavailable(&world, may_be_away));
        if !world.pause(&mut random, Duration::from_millis(200)).await {
            return;
        }
    }
}

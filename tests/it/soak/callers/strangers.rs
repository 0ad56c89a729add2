//! Callers who have none.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use test_support::jwt::{ANOTHER_ED25519, ED25519, claims, now, with};

use super::{Question, ask};
use crate::soak::tally::Class;
use crate::soak::windows::Part;
use crate::soak::world::{STRANGERS, World};

/// Nobody is let in, and nobody told that their token is bad where nobody can tell.
pub(super) async fn tokens(world: Arc<World>, mut random: Rng) {
    loop {
        let token = format!("token-of-nobody-{}", random.usize(..STRANGERS));
        let credential = (random.u8(..5) > 0).then_some(&*token);
        let asked = ask(&world, Question::new(Class::Stranger, random.usize(..2), "/me", credential)).await;
        let is_away = credential.is_some() && asked.is_unavailable(&world, &[Part::Center]);
        asked.check(&world, Class::Stranger, asked.status() == Some(401) || is_away);
        if !world.pause(&mut random, Duration::from_millis(100)).await {
            return;
        }
    }
}

pub(super) async fn jwts(world: Arc<World>, mut random: Rng) {
    loop {
        let token = match random.u8(..3) {
            0 => ED25519.issue("EdDSA", Some("soak"), &with(claims(), "exp", now() - 120)),
            1 => ANOTHER_ED25519.issue("EdDSA", Some("soak"), &claims()),
            _ => ED25519.issue("EdDSA", Some("soak"), &with(claims(), "aud", "somebody else")),
        };
        let mut question = Question::new(Class::BadJwt, random.usize(..2), "/session", Some(&token));
        question.is_recorded = false;
        let asked = ask(&world, question).await;
        asked.check(&world, Class::BadJwt, asked.status() == Some(401));
        if !world.pause(&mut random, Duration::from_millis(250)).await {
            return;
        }
    }
}

//! What happens in Redis: keys that services write and delete, and what it loses.

use std::time::{Duration, UNIX_EPOCH};

use super::history::{BOUND, History, Key, Message};
use crate::services::revocation::list::Kind;
use crate::services::revocation::redis_list::keys::Name;
use crate::types::revocation::{Instant, Revocation};
use crate::util::clock::Millis;

impl History {
    /// Another service writes a key.
    pub(super) fn write(&mut self) -> String {
        let name = self.random_name();
        let (before, end) = (self.random_before(name.kind), self.now() + self.random.u64(1..20_000));
        // Less than there was, of which nobody is told.
        let is_less =
            self.past.iter().any(|(past, more, later)| *past == name && (*more > before || *later > end));
        if is_less && (!self.is_tracked || self.mute_since.is_some()) {
            self.tainted.insert(name.clone());
        }
        self.set(name.clone(), before, end);
        format!("write {name:?} {before} until {end}")
    }

    pub(super) fn set(&mut self, name: Name, before: Instant, end: Millis) {
        let now = self.now();
        self.redis.retain(|_, key| now < key.end);
        // One that is renewed shortly before its end is news, as a new one is, where a replica hears of it after that end.
        let since = match self.redis.get(&name) {
            Some(key) if key.before >= before && key.end >= now + BOUND => key.since,
            _ => now,
        };
        self.redis.insert(name.clone(), Key { before, end, since });
        self.past.push((name.clone(), before, end));
        self.is_told(&name);
        self.push(Message::Written(name, end));
    }

    /// What a replica is not told of may break what it was promised.
    pub(super) fn is_told(&mut self, name: &Name) {
        if !self.is_tracked || self.mute_since.is_some() {
            self.promised.remove(name);
        }
    }

    pub(super) fn delete(&mut self) -> String {
        let name = self.random_name();
        if self.redis.remove(&name).is_some() {
            if !self.is_tracked || self.mute_since.is_some() {
                self.tainted.insert(name.clone());
            }
            self.is_told(&name);
            self.push(Message::Changed(vec![name.clone()]));
        }
        format!("delete {name:?}")
    }

    /// This replica revokes: here first, then in Redis, which keeps what is more.
    pub(super) fn revoke_here(&mut self) -> String {
        let name = self.random_name();
        let (before, end) = (self.random_before(name.kind), self.now() + self.random.u64(1..20_000));
        let time = UNIX_EPOCH + Duration::from_millis(before.unsigned_abs());
        let revocation = match name.kind {
            Kind::Token => Revocation::token(&*name.id),
            Kind::Session => Revocation::session(&*name.id),
            Kind::User => Revocation::user(&*name.id, time),
        };
        self.known.add(&revocation, end);
        // A user has one entry: the latest instant holds until the latest end.
        let of_name = self.past.iter().filter(|(past, ..)| *past == name);
        let merged = of_name
            .fold((before, end), |(before, end), (_, more, later)| (before.max(*more), end.max(*later)));
        self.past.push((name.clone(), merged.0, merged.1));
        if self.mute_since.is_none() {
            let now = self.now();
            let old = self.redis.get(&name).filter(|key| now < key.end).copied();
            let merged = old.map_or((before, end), |old| (before.max(old.before), end.max(old.end)));
            self.set(name.clone(), merged.0, merged.1);
        } else {
            self.tainted.insert(name.clone());
        }
        format!("revoke here {name:?} {before} until {end}")
    }

    pub(super) fn flush(&mut self) -> String {
        let lost = self.redis.drain().map(|(name, _)| name);
        self.tainted.extend(lost);
        self.push(Message::Flushed);
        "flush".into()
    }

    /// With its data, or without.
    pub(super) fn restart(&mut self) -> String {
        if self.random.bool() {
            let lost = self.redis.drain().map(|(name, _)| name);
            self.tainted.extend(lost);
        }
        self.disconnect() + " by a restart"
    }
}

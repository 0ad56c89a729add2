//! What a request is told, against what is there, was promised, or was lost.

use super::history::{BOUND, History, LATE, MUTE, Waiting};
use crate::services::revocation::redis_list::found::{Found, FoundEntry};
use crate::services::revocation::redis_list::keys::Name;
use crate::services::revocation::redis_list::known::Touch;
use crate::types::revocation::{Instant, RevocationStatus, TokenIds};

impl History {
    pub(super) fn is_at_rest(&self) -> bool {
        self.waiting == Waiting::Nothing
            && self.messages.is_empty()
            && self.arrived.is_empty()
            && self.scan.is_none()
    }

    pub(super) fn covers(ids: &TokenIds, name: &Name, before: Instant) -> bool {
        Name::all_of(ids).contains(name) && ids.is_issued_before(before)
    }

    pub(super) fn request(&mut self) -> Result<String, String> {
        let token = self.random.usize(..self.tokens.len());
        self.request_of(token)
    }

    pub(super) fn request_all(&mut self) -> Result<(), String> {
        (0..self.tokens.len()).try_for_each(|token| self.request_of(token).map(drop))
    }

    /// As `RevocationCheck` does it, with a list that fails closed.
    pub(super) fn request_of(&mut self, token: usize) -> Result<String, String> {
        let now = self.now();
        let mark = &self.tokens[token];
        let version = self.known.version();
        let status = match mark.is_checked(version) {
            true => RevocationStatus::Valid,
            false => self.known.status(&mark.ids),
        };
        let mut asked = "";
        let status = match status {
            RevocationStatus::Unknown if self.mute_since.is_none() => {
                asked = ", asked";
                let asking = self.known.asking();
                let found: Vec<_> = Name::all_of(&mark.ids)
                    .into_iter()
                    .map(|name| {
                        let key = self.redis.get(&name).filter(|key| now < key.end);
                        let entry =
                            key.map(|key| FoundEntry { before: key.before, rest: Some(key.end - now) });
                        Found { name, entry }
                    })
                    .collect();
                match self.known.answered(&mark.ids, asking, &found) {
                    true => RevocationStatus::Revoked,
                    false => RevocationStatus::Valid,
                }
            }
            RevocationStatus::Valid => {
                mark.set_checked(version);
                RevocationStatus::Valid
            }
            status => status,
        };
        let ids = &mark.ids;
        let there =
            || self.redis.iter().filter(|(name, key)| now < key.end && Self::covers(ids, name, key.before));
        let said = format!("token {token} is {status:?}{asked}, {:?}", self.known.touch());
        if status == RevocationStatus::Valid
            && let Some((name, key)) = there().find(|(_, key)| now - key.since > BOUND)
        {
            return Err(format!("{said}, and {name:?} has been there since {}", key.since));
        }
        if status == RevocationStatus::Revoked
            && !Name::all_of(ids)
                .iter()
                .any(|name| self.kept.contains(name) || self.known.unlooked().contains(name))
            && !self
                .past
                .iter()
                .any(|(name, before, end)| now < end + BOUND && Self::covers(ids, name, *before))
        {
            return Err(format!("{said}, and nobody has revoked it"));
        }
        let is_promised = |name: &Name| self.promised.get(name).is_some_and(|end| now + 2 * LATE < *end);
        if status != RevocationStatus::Revoked && Name::all_of(ids).iter().any(is_promised) {
            return Err(format!("{said}, and was pushed: {:?}", self.promised));
        }
        // All that is known is what is there, where nothing was lost that is remembered here.
        let is_clear = !Name::all_of(ids).iter().any(|name| self.tainted.contains(name));
        let is_near_an_end = self.past.iter().any(|(name, before, end)| {
            Self::covers(ids, name, *before) && now.abs_diff(*end) <= MUTE + 2 * LATE
        });
        if self.known.touch() == Touch::In
            && self.mute_since.is_none()
            && self.is_at_rest()
            && is_clear
            && !is_near_an_end
        {
            let expected =
                if there().next().is_some() { RevocationStatus::Revoked } else { RevocationStatus::Valid };
            if status != expected {
                return Err(format!("{said} at rest, expected {expected:?}"));
            }
        }
        Ok(said)
    }
}

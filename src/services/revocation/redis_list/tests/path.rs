//! The connection for pushes: what is under way on it, arrives late, or is lost with it; and what the replica does then.

use std::time::Duration;

use super::history::{History, LATE, MUTE, Message, Waiting};
use crate::services::revocation::list::Kind;
use crate::services::revocation::redis_list::found::{Found, FoundEntry};
use crate::services::revocation::redis_list::keys::Name;

impl History {
    pub(super) fn pass(&mut self) -> String {
        let millis = if self.random.bool() { self.random.u64(..100) } else { self.random.u64(..3_000) };
        for _ in 0..millis.div_ceil(50) {
            self.clock.advance(Duration::from_millis(50));
            self.notice();
        }
        format!("pass {millis}")
    }

    /// What happens by itself: late messages arrive, and a mute path is found.
    pub(super) fn notice(&mut self) {
        if self.mute_since.is_some_and(|since| self.now() - since >= MUTE) && self.is_connected {
            self.disconnect();
        }
        if self.mute_since.is_none() {
            while self.messages.front().is_some_and(|(sent, _)| self.now() - sent >= LATE) {
                self.deliver();
            }
        }
    }

    pub(super) fn push(&mut self, message: Message) {
        if self.is_tracked {
            self.messages.push_back((self.now(), message));
        }
    }

    /// One message arrives, and the replica goes on from there.
    pub(super) fn deliver(&mut self) -> String {
        if self.mute_since.is_some() || !self.is_connected {
            return "nothing arrives".into();
        }
        let note = match self.messages.pop_front().map(|(_, message)| message) {
            None => "nothing to deliver".into(),
            Some(Message::Changed(names)) => {
                let note = format!("push {names:?}");
                self.arrived.extend(names.into_iter().map(|name| (name, None)));
                note
            }
            Some(Message::Written(name, end)) => {
                let note = format!("push {name:?}");
                self.arrived.push((name, Some(end)));
                note
            }
            Some(Message::Flushed) => {
                self.flushes += 1;
                "push nil".into()
            }
            Some(Message::Found(found)) => {
                if self.flushes == 0 && !self.is_late {
                    self.known.looked_up(&found);
                } else {
                    self.kept.extend(found.iter().map(|found| found.name.clone()));
                    self.tainted.extend(found.iter().map(|found| found.name.clone()));
                    self.known.looked_up_late(found.clone());
                }
                self.waiting = Waiting::Nothing;
                if self.is_last_page {
                    (self.is_last_page, self.scan) = (false, None);
                    self.known.read();
                }
                format!("found {found:?}")
            }
            Some(Message::FoundLate(found)) => {
                let note = format!("found late {found:?}");
                self.known.looked_up_late(found);
                self.waiting = Waiting::Nothing;
                note
            }
            Some(Message::Page(names, is_last)) => {
                self.is_last_page = is_last;
                self.look_up(&names);
                format!("page {names:?}")
            }
        };
        self.go_on();
        note
    }

    pub(super) fn go_on(&mut self) {
        if self.waiting != Waiting::Nothing || !self.is_connected || self.mute_since.is_some() {
            return;
        }
        if !self.arrived.is_empty() {
            let mut names = vec![];
            for (name, end) in std::mem::take(&mut self.arrived) {
                match end.filter(|_| name.kind != Kind::User) {
                    Some(end) => self.promised.insert(name.clone(), end),
                    None => self.promised.remove(&name),
                };
                names.push(name);
            }
            self.is_late = std::mem::take(&mut self.flushes) > 0;
            self.known.changed(&names);
            self.look_up(&names);
        } else if let Some(scan) = &mut self.scan {
            (self.is_late, self.flushes) = (false, 0);
            // Redis looks at one or two keys at a time, and need not return those that are gone meanwhile.
            let page: Vec<_> = (0..2).filter_map(|_| scan.pop_front()).collect();
            let is_last = scan.is_empty();
            let there = page.into_iter().filter(|name| self.redis.contains_key(name)).collect();
            self.push(Message::Page(there, is_last));
            self.waiting = Waiting::Page;
        }
    }

    pub(super) fn look_up(&mut self, names: &[Name]) {
        let found = self.found(names);
        self.push(Message::Found(found));
        self.waiting = Waiting::Found;
    }

    pub(super) fn found(&self, names: &[Name]) -> Vec<Found> {
        let now = self.now();
        let entry = |name: &Name| {
            let key = self.redis.get(name).filter(|key| now < key.end)?;
            Some(FoundEntry { before: key.before, rest: Some(key.end - now) })
        };
        names.iter().map(|name| Found { name: name.clone(), entry: entry(name) }).collect()
    }

    pub(super) fn connect(&mut self) -> String {
        if self.is_connected || self.mute_since.is_some() {
            self.mute_since = self.mute_since.filter(|_| self.random.bool());
            return "not connected".into();
        }
        (self.is_tracked, self.is_connected) = (true, true);
        let unlooked = self.known.connected();
        let mut names: Vec<_> = self.redis.keys().cloned().collect();
        self.random.shuffle(&mut names);
        self.scan = Some(names.into());
        match unlooked.is_empty() {
            true => self.go_on(),
            false => {
                self.tainted.extend(unlooked.iter().cloned());
                self.kept.extend(unlooked.iter().cloned());
                let found = self.found(&unlooked);
                self.push(Message::FoundLate(found));
                self.waiting = Waiting::Found;
            }
        }
        "connected".into()
    }

    /// Neither side notices. What is under way arrives when the path is back, unless the connection is gone by then.
    pub(super) fn go_mute(&mut self) -> String {
        let now = self.now();
        self.mute_since.get_or_insert(now);
        "mute".into()
    }

    pub(super) fn disconnect(&mut self) -> String {
        (self.is_tracked, self.is_connected, self.is_last_page) = (false, false, false);
        // What was pushed and did not arrive may have been that a key was deleted.
        for (_, message) in self.messages.drain(..) {
            let names = match message {
                Message::Changed(names) => names,
                Message::Written(name, _) => vec![name],
                _ => continue,
            };
            for name in &names {
                self.promised.remove(name);
            }
            self.tainted.extend(names);
        }
        for (name, _) in self.arrived.drain(..) {
            self.promised.remove(&name);
            self.tainted.insert(name);
        }
        (self.scan, self.waiting) = (None, Waiting::Nothing);
        self.known.lost();
        "lost".into()
    }
}

//! Remove what is cached, and void what is on its way.

use super::cache::IdentityCache;
use super::key::Key;
use super::value::Value;
use crate::types::user::UserId;

impl<V: Value> IdentityCache<V> {
    /// Invalidates what is cached or being looked up under a key.
    ///
    /// Other keys leave no mark: whoever may have tokens invalidated that nobody has, such as by a logout, would fill the
    /// marks, and so have everything invalidated.
    pub(crate) fn invalidate(&self, key: Key, is_being_looked_up: bool) {
        self.pauses.remove(key);
        if is_being_looked_up || self.identities.contains_key(&key) || self.negatives.contains_key(&key) {
            self.invalidations.add_key(key);
            self.remove_value(key);
            self.negatives.remove(&key);
        }
    }

    /// Removes a value, and keeps in mind that its credential was accepted.
    pub(super) fn remove_value(&self, key: Key) {
        if self.identities.remove(&key).is_some() {
            self.known.insert(key, ());
        }
    }

    pub(crate) fn invalidate_user(&self, user: &UserId) {
        self.invalidations.add_user(user);
    }

    pub(crate) fn invalidate_name(&self, name: &str) {
        self.invalidations.add_name(name);
    }

    pub(crate) fn clear(&self) {
        self.invalidations.add_all();
        self.identities.drain().for_each(|(key, _)| self.known.insert(key, ()));
        self.negatives.clear();
        self.pauses.clear();
        self.expiries.clear();
    }
}

use crate::upstream::cluster::Names as AppNames;
use crate::upstream::identity_cache::Key;

/// First in each sealed value, and part of its name: replicas of another version neither read nor overwrite what they cannot
/// read. Changes when a reader of before would take a value for something else than it is.
pub(super) const VERSION: u8 = 1;

/// What a name in Redis stands for. The numbers are part of what sealed values are bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// What a credential was verified as.
    Value = 1,
    /// Who is verifying it. Not sealed: it decides on nothing.
    Lock = 2,
    /// That it could not be verified a short time ago.
    Pause = 3,
}

/// The keys in Redis of what is shared, by credential.
pub(super) struct Names {
    of_app: AppNames,
}

impl Names {
    pub(super) fn new(of_app: AppNames) -> Self {
        Self { of_app }
    }

    pub(super) fn of(&self, entry: Entry, key: Key) -> String {
        let kind = match entry {
            Entry::Value => "user",
            Entry::Lock => "lock",
            Entry::Pause => "pause",
        };
        self.of_app.key(&format!("v{VERSION}:{kind}:{:032x}", key.bits()))
    }
}

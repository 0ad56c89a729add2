use std::hash::BuildHasher;
use std::sync::Arc;

use quick_cache::DefaultHashBuilder;
use quick_cache::sync::Cache as Map;

use crate::types::user::{Codes, UserGroup, UserInfo};

/// Lists of codes and of groups: users of the same roles share them.
pub(super) struct InternedLists {
    codes: Map<u64, Codes>,
    groups: Map<u64, Arc<[UserGroup]>>,
    hasher: DefaultHashBuilder,
}

impl InternedLists {
    const MAX: usize = 1_000;

    pub(super) fn new() -> Self {
        Self {
            codes: Map::new(Self::MAX),
            groups: Map::new(Self::MAX),
            hasher: DefaultHashBuilder::default(),
        }
    }

    /// Replaces the user's lists by equal ones of other users.
    pub(super) fn intern(&self, user: &mut UserInfo) {
        user.replace_lists(
            |codes| {
                if codes.is_empty() {
                    return;
                }
                let hash = self.hasher.hash_one(&*codes);
                match self.codes.get(&hash) {
                    Some(interned) if interned == *codes => *codes = interned,
                    _ => self.codes.insert(hash, codes.clone()),
                }
            },
            |groups| {
                let hash = self.hasher.hash_one(&**groups);
                match self.groups.get(&hash) {
                    Some(interned) if interned == *groups => *groups = interned,
                    _ => self.groups.insert(hash, groups.clone()),
                }
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two lists of one hash, as of some 2⁶⁴: nobody has the roles of somebody else.
    #[test]
    fn lists_of_one_hash_are_kept_apart() {
        let user = |role: &str| UserInfo::builder(7, "alice").roles([role]).groups([role]).build();
        let (mut reader, admin, lists) = (user("reader"), user("admin"), InternedLists::new());
        lists.codes.insert(lists.hasher.hash_one(reader.roles()), admin.roles().clone());
        lists.groups.insert(lists.hasher.hash_one(reader.groups()), admin.groups().into());
        lists.intern(&mut reader);
        assert_eq!(reader.roles(), user("reader").roles());
        assert_eq!(reader.groups(), user("reader").groups());
    }
}

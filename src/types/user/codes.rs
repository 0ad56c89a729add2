use std::fmt;
use std::iter::Map;
use std::slice;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Lists of this length and more have an index; for shorter ones it costs more than it saves.
const INDEXED_FROM: usize = 12;

/// A list of role or permission codes: ordered, fast to search, cheap to clone.
///
/// ```
/// use aigc_auth::user::Codes;
///
/// let codes: Codes = ["b", "a"].into_iter().collect();
/// assert!(codes.contains("a"));
/// assert_eq!(codes.iter().collect::<Vec<_>>(), ["b", "a"]);
/// ```
#[derive(Clone, Default)]
pub struct Codes(Option<Arc<List>>);

struct List {
    codes: Box<[Box<str>]>,
    /// Positions in `codes`, sorted by the code there; empty for short lists.
    sorted: Box<[u32]>,
}

impl Codes {
    /// Whether this code is in the list.
    pub fn contains(&self, code: &str) -> bool {
        let Some(list) = &self.0 else { return false };
        if list.sorted.is_empty() {
            return list.codes.iter().any(|known| **known == *code);
        }
        // Shorter codes first: most comparisons then end at the length.
        list.sorted
            .binary_search_by(|&at| match list.codes.get(at as usize) {
                Some(known) => order(known, code),
                None => std::cmp::Ordering::Less,
            })
            .is_ok()
    }

    /// The codes, in the order they came.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.into_iter()
    }

    /// The number of codes.
    pub fn len(&self) -> usize {
        self.as_slice().len()
    }

    /// Whether the list is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// About how many bytes the list takes.
    #[cfg(feature = "client")]
    pub(crate) fn size(&self) -> usize {
        let Some(list) = &self.0 else { return 0 };
        let codes = list.codes.iter().map(|code| size_of::<Box<str>>() + code.len()).sum::<usize>();
        size_of::<List>() + codes + size_of_val(&*list.sorted)
    }

    fn as_slice(&self) -> &[Box<str>] {
        self.0.as_ref().map_or(&[], |list| &list.codes)
    }
}

fn order(a: &str, b: &str) -> std::cmp::Ordering {
    a.len().cmp(&b.len()).then_with(|| a.as_bytes().cmp(b.as_bytes()))
}

impl From<Vec<Box<str>>> for Codes {
    fn from(codes: Vec<Box<str>>) -> Self {
        if codes.is_empty() {
            return Self(None);
        }
        let mut sorted: Vec<u32> = Vec::new();
        if codes.len() >= INDEXED_FROM {
            sorted.extend((0..codes.len()).filter_map(|at| u32::try_from(at).ok()));
            sorted.sort_by(|&a, &b| match (codes.get(a as usize), codes.get(b as usize)) {
                (Some(a), Some(b)) => order(a, b),
                _ => std::cmp::Ordering::Equal,
            });
        }
        Self(Some(Arc::new(List { codes: codes.into(), sorted: sorted.into() })))
    }
}

impl<C: Into<Box<str>>> FromIterator<C> for Codes {
    fn from_iter<I: IntoIterator<Item = C>>(codes: I) -> Self {
        codes.into_iter().map(Into::into).collect::<Vec<Box<str>>>().into()
    }
}

impl<'a> IntoIterator for &'a Codes {
    type Item = &'a str;
    type IntoIter = Map<slice::Iter<'a, Box<str>>, fn(&'a Box<str>) -> &'a str>;

    fn into_iter(self) -> Self::IntoIter {
        self.as_slice().iter().map(|code| code)
    }
}

impl PartialEq for Codes {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Codes {}

impl fmt::Debug for Codes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Serialize for Codes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_slice().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Codes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::<Box<str>>::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_lists_find_the_same() {
        for len in [0, 1, INDEXED_FROM - 1, INDEXED_FROM, 200, 1000] {
            let all: Vec<String> =
                (0..len).map(|n| format!("{}:{n}", ["read", "write", "x"][n % 3])).collect();
            let codes: Codes = all.iter().map(String::as_str).collect();
            assert_eq!(codes.len(), len);
            assert!(codes.iter().eq(all.iter().map(String::as_str)), "the order is kept");
            assert!(all.iter().all(|code| codes.contains(code)), "{len}");
            for absent in ["", "read", "read:", "read:0 ", "READ:0", "zzz"] {
                assert!(!codes.contains(absent), "{absent} in {len}");
            }
        }
    }
}

use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher};
use std::slice;
use std::sync::{Arc, OnceLock};

use hashbrown::{DefaultHashBuilder, HashTable};
use serde::de::{self, DeserializeSeed, SeqAccess, Unexpected, Visitor};
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
    /// The codes one after the other: in an allocation each, most of a lookup would go into them.
    text: Box<str>,
    /// Where each ends in `text`.
    ends: Box<[usize]>,
    /// Made for the first search of a long list: equal lists are replaced by one of another user before that.
    index: OnceLock<Index>,
}

impl List {
    /// The code at a position. As bytes: between the ends of codes are whole characters, which need no check.
    fn at(&self, position: usize) -> &[u8] {
        let start = position.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        self.ends.get(position).and_then(|end| self.text.as_bytes().get(start..*end)).unwrap_or_default()
    }

    fn iter(&self) -> CodesIter<'_> {
        CodesIter { text: &self.text, ends: self.ends.iter(), start: 0 }
    }

    fn contains(&self, code: &[u8]) -> bool {
        if self.ends.len() < INDEXED_FROM {
            return (0..self.ends.len()).any(|position| self.at(position) == code);
        }
        self.index.get_or_init(|| Index::of(self)).contains(self, code)
    }
}

/// Finds codes in a long list.
struct Index {
    positions: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Index {
    fn of(list: &List) -> Self {
        let hasher = DefaultHashBuilder::default();
        let mut positions = HashTable::with_capacity(list.ends.len());
        let hash = |position: &u32| hasher.hash_one(list.at(*position as usize));
        for position in (0..list.ends.len()).filter_map(|position| u32::try_from(position).ok()) {
            // Each once: of equal ones, an insertion would walk over all that are there.
            let code = list.at(position as usize);
            let is_same = |other: &u32| list.at(*other as usize) == code;
            positions.entry(hash(&position), is_same, hash).or_insert(position);
        }
        Self { positions, hasher }
    }

    fn contains(&self, list: &List, code: &[u8]) -> bool {
        self.positions
            .find(self.hasher.hash_one(code), |position| list.at(*position as usize) == code)
            .is_some()
    }

    /// About how many bytes an index of so many codes takes.
    #[cfg(feature = "client")]
    fn size(codes: usize) -> usize {
        // A table is full by seven eighths at the most, and a power of two.
        (codes * 8 / 7).next_power_of_two() * (size_of::<u32>() + 1)
    }
}

impl Codes {
    /// Whether this code is in the list.
    pub fn contains(&self, code: &str) -> bool {
        self.0.as_ref().is_some_and(|list| list.contains(code.as_bytes()))
    }

    /// The codes, in the order they came.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.into_iter()
    }

    /// The number of codes.
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |list| list.ends.len())
    }

    /// Whether the list is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// About how many bytes the list takes, once it has been searched.
    #[cfg(feature = "client")]
    pub(crate) fn size(&self) -> usize {
        let Some(list) = &self.0 else { return 0 };
        let index = if list.ends.len() < INDEXED_FROM { 0 } else { Index::size(list.ends.len()) };
        size_of::<List>() + list.text.len() + size_of_val(&*list.ends) + index
    }
}

/// A list that is being made.
#[derive(Default)]
struct Joined {
    text: String,
    ends: Vec<usize>,
}

impl Joined {
    fn push(&mut self, code: &str) {
        self.text.push_str(code);
        self.ends.push(self.text.len());
    }
}

impl From<Joined> for Codes {
    fn from(Joined { text, ends }: Joined) -> Self {
        if ends.is_empty() {
            return Self(None);
        }
        Self(Some(Arc::new(List { text: text.into(), ends: ends.into(), index: OnceLock::new() })))
    }
}

impl<C: AsRef<str>> FromIterator<C> for Codes {
    fn from_iter<I: IntoIterator<Item = C>>(codes: I) -> Self {
        let mut joined = Joined::default();
        codes.into_iter().for_each(|code| joined.push(code.as_ref()));
        joined.into()
    }
}

impl<'a> IntoIterator for &'a Codes {
    type Item = &'a str;
    type IntoIter = CodesIter<'a>;

    fn into_iter(self) -> CodesIter<'a> {
        self.0.as_ref().map_or_else(CodesIter::default, |list| list.iter())
    }
}

/// The codes of a list, in the order they came.
#[derive(Clone, Debug, Default)]
pub struct CodesIter<'a> {
    text: &'a str,
    ends: slice::Iter<'a, usize>,
    /// Where the next one starts.
    start: usize,
}

impl<'a> Iterator for CodesIter<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let end = *self.ends.next()?;
        self.text.get(std::mem::replace(&mut self.start, end)..end)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.ends.size_hint()
    }
}

impl ExactSizeIterator for CodesIter<'_> {}

impl PartialEq for Codes {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(one), Some(other)) => {
                Arc::ptr_eq(one, other) || (one.ends == other.ends && one.text == other.text)
            }
            (one, other) => one.is_none() && other.is_none(),
        }
    }
}

impl Eq for Codes {}

impl Hash for Codes {
    fn hash<H: Hasher>(&self, state: &mut H) {
        if let Some(list) = &self.0 {
            list.text.hash(state);
            list.ends.hash(state);
        }
    }
}

impl fmt::Debug for Codes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

impl Serialize for Codes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self)
    }
}

impl<'de> Deserialize<'de> for Codes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ReadList).map(Self::from)
    }
}

/// Reads a list of codes.
struct ReadList;

impl<'de> Visitor<'de> for ReadList {
    type Value = Joined;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut codes: A) -> Result<Joined, A::Error> {
        let mut joined = Joined::default();
        while codes.next_element_seed(ReadCode(&mut joined))?.is_some() {}
        Ok(joined)
    }
}

/// Reads a code to the end of a list.
struct ReadCode<'a>(&'a mut Joined);

impl<'de> DeserializeSeed<'de> for ReadCode<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for ReadCode<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: de::Error>(self, code: &str) -> Result<(), E> {
        self.0.push(code);
        Ok(())
    }

    /// As serde takes bytes for texts, which some formats do not tell apart.
    fn visit_bytes<E: de::Error>(self, code: &[u8]) -> Result<(), E> {
        let invalid = || E::invalid_value(Unexpected::Bytes(code), &"a string");
        self.visit_str(std::str::from_utf8(code).map_err(|_| invalid())?)
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasherDefault, DefaultHasher};

    use super::*;

    #[test]
    fn short_and_long_lists_find_the_same() {
        for len in [0, 1, INDEXED_FROM - 1, INDEXED_FROM, 200, 1000] {
            let all: Vec<String> =
                (0..len).map(|n| format!("{}:{n}", ["read", "write", "x"][n % 3])).collect();
            let codes: Codes = all.iter().map(String::as_str).collect();
            assert_eq!((codes.len(), codes.is_empty()), (len, len == 0));
            assert!(codes.iter().eq(all.iter().map(String::as_str)), "the order is kept");
            assert_eq!(codes.iter().len(), len);
            let text = serde_json::to_string(&all).unwrap();
            assert_eq!(serde_json::to_string(&codes).unwrap(), text);
            assert_eq!(serde_json::from_str::<Codes>(&text).unwrap(), codes);
            assert!(all.iter().all(|code| codes.contains(code)), "{len}");
            for absent in ["", "read", "read:", "read:0 ", "READ:0", "zzz"] {
                assert!(!codes.contains(absent), "{absent} in {len}");
            }
        }
    }

    #[test]
    fn equal_codes_are_indexed_once() {
        let codes: Codes = std::iter::repeat_n("a", 50_000).chain(["b"]).collect();
        assert!(codes.contains("a") && codes.contains("b") && !codes.contains("c"));
        assert_eq!(codes.len(), 50_001);
        assert_eq!(codes.0.unwrap().index.get().unwrap().positions.len(), 2);
    }

    #[test]
    fn lists_of_other_formats_are_read() {
        for (bytes, expected) in [
            (&[0x92, 0xa1, b'a', 0xc4, 1, b'b'][..], Some(["a", "b"])),
            (&[0x92, 0xa1, b'a', 0xc4, 1, 0xff], None),
        ] {
            let read: Result<Codes, _> = rmp_serde::from_slice(bytes);
            assert_eq!(read.ok(), expected.map(|codes| codes.iter().collect()), "{bytes:?}");
        }
    }

    #[test]
    fn lists_of_the_same_text_are_not_the_same() {
        let lists = [&["a", "bc"][..], &["ab", "c"], &["abc"], &["abc", ""], &["", "abc"], &["bc", "a"], &[]];
        for (at, one) in lists.iter().enumerate() {
            for (other_at, other) in lists.iter().enumerate() {
                let [one, other]: [Codes; 2] = [one, other].map(|list| list.iter().collect());
                assert_eq!(one == other, at == other_at, "{one:?}, {other:?}");
                let hash = |codes: &Codes| BuildHasherDefault::<DefaultHasher>::default().hash_one(codes);
                assert_eq!(hash(&one) == hash(&other), at == other_at, "hashes of {one:?}, {other:?}");
            }
        }
        let codes: Codes = ["", "abc", ""].into_iter().collect();
        assert_eq!(codes.iter().collect::<Vec<_>>(), ["", "abc", ""]);
        assert!(codes.contains("") && codes.contains("abc") && !codes.contains("ab"));
        assert_eq!(serde_json::from_str::<Codes>(r#"["\u0061\n", ""]"#).unwrap().iter().next(), Some("a\n"));
        for (no_list, expected) in [
            ("[1]", "expected a string"),
            ("[null]", "expected a string"),
            (r#""a""#, "expected a sequence"),
            (r#"{"a": 1}"#, "expected a sequence"),
            ("[\"a\", [\"b\"]]", "expected a string"),
        ] {
            let error = serde_json::from_str::<Codes>(no_list).unwrap_err().to_string();
            assert!(error.contains(expected), "{no_list}: {error}");
        }
    }

    /// What a cache holds is bounded by it.
    #[test]
    #[cfg(feature = "client")]
    fn size_is_what_was_allocated() {
        for len in [0, 1, 2, INDEXED_FROM - 1, INDEXED_FROM, 14, 15, 28, 29, 100, 1000] {
            let codes: Codes = (0..len).map(|n| format!("code:{n}")).collect();
            codes.contains("code:0");
            let allocated = codes.0.as_ref().map_or(0, |list| {
                let index = list.index.get().map_or(0, |index| index.positions.allocation_size());
                size_of::<List>() + list.text.len() + list.ends.len() * size_of::<usize>() + index
            });
            // A table has a group of control bytes more, and is aligned to one.
            let over = allocated - codes.size();
            assert!(
                over < 32 && (over == 0 || len >= INDEXED_FROM),
                "{allocated}, {} of {len}",
                codes.size()
            );
        }
    }
}

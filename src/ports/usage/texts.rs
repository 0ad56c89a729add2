use std::borrow::Cow;

use serde::{Serialize, Serializer};

/// Texts by their names, as a JSON object: in order of their names, each of them once.
///
/// Most records have one or two, for which a list is less than a map.
#[derive(Clone, Default)]
pub(super) struct Texts(Vec<(Cow<'static, str>, String)>);

impl Texts {
    /// Adds a text, in place of one that has the name already.
    pub(super) fn insert(&mut self, name: Cow<'static, str>, text: String) {
        match self.0.binary_search_by(|(known, _)| known.cmp(&name)) {
            Ok(at) => self.0[at].1 = text,
            Err(at) => self.0.insert(at, (name, text)),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, text)| (&**name, &**text))
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(name, _)| name)
    }

    /// Returns how many bytes the names and texts have.
    pub(super) fn size(&self) -> usize {
        self.iter().map(|(name, text)| name.len() + text.len()).sum()
    }
}

impl Serialize for Texts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn they_are_a_map() {
        let (mut texts, mut map) = (Texts::default(), BTreeMap::new());
        for n in (0..500_u32).map(|n| n * 7_919 % 300) {
            let (name, text) = (format!("x-{n}"), format!("{n}\"\n"));
            texts.insert(Cow::Owned(name.clone()), text.clone());
            texts.insert(Cow::Borrowed("user-agent"), text.clone());
            map.extend([(name, text.clone()), ("user-agent".to_owned(), text)]);
        }
        assert_eq!(serde_json::to_string(&texts).unwrap(), serde_json::to_string(&map).unwrap());
        assert!(texts.names().eq(map.keys()));
        assert_eq!(texts.size(), map.iter().map(|(name, text)| name.len() + text.len()).sum::<usize>());
    }
}

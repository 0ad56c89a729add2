/// Which of a user's texts, in the order in which they are stored.
#[derive(Clone, Copy)]
pub(super) enum Text {
    Username,
    Nickname,
    Email,
    Phone,
    Avatar,
    Department,
    Company,
    Status,
}

impl Text {
    const COUNT: usize = Self::Status as usize + 1;
}

/// The texts of a user, one behind the other in one allocation. All but the username may be absent.
#[derive(PartialEq, Eq)]
pub(super) struct Texts {
    all: Box<str>,
    ends: Ends,
}

/// Which texts are there, since an absent one is no empty one, and where each but the last ends.
#[derive(PartialEq, Eq)]
enum Ends {
    /// In 16 bytes, of all but the oddest users.
    Short { present: u8, ends: [u16; Text::COUNT - 1] },
    /// Of texts of over 64 KiB.
    Long { present: u8, ends: Box<[usize; Text::COUNT - 1]> },
}

impl Texts {
    /// Stores the username, and the others in the order of [`Text`].
    pub(super) fn new(username: &str, others: [Option<&str>; Text::COUNT - 1]) -> Self {
        let len = username.len() + others.iter().flatten().map(|text| text.len()).sum::<usize>();
        let mut all = String::with_capacity(len);
        all.push_str(username);
        let mut present = 1;
        let mut ends = [0; Text::COUNT - 1];
        for (at, (text, end)) in others.iter().zip(&mut ends).enumerate() {
            *end = all.len();
            if let Some(text) = text {
                present |= 2 << at;
                all.push_str(text);
            }
        }
        // The last is the greatest.
        let ends = match ends.last().map(|end| u16::try_from(*end)) {
            Some(Err(_)) => Ends::Long { present, ends: Box::new(ends) },
            _ => Ends::Short { present, ends: ends.map(|end| end as u16) },
        };
        Self { all: all.into(), ends }
    }

    #[inline]
    pub(super) fn username(&self) -> &str {
        self.text(Text::Username as usize)
    }

    #[inline]
    pub(super) fn get(&self, text: Text) -> Option<&str> {
        let (Ends::Short { present, .. } | Ends::Long { present, .. }) = &self.ends;
        (present >> text as u8 & 1 == 1).then(|| self.text(text as usize))
    }

    #[inline]
    fn text(&self, at: usize) -> &str {
        let start = at.checked_sub(1).map_or(0, |before| self.end(before));
        self.all.get(start..self.end(at)).unwrap_or_default()
    }

    #[inline]
    fn end(&self, at: usize) -> usize {
        let end = match &self.ends {
            Ends::Short { ends, .. } => ends.get(at).map(|end| usize::from(*end)),
            Ends::Long { ends, .. } => ends.get(at).copied(),
        };
        end.unwrap_or(self.all.len())
    }

    /// How many bytes are allocated.
    #[cfg(feature = "client")]
    pub(super) fn allocated(&self) -> usize {
        let ends = match &self.ends {
            Ends::Short { .. } => 0,
            Ends::Long { ends, .. } => size_of_val(&**ends),
        };
        self.all.len() + ends
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OTHERS: [Text; Text::COUNT - 1] = [
        Text::Nickname,
        Text::Email,
        Text::Phone,
        Text::Avatar,
        Text::Department,
        Text::Company,
        Text::Status,
    ];

    /// Any of them absent, empty, of one byte or of several: each is read as it was given.
    #[test]
    fn texts_are_read_as_they_were_given() {
        let kinds = [None, Some(""), Some("a"), Some("日本 é 🦀")];
        for username in ["", "alice", "Алиса"] {
            for case in 0..kinds.len().pow(OTHERS.len() as u32) {
                let others = std::array::from_fn(|at| kinds[case >> (2 * at) & 3]);
                let texts = Texts::new(username, others);
                assert_eq!(texts.username(), username);
                assert_eq!(OTHERS.map(|text| texts.get(text)), others, "{username:?}");
            }
        }
    }

    #[test]
    fn texts_around_64_kib_are_read_as_they_were_given() {
        for len in [65_534, 65_535, 65_536, 65_537, 200_000] {
            let long = "é".repeat(len / 2) + &"x".repeat(len % 2);
            for at in 0..Text::COUNT {
                let username = if at == 0 { &*long } else { "alice" };
                let mut others = [Some("b"), None, Some(""), Some("ü"), None, Some("c"), Some("d")];
                if let Some(before) = at.checked_sub(1) {
                    others[before] = Some(&long);
                }
                let texts = Texts::new(username, others);
                assert_eq!(texts.username(), username, "{len}");
                assert_eq!(OTHERS.map(|text| texts.get(text)), others, "{len} at {at}");
                assert!(texts == Texts::new(username, others));
            }
        }
    }

    #[test]
    fn absent_texts_are_not_empty_ones_and_bounds_count() {
        let of = |nickname, email| Texts::new("a", [nickname, email, None, None, None, None, None]);
        assert!(of(None, None) != of(Some(""), None));
        assert!(
            of(Some("bc"), None) != of(Some("b"), Some("c")) && of(Some("b"), None) != of(None, Some("b"))
        );
    }

    #[test]
    fn all_but_the_text_takes_four_words() {
        assert_eq!(size_of::<Texts>(), 32);
    }
}

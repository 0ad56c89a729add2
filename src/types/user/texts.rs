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

/// Where the texts of a user are, which lie one behind the other in one allocation. All but the username may be absent.
///
/// Apart from that allocation and of bytes, so that what holds both may put a byte beside it.
pub(super) struct Bounds {
    /// Which texts but the username are there, since an absent one is no empty one; and [`LONG`](Self::LONG).
    flags: u8,
    /// Where each but the last ends, in little endian.
    ends: [[u8; 2]; Text::COUNT - 1],
}

impl Bounds {
    /// The ends do not fit 16 bits, and stand behind the texts instead: of texts of over 64 KiB.
    const LONG: u8 = 1;
    /// Digits of such an end.
    const DIGITS: usize = 16;

    /// Joins the username and the others, which are in the order of [`Text`].
    pub(super) fn join(username: &str, others: [Option<&str>; Text::COUNT - 1]) -> (Box<str>, Self) {
        let len = username.len() + others.iter().flatten().map(|text| text.len()).sum::<usize>();
        let mut all = String::with_capacity(len);
        all.push_str(username);
        let mut flags = 0;
        let mut ends = [0; Text::COUNT - 1];
        for (at, (text, end)) in others.iter().zip(&mut ends).enumerate() {
            *end = all.len();
            if let Some(text) = text {
                flags |= 2 << at;
                all.push_str(text);
            }
        }
        // The last is the greatest.
        if ends.last().is_some_and(|end| u16::try_from(*end).is_err()) {
            flags |= Self::LONG;
            ends.iter().for_each(|end| all.push_str(&format!("{end:016x}")));
        }
        (all.into(), Self { flags, ends: ends.map(|end| (end as u16).to_le_bytes()) })
    }

    #[inline]
    pub(super) fn username<'a>(&self, all: &'a str) -> &'a str {
        self.text(Text::Username as usize, all)
    }

    #[inline]
    pub(super) fn get<'a>(&self, text: Text, all: &'a str) -> Option<&'a str> {
        (self.flags >> text as u8 & 1 == 1).then(|| self.text(text as usize, all))
    }

    #[inline]
    fn text<'a>(&self, at: usize, all: &'a str) -> &'a str {
        let start = at.checked_sub(1).map_or(0, |before| self.end(before, all));
        all.get(start..self.end(at, all)).unwrap_or_default()
    }

    #[inline]
    fn end(&self, at: usize, all: &str) -> usize {
        if self.flags & Self::LONG != 0 {
            return Self::long_end(at, all);
        }
        self.ends.get(at).map_or(all.len(), |end| u16::from_le_bytes(*end).into())
    }

    #[cold]
    fn long_end(at: usize, all: &str) -> usize {
        let texts = all.len().saturating_sub((Text::COUNT - 1) * Self::DIGITS);
        if at == Text::COUNT - 1 {
            return texts;
        }
        let digits = all.get(texts + at * Self::DIGITS..).and_then(|ends| ends.get(..Self::DIGITS));
        digits.and_then(|digits| usize::from_str_radix(digits, 16).ok()).unwrap_or(texts)
    }

    /// Whether they say the same of their texts.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.flags == other.flags && self.ends == other.ends
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
                let (all, bounds) = Bounds::join(username, others);
                assert_eq!(bounds.username(&all), username);
                assert_eq!(OTHERS.map(|text| bounds.get(text, &all)), others, "{username:?}");
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
                let (all, bounds) = Bounds::join(username, others);
                assert_eq!(bounds.username(&all), username, "{len}");
                assert_eq!(OTHERS.map(|text| bounds.get(text, &all)), others, "{len} at {at}");
            }
        }
    }

    #[test]
    fn absent_texts_are_not_empty_ones_and_bounds_count() {
        let of = |nickname, email| Bounds::join("a", [nickname, email, None, None, None, None, None]);
        let are_same =
            |one: (Box<str>, Bounds), other: (Box<str>, Bounds)| one.0 == other.0 && one.1.is_same(&other.1);
        assert!(!are_same(of(None, None), of(Some(""), None)));
        assert!(!are_same(of(Some("bc"), None), of(Some("b"), Some("c"))));
        assert!(!are_same(of(Some("b"), None), of(None, Some("b"))));
        let long = "x".repeat(70_000);
        assert!(!are_same(of(Some(&long), Some("xx")), of(Some("xx"), Some(&long))));
        assert!(are_same(of(Some(&long), Some("")), of(Some(&long), Some(""))));
    }

    #[test]
    fn a_byte_is_left_beside_them_in_two_words() {
        assert_eq!((size_of::<Bounds>(), align_of::<Bounds>()), (15, 1));
    }
}

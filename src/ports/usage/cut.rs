//! Cut long values: callers choose their length, and the record of a call must not grow with it.

/// The length of the longest value that is recorded, in bytes.
pub(crate) const MAX_LEN: usize = 1024;

/// The end of a value that was cut.
pub(crate) const MARK: &str = "…[cut]";

/// Cuts a value to [`MAX_LEN`], with [`MARK`] as its end.
pub(crate) fn cut(value: impl Into<String>) -> String {
    cut_to(value.into(), MAX_LEN)
}

/// Cuts a value to a length in bytes, but for the [`MARK`] itself if there is no room for it.
pub(crate) fn cut_to(mut value: String, max_len: usize) -> String {
    if value.len() <= max_len {
        return value;
    }
    let mut end = max_len.saturating_sub(MARK.len());
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    value.truncate(end);
    value.push_str(MARK);
    // The rest of the buffer would stay with the record.
    value.shrink_to_fit();
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_cut_at_character_boundaries() {
        for text in ["x", "é", "爱", "🦀"] {
            for len in 1_000..1_100_usize {
                let value = text.repeat(len.div_ceil(text.len()));
                let cut = cut(value.clone());
                if value.len() <= MAX_LEN {
                    assert_eq!(cut, value);
                    continue;
                }
                let kept = cut.strip_suffix(MARK).unwrap();
                assert!(value.starts_with(kept) && cut.len() <= MAX_LEN, "{text}, {len}");
                assert!(cut.len() + text.len() > MAX_LEN, "{text}, {len}: no more than needed");
            }
        }
        assert_eq!(cut_to("long".to_owned(), 0), MARK);
    }
}

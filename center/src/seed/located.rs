use std::fmt;

/// Where something is in a file, both from 1. Columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// Finds the positions of the bytes of a text. Asked in their order, as of items in a file, it reads the text once.
#[derive(Debug)]
pub(crate) struct Positions<'a> {
    text: &'a str,
    /// The latest that was found, and its byte.
    latest: (usize, Position),
}

impl<'a> Positions<'a> {
    const START: (usize, Position) = (0, Position { line: 1, column: 1 });

    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, latest: Self::START }
    }

    pub(crate) fn of(&mut self, offset: usize) -> Position {
        if offset < self.latest.0 {
            self.latest = Self::START;
        }
        let (start, mut at) = self.latest;
        let between = self.text.get(start..offset).unwrap_or_default();
        at.line += between.bytes().filter(|byte| *byte == b'\n').count();
        match between.rsplit_once('\n') {
            Some((_, last)) => at.column = last.chars().count() + 1,
            None => at.column += between.chars().count(),
        }
        self.latest = (offset, at);
        at
    }
}

/// A value, and where it starts.
#[derive(Debug)]
pub(crate) struct Located<T> {
    pub(crate) value: T,
    pub(crate) at: Position,
}

/// What is wrong with a file, and where.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) at: Option<Position>,
    pub(crate) text: String,
}

impl Position {
    /// Returns the position of a byte of this text.
    pub(crate) fn of(text: &str, offset: usize) -> Self {
        Positions::new(text).of(offset)
    }

    /// Returns the position that is this one when counted from the start of another.
    pub(crate) fn within(self, outer: Self) -> Self {
        match self.line {
            0 => outer,
            1 => Self { line: outer.line, column: outer.column + self.column.saturating_sub(1) },
            line => Self { line: outer.line + line - 1, column: self.column },
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_the_same_in_any_order() {
        let text = "甲a\r\n\nb公开 x";
        for (offset, line, column) in
            [(0, 1, 1), (3, 1, 2), (6, 2, 1), (7, 3, 1), (15, 3, 5), (4, 1, 3), (7, 3, 1)]
        {
            let expected = Position { line, column };
            assert_eq!(Position::of(text, offset), expected, "{offset}");
        }
        let mut positions = Positions::new(text);
        for offset in [3, 7, 7, 15, 6, 0, 15] {
            assert_eq!(positions.of(offset), Position::of(text, offset), "{offset}");
        }
    }
}

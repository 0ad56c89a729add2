use std::fmt;

/// Where something is in a file, both from 1. Columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
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
        let before = text.get(..offset).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Self { line, column }
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

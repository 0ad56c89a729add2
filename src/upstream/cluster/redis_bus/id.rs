use std::fmt;
use std::str::FromStr;

/// The id of an entry of the stream. `XADD … <epoch>-*` gives numbers without holes within an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id {
    /// When the stream was started, in milliseconds since 1970, or later than the epoch before.
    pub(super) epoch: u64,
    pub(super) number: u64,
}

impl Id {
    /// Epoch and number.
    pub(super) fn parts(self) -> (u64, u64) {
        (self.epoch, self.number)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.number)
    }
}

impl FromStr for Id {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (epoch, number) = text.split_once('-').ok_or(())?;
        let number_of = |digits: &str| digits.parse().map_err(|_| ());
        Ok(Self { epoch: number_of(epoch)?, number: number_of(number)? })
    }
}

/// The direction in which a user is synchronized.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the auth center to the legacy system.
    ToLegacy,
    /// From the legacy system to the auth center.
    ToAuth,
}

/// The directions that are enabled.
///
/// A disabled direction does nothing: a push fails with [`SyncErrorKind::Off`](super::SyncErrorKind::Off), events are
/// answered with `"success": false`, and logins are ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SyncMode {
    /// The legacy system follows the auth center. The default.
    #[default]
    AuthToLegacy,
    /// Users are pushed to the auth center, and the legacy system does not follow it.
    LegacyToAuth,
    /// Both directions.
    Bidirectional,
    /// Neither direction.
    Off,
}

impl SyncMode {
    pub(super) fn allows(self, direction: Direction) -> bool {
        match self {
            Self::Bidirectional => true,
            Self::AuthToLegacy => direction == Direction::ToLegacy,
            Self::LegacyToAuth => direction == Direction::ToAuth,
            Self::Off => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mode_allows_its_directions_only() {
        for (mode, to_legacy, to_auth) in [
            (SyncMode::default(), true, false),
            (SyncMode::AuthToLegacy, true, false),
            (SyncMode::LegacyToAuth, false, true),
            (SyncMode::Bidirectional, true, true),
            (SyncMode::Off, false, false),
        ] {
            assert_eq!(
                (mode.allows(Direction::ToLegacy), mode.allows(Direction::ToAuth)),
                (to_legacy, to_auth)
            );
        }
    }
}

use std::sync::atomic::{AtomicU8, Ordering};

use super::access_key_kind::AccessKeyKind;

/// What of a user and the credential is one of a few, and whether a hook has seen the verification: in one byte, as there is no room
/// for a second in what glibc allocates.
pub(super) struct Marks(AtomicU8);

impl Marks {
    const FRESH: u8 = 1;
    const ANONYMOUS: u8 = 1 << 1;
    /// No user, but a service: see `types/service.rs`.
    const SERVICE: u8 = 1 << 2;
    const ADMIN: u8 = 1 << 3;
    /// The auth center said nothing of the admin flag.
    const ADMIN_UNKNOWN: u8 = 1 << 4;
    /// Two bits: 0 for a token.
    const ACCESS_KEY: u8 = 0b11 << Self::ACCESS_KEY_AT;
    const ACCESS_KEY_AT: u32 = 5;

    /// Those of a fresh verification.
    pub(super) fn new(
        admin_flag: Option<bool>,
        access_key: Option<AccessKeyKind>,
        is_anonymous: bool,
        is_service: bool,
    ) -> Self {
        let mark = |is_set: bool, mark: u8| if is_set { mark } else { 0 };
        let kind: u8 = match access_key {
            None => 0,
            Some(AccessKeyKind::User) => 1,
            Some(AccessKeyKind::App) => 2,
            Some(AccessKeyKind::Global) => 3,
        };
        Self(AtomicU8::new(
            Self::FRESH
                | mark(is_anonymous, Self::ANONYMOUS)
                | mark(is_service, Self::SERVICE)
                | mark(admin_flag == Some(true), Self::ADMIN)
                | mark(admin_flag.is_none(), Self::ADMIN_UNKNOWN)
                | kind << Self::ACCESS_KEY_AT,
        ))
    }

    #[inline]
    fn has(&self, mark: u8) -> bool {
        self.0.load(Ordering::Relaxed) & mark != 0
    }

    #[inline]
    pub(super) fn is_anonymous(&self) -> bool {
        self.has(Self::ANONYMOUS)
    }

    #[inline]
    pub(super) fn is_service(&self) -> bool {
        self.has(Self::SERVICE)
    }

    #[inline]
    pub(super) fn admin_flag(&self) -> Option<bool> {
        (!self.has(Self::ADMIN_UNKNOWN)).then(|| self.has(Self::ADMIN))
    }

    #[inline]
    pub(super) fn access_key(&self) -> Option<AccessKeyKind> {
        match (self.0.load(Ordering::Relaxed) & Self::ACCESS_KEY) >> Self::ACCESS_KEY_AT {
            0 => None,
            1 => Some(AccessKeyKind::User),
            2 => Some(AccessKeyKind::App),
            _ => Some(AccessKeyKind::Global),
        }
    }

    /// True for exactly one caller, unless it is restored. No hook sees a service: it would be made a row of.
    #[inline]
    pub(super) fn take_fresh(&self) -> bool {
        let is_due = self.0.load(Ordering::Relaxed) & (Self::FRESH | Self::SERVICE) == Self::FRESH;
        is_due && self.0.fetch_and(!Self::FRESH, Ordering::Relaxed) & Self::FRESH != 0
    }

    pub(super) fn restore_fresh(&self) {
        self.0.fetch_or(Self::FRESH, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_read_as_they_were_given_whether_fresh_or_not() {
        let kinds = [AccessKeyKind::User, AccessKeyKind::App, AccessKeyKind::Global].map(Some);
        for admin_flag in [None, Some(false), Some(true)] {
            for access_key in kinds.into_iter().chain([None]) {
                for (is_anonymous, is_service) in [(false, false), (false, true), (true, false), (true, true)]
                {
                    let marks = Marks::new(admin_flag, access_key, is_anonymous, is_service);
                    let read =
                        || (marks.admin_flag(), marks.access_key(), marks.is_anonymous(), marks.is_service());
                    let given = (admin_flag, access_key, is_anonymous, is_service);
                    assert_eq!(read(), given);
                    assert_eq!([marks.take_fresh(), marks.take_fresh()], [!is_service, false], "{given:?}");
                    assert_eq!(read(), given);
                    marks.restore_fresh();
                    assert_eq!([marks.take_fresh(), marks.take_fresh()], [!is_service, false], "{given:?}");
                    assert_eq!(read(), given);
                }
            }
        }
    }
}

/// What a [`UserSync`](super::UserSync) is doing at this moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UserSyncSnapshot {
    /// How many logins wait for the legacy system.
    pub logins: usize,
    /// Whether the push that the auth center has asked for is under way.
    pub is_pushing: bool,
}

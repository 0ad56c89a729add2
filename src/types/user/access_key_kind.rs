/// Which kind of access key a request was made with; see [`UserInfo::access_key`](crate::UserInfo::access_key).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AccessKeyKind {
    /// A user's own key: the request is that user's.
    User,
    /// The key of this app; no user is behind it: id 0, username `ak_app_<app id>`.
    App,
    /// A key for all apps; no user is behind it, and it is an admin: id 0, username `ak_global`.
    Global,
}

//! Extract the verified user in handlers, and require permissions, roles, groups or the admin flag.
//!
//! | extractor | no credential | invalid credential | unverifiable | not permitted |
//! |---|---|---|---|---|
//! | [`CurrentUser`] | 401 | 401 | 503 | |
//! | `Option<CurrentUser>` | `None` | 401 | 503 | |
//! | [`OptionalUser`] | `None` | `None` | `None` | |
//! | [`RequirePermission`], [`RequireRole`], [`RequireGroup`], [`RequireAdmin`] | 401 | 401 | 503 | 403 |
//!
//! [`ActAsUser`] is [`CurrentUser`] or, for admins who send `X-Act-As-User-Id`, the user they impersonate; it rejects
//! with 403, 404, 503 or 400.
//!
//! `CurrentService` and `RequireService` are for callers that are services: see [`service`](crate::service). All others reject
//! those with 403, but for [`OptionalUser`], which is `None`.
//!
//! `CurrentTenant`, `RequireOrg` and `RequireTeam` are about an organisation: see [`tenant`](crate::tenant).
//!
//! [`AuthLayer`](crate::AuthLayer) rejects unauthenticated requests before extractors run, unless
//! [`allow_anonymous`](crate::AuthLayer::allow_anonymous) is set. Without an `AuthLayer` extractors answer 500, and the
//! log says which layer is missing. On excluded paths all but [`OptionalUser`] answer 500, too: the credential was not
//! verified. [`RequestInfo`] works anywhere.
//!
//! [`ActAsUser`]: crate::ActAsUser
//! [`CurrentUser`]: crate::CurrentUser
//! [`OptionalUser`]: crate::OptionalUser
//! [`RequireAdmin`]: crate::RequireAdmin
//! [`RequireGroup`]: crate::RequireGroup
//! [`RequirePermission`]: crate::RequirePermission
//! [`RequireRole`]: crate::RequireRole

pub(crate) mod act_as_user;
pub(crate) mod current_service;
pub(crate) mod current_tenant;
pub(crate) mod current_user;
mod holds_user;
pub(crate) mod optional_user;
mod rejection;
mod request_info;
pub(crate) mod require_action;
pub(crate) mod require_group;
pub(crate) mod require_permission;
pub(crate) mod require_role;
pub(crate) mod require_service;
mod requirements;

pub use request_info::RequestInfo;

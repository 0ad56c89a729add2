//! The user behind a request.

mod access_key_kind;
#[cfg(feature = "client")]
mod at_once;
mod builder;
mod checks;
mod codes;
mod debug;
mod end;
mod feishu_ids;
mod fields;
mod group;
pub(crate) mod id;
pub(crate) mod info;
mod marks;
#[cfg(feature = "jwt")]
mod of_token;
mod rare;
#[cfg(feature = "utoipa")]
mod schema;
mod serialization;
#[cfg(feature = "client")]
mod size;
mod texts;
#[cfg(feature = "redis")]
pub(crate) mod whole;

pub use access_key_kind::AccessKeyKind;
#[cfg(feature = "client")]
pub(crate) use at_once::UserAtOnce;
pub use builder::UserInfoBuilder;
pub use codes::{Codes, CodesIter};
pub use feishu_ids::FeishuIds;
pub use group::UserGroup;
pub(crate) use id::UserId;
pub(crate) use info::UserInfo;

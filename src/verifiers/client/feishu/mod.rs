//! Reach users at Feishu through the auth center: messages, accounts, tokens.

mod message;
mod new_user;
mod token;
mod user;

pub use message::{FeishuMessage, SentFeishuMessage};
pub use new_user::NewFeishuUser;
pub use token::{FeishuTokenRequest, FeishuUserToken};
pub use user::FeishuUser;

//! Send messages by a Feishu bot.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::request::Request;
use crate::testing::accounts::is_active;
use crate::testing::limits::weight;
use crate::testing::rejection::{Outcome, Rejection};
use crate::testing::state::State;
use crate::types::user::{FeishuIds, UserId, UserInfo};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    bot_app_id: String,
    recipient_type: RecipientType,
    /// A number or a string.
    recipient: UserId,
    message_type: String,
    content: Map<String, Value>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RecipientType {
    AuthUserId,
    Username,
    FeishuUserId,
    FeishuOpenId,
    FeishuUnionId,
}

impl RecipientType {
    fn is(self, user: &UserInfo, recipient: &str) -> bool {
        let ids = user.feishu();
        match self {
            Self::AuthUserId => match user.id() {
                UserId::Int(id) => recipient.parse() == Ok(*id),
                UserId::Str(id) => **id == *recipient,
            },
            Self::Username => user.username() == recipient,
            Self::FeishuUserId => ids.and_then(FeishuIds::user_id) == Some(recipient),
            Self::FeishuOpenId => ids.and_then(FeishuIds::open_id) == Some(recipient),
            Self::FeishuUnionId => ids.and_then(FeishuIds::union_id) == Some(recipient),
        }
    }
}

pub(super) fn send(state: &mut State, request: &Request) -> Outcome {
    let Message { bot_app_id, recipient_type, recipient, message_type, content } = request.parse()?;
    let recipient = recipient.to_string();
    if bot_app_id.is_empty() || recipient.is_empty() || content.is_empty() {
        return Err(Rejection::bad_request("`botAppId`, `recipient` and `content` must not be empty"));
    }
    if !matches!(message_type.as_str(), "text" | "post" | "interactive") {
        return Err(Rejection::bad_request("expected `messageType` to be text, post or interactive"));
    }
    let mut users = state.accounts.users.values();
    if !users.any(|user| is_active(user) && recipient_type.is(user, &recipient)) {
        // The auth center keeps Feishu's own code within the message.
        return Err(Rejection::bad_request("Feishu error 230013: the bot is not available to the recipient"));
    }
    state.check_row(weight(&request.body))?;
    if state.feishu_messages.len() == state.limits.messages {
        state.feishu_messages.pop_front();
    }
    state.feishu_messages.push_back(request.body.clone());
    state.messages_sent += 1;
    Ok(json!({"message_id": format!("om_{}", state.messages_sent), "status": "sent"}))
}

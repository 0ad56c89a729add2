use std::fmt;

use serde::Deserialize;
use serde_json::{Value, json};

use super::user::FeishuUser;
use crate::types::error::{AuthError, ErrorKind};
use crate::types::spelling::{self, Record};
use crate::upstream::api_client::Call;
use crate::verifiers::client::client::AuthClient;

/// A message that a bot sends, by [`AuthClient::send_feishu_message`].
///
/// ```
/// use aigc_auth::client::FeishuMessage;
/// use serde_json::json;
///
/// let text = FeishuMessage::text("The export is ready.");
/// let post = FeishuMessage::post(json!({"zh_cn": {"title": "导出", "content": [[{"tag": "text", "text": "已完成"}]]}}));
/// ```
#[derive(Clone, PartialEq)]
pub struct FeishuMessage {
    message_type: &'static str,
    content: Value,
}

impl fmt::Debug for FeishuMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the content, which is for its reader.
        f.debug_struct("FeishuMessage").field("message_type", &self.message_type).finish_non_exhaustive()
    }
}

impl FeishuMessage {
    /// Creates a plain text.
    pub fn text(text: impl Into<String>) -> Self {
        Self { message_type: "text", content: json!({ "text": text.into() }) }
    }

    /// Creates a rich text, from Feishu's JSON of one: an object by language, such as `{"zh_cn": {"title": …}}`.
    pub fn post(content: Value) -> Self {
        Self { message_type: "post", content }
    }

    /// Creates an interactive card, from Feishu's JSON of one.
    pub fn interactive(card: Value) -> Self {
        Self { message_type: "interactive", content: card }
    }
}

/// A message that was sent by [`AuthClient::send_feishu_message`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(remote = "Self", rename_all = "camelCase")]
#[non_exhaustive]
pub struct SentFeishuMessage {
    /// The id of the message at Feishu, such as `om_…`.
    pub message_id: String,
    /// The status, `sent`.
    #[serde(default)]
    pub status: Option<String>,
    /// The first message of the thread that it belongs to.
    #[serde(default)]
    pub root_id: Option<String>,
    /// The message that it replies to.
    #[serde(default)]
    pub parent_id: Option<String>,
    /// When the message was created, as Feishu writes it: a text or a number.
    #[serde(default)]
    pub create_time: Option<Value>,
}

spelling::deserialize_either_spelling!(SentFeishuMessage);

impl AuthClient {
    /// Sends a message to a user at Feishu, from the bot of this Feishu app (`cli_…`). Since SDK 1.1.59. Not retried if the
    /// first attempt may have arrived.
    ///
    /// ```no_run
    /// # async fn example(client: aigc_auth::AuthClient) -> Result<(), aigc_auth::AuthError> {
    /// use aigc_auth::client::{FeishuMessage, FeishuUser};
    ///
    /// let text = FeishuMessage::text("The export is ready.");
    /// match client.send_feishu_message("cli_9f2b", &FeishuUser::username("alice"), &text).await {
    ///     Err(error) if error.feishu_code() == Some(230_013) => println!("the bot is not available to alice"),
    ///     sent => println!("{}", sent?.message_id),
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) for an empty bot or recipient and for content that is not an object
    /// with fields, before anything is sent; [`Rejected`](ErrorKind::Rejected), with Feishu's own code in
    /// [`AuthError::feishu_code`] where Feishu refused the message; [`Unavailable`](ErrorKind::Unavailable).
    pub async fn send_feishu_message(
        &self,
        bot_app_id: &str,
        recipient: &FeishuUser,
        message: &FeishuMessage,
    ) -> Result<SentFeishuMessage, AuthError> {
        let invalid = |why| AuthError::new(ErrorKind::InvalidRequest).with_detail(why);
        if bot_app_id.trim().is_empty() {
            return Err(invalid("expected the id of the bot's Feishu app, found an empty text"));
        }
        recipient.check()?;
        if message.content.as_object().is_none_or(serde_json::Map::is_empty) {
            return Err(invalid("expected an object with fields as the content of a Feishu message"));
        }
        let (recipient_type, recipient) = recipient.recipient();
        let body = json!({
            "botAppId": bot_app_id,
            "recipientType": recipient_type,
            "recipient": recipient,
            "messageType": message.message_type,
            "content": message.content,
        });
        let call = Call::new("/feishu/message", &body).not_idempotent();
        self.inner.core.api.call(call).await.map(|Record(sent)| sent)
    }
}

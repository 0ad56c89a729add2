use super::layer::AuthLayer;
use crate::request::refusals::ErrorResponder;
use crate::types::error::Language;

impl AuthLayer {
    /// Sets the language of error messages. Defaults to English.
    pub fn language(mut self, language: Language) -> Self {
        self.settings_mut().refusals.wording.language = language;
        self
    }

    /// Sets who builds the answers to errors of this layer, and of the extractors and handlers below it. Defaults to
    /// [`ErrorResponder::envelope`].
    pub fn error_responder(mut self, responder: ErrorResponder) -> Self {
        self.settings_mut().refusals.responder = responder;
        self
    }

    /// Tells callers who lack a permission, a role or a group which one, in the message of their 403. By default the message
    /// does not, and only the challenge's `scope` has a single permission.
    ///
    /// Only verified users and services are told, and no [anonymous](crate::UserInfo::is_anonymous) users.
    pub fn tell_missing_permission(mut self) -> Self {
        self.settings_mut().refusals.wording.names_permission = true;
        self
    }

    /// Adds a `realm` to every challenge (RFC 9110 section 11.5). Defaults to none.
    ///
    /// # Panics
    /// If it is empty, or has other characters than visible ASCII and spaces.
    #[track_caller]
    pub fn realm(mut self, realm: &str) -> Self {
        self.settings_mut().refusals.wording.challenge.set_realm(realm);
        self
    }

    /// Adds the URL of the protected resource's metadata to every challenge, `resource_metadata` of RFC 9728 section 5.1,
    /// which clients of MCP servers look for. Defaults to none.
    ///
    /// # Panics
    /// If it is no absolute URL.
    #[track_caller]
    pub fn resource_metadata(mut self, url: &str) -> Self {
        self.settings_mut().refusals.wording.challenge.set_resource_metadata(url);
        self
    }
}

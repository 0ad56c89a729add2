use std::time::SystemTime;

use super::access_key_kind::AccessKeyKind;
use super::feishu_ids::FeishuIds;
use super::fields::Fields;
use super::group::UserGroup;
use super::id::UserId;
use super::info::UserInfo;
use crate::types::tenant::binding::TenantBinding;

/// Builds a [`UserInfo`]; made by [`UserInfo::builder`] or [`UserInfo::to_builder`].
#[derive(Clone)]
#[must_use]
pub struct UserInfoBuilder {
    fields: Fields,
    access_key: Option<AccessKeyKind>,
    is_anonymous: bool,
    is_service: bool,
    valid_until: Option<SystemTime>,
    binding: Option<Box<TenantBinding>>,
    #[cfg(feature = "jwt")]
    claims: Option<Box<str>>,
}

impl UserInfo {
    /// Starts a user, for tests and for your own [`Verify`](crate::Verify).
    pub fn builder(id: impl Into<UserId>, username: impl Into<Box<str>>) -> UserInfoBuilder {
        UserInfoBuilder {
            fields: Fields::new(id.into(), username.into()),
            access_key: None,
            is_anonymous: false,
            is_service: false,
            valid_until: None,
            binding: None,
            #[cfg(feature = "jwt")]
            claims: None,
        }
    }

    /// Starts a changed copy of this user.
    ///
    /// ```
    /// use aigc_auth::UserInfo;
    ///
    /// let alice = UserInfo::builder(7, "alice").email("alice@example.com").build();
    /// let admin = alice.to_builder().admin(true).build();
    /// assert!(admin.is_admin() && admin.email() == alice.email());
    /// ```
    pub fn to_builder(&self) -> UserInfoBuilder {
        UserInfoBuilder {
            fields: self.fields().clone(),
            access_key: self.access_key(),
            is_anonymous: self.is_anonymous(),
            is_service: self.is_service(),
            valid_until: self.valid_until(),
            binding: self.bound_to().cloned().map(Box::new),
            #[cfg(feature = "jwt")]
            claims: self.claims().map(Into::into),
        }
    }
}

macro_rules! text_setters {
    ($($(#[$doc:meta])* $field:ident),+ $(,)?) => {$(
        $(#[$doc])*
        pub fn $field(mut self, $field: impl Into<Box<str>>) -> Self {
            self.fields.$field = Some($field.into());
            self
        }
    )+};
}

impl UserInfoBuilder {
    text_setters! {
        /// Sets the display name.
        nickname,
        /// Sets the e-mail address.
        email,
        /// Sets the phone number.
        phone,
        /// Sets the URL of a picture.
        avatar,
        /// Sets the department.
        department,
        /// Sets the company.
        company,
        /// Sets the account's status.
        status,
    }

    /// Sets the id.
    pub fn id(mut self, id: impl Into<UserId>) -> Self {
        self.fields.id = id.into();
        self
    }

    /// Sets the login name.
    pub fn username(mut self, username: impl Into<Box<str>>) -> Self {
        self.fields.username = username.into();
        self
    }

    /// Sets the codes of the roles, replacing those set before.
    pub fn roles<R: Into<Box<str>>>(mut self, roles: impl IntoIterator<Item = R>) -> Self {
        self.fields.roles = roles.into_iter().collect();
        self
    }

    /// Sets the codes of the permissions, replacing those set before.
    pub fn permissions<P: Into<Box<str>>>(mut self, permissions: impl IntoIterator<Item = P>) -> Self {
        self.fields.permissions = permissions.into_iter().collect();
        self
    }

    /// Sets the groups, replacing those set before: by their codes, or with all that is known of them.
    pub fn groups<G: Into<UserGroup>>(mut self, groups: impl IntoIterator<Item = G>) -> Self {
        self.fields.set_groups(groups.into_iter().map(Into::into));
        self
    }

    /// Sets the ids at Feishu. Defaults to none.
    pub fn feishu(mut self, ids: FeishuIds) -> Self {
        self.fields.set_feishu(ids);
        self
    }

    /// Sets whether the user is an admin; `None` if that is not known. Defaults to no.
    pub fn admin(mut self, is_admin: impl Into<Option<bool>>) -> Self {
        self.fields.is_admin = is_admin.into();
        self
    }

    /// Sets the kind of access key that the request was made with. Defaults to a token.
    pub fn access_key(mut self, kind: AccessKeyKind) -> Self {
        self.access_key = Some(kind);
        self
    }

    /// Sets whether the user has signed in without saying who they are. Defaults to no.
    pub fn anonymous(mut self, is_anonymous: bool) -> Self {
        self.is_anonymous = is_anonymous;
        self
    }

    /// Makes it a service.
    pub(crate) fn service(mut self) -> Self {
        self.is_service = true;
        self
    }

    /// Sets when the credential ends, so that no cache serves the user for longer. Defaults to none.
    pub fn valid_until(mut self, end: SystemTime) -> Self {
        self.valid_until = Some(end);
        self
    }

    /// Binds the credential to an organisation, and perhaps to a team: headers can then only narrow it, and another
    /// organisation or team is 403. Defaults to none. [`ClaimsMapping::org_claim`](crate::claims::ClaimsMapping::org_claim)
    /// reads it from a claim; a [`Verify`](crate::Verify) of your own sets it for an access key.
    ///
    /// ```
    /// use aigc_auth::UserInfo;
    /// use aigc_auth::tenant::TenantBinding;
    ///
    /// let user = UserInfo::builder(7, "alice").bound_to(TenantBinding::to_org("acme").and_team("design")).build();
    /// assert_eq!(user.bound_to().map(|bound| bound.org().as_str()), Some("acme"));
    /// ```
    pub fn bound_to(mut self, tenant: TenantBinding) -> Self {
        self.binding = Some(Box::new(tenant));
        self
    }

    /// Sets the claims that [`jwt::Claims`](crate::jwt::Claims) reads. Defaults to none; a `JwtVerifier` sets those of
    /// the token.
    #[cfg(feature = "jwt")]
    pub fn claims(mut self, claims: &serde_json::Value) -> Self {
        self.claims = Some(claims.to_string().into());
        self
    }

    /// Builds the user.
    #[must_use]
    pub fn build(self) -> UserInfo {
        UserInfo::from_parts(
            self.fields,
            self.access_key,
            self.is_anonymous,
            self.is_service,
            self.valid_until,
            self.binding,
            #[cfg(feature = "jwt")]
            self.claims,
        )
    }
}

impl From<UserInfoBuilder> for UserInfo {
    fn from(builder: UserInfoBuilder) -> Self {
        builder.build()
    }
}

impl std::fmt::Debug for UserInfoBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UserInfoBuilder").field("user", &self.clone().build()).finish()
    }
}

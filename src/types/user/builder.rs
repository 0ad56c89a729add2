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
            fields: Fields {
                username: self.username().into(),
                nickname: self.nickname().map(Into::into),
                email: self.email().map(Into::into),
                phone: self.phone().map(Into::into),
                avatar: self.avatar().map(Into::into),
                roles: self.roles().clone(),
                permissions: self.permissions().clone(),
                groups: self.shared_groups().cloned(),
                department: self.department().map(Into::into),
                company: self.company().map(Into::into),
                feishu: self.feishu().cloned().map(Box::new),
                is_admin: self.admin_flag(),
                status: self.status().map(Into::into),
                id: self.id().clone(),
            },
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
    pub fn roles<R: AsRef<str>>(mut self, roles: impl IntoIterator<Item = R>) -> Self {
        self.fields.roles = roles.into_iter().collect();
        self
    }

    /// Sets the codes of the permissions, replacing those set before.
    pub fn permissions<P: AsRef<str>>(mut self, permissions: impl IntoIterator<Item = P>) -> Self {
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

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    /// Random users: what is set is read, and a changed copy differs in what was changed alone.
    #[test]
    fn what_is_set_is_read_and_kept_by_a_copy() {
        let mut random = test_support::seed::random();
        for _ in 0..2_000 {
            let text = |random: &mut fastrand::Rng| -> Box<str> {
                match random.u8(..100) {
                    0..20 => "".into(),
                    20..22 => "長🦀x".repeat(random.usize(5_000..20_000)).into(),
                    _ => (0..random.usize(1..12)).map(|_| random.char(..)).collect(),
                }
            };
            let username = text(&mut random);
            let texts: [Option<Box<str>>; 7] =
                std::array::from_fn(|_| random.bool().then(|| text(&mut random)));
            let [nickname, email, phone, avatar, department, company, status] = texts.clone();
            let mut builder = UserInfo::builder(random.i64(..), username.clone());
            type Set = fn(UserInfoBuilder, Box<str>) -> UserInfoBuilder;
            let setters: [(Set, _); 7] = [
                (UserInfoBuilder::company, company),
                (UserInfoBuilder::nickname, nickname),
                (UserInfoBuilder::status, status),
                (UserInfoBuilder::email, email),
                (UserInfoBuilder::phone, phone),
                (UserInfoBuilder::department, department),
                (UserInfoBuilder::avatar, avatar),
            ];
            for (set, value) in setters {
                builder = value.into_iter().fold(builder, set);
            }
            let binding = random.bool().then(|| TenantBinding::to_org("acme").and_team("design"));
            let end = random.bool().then(|| UNIX_EPOCH + Duration::from_nanos(random.u64(..)));
            let admin = random.choice([None, Some(false), Some(true)]).flatten();
            let groups = random.usize(..3);
            builder = builder.admin(admin).groups(vec!["ops"; groups]).roles(["r"]).permissions(["p", "q"]);
            builder = binding.clone().into_iter().fold(builder, UserInfoBuilder::bound_to);
            builder = end.into_iter().fold(builder, UserInfoBuilder::valid_until);
            let feishu = random.bool().then(|| FeishuIds::new().with_open_id("ou"));
            builder = feishu.clone().into_iter().fold(builder, UserInfoBuilder::feishu);

            let user = builder.build();
            for user in [&user, &user.to_builder().build()] {
                assert_eq!(user.username(), &*username);
                let read = [
                    user.nickname(),
                    user.email(),
                    user.phone(),
                    user.avatar(),
                    user.department(),
                    user.company(),
                    user.status(),
                ];
                assert_eq!(read.map(|text| text.map(Into::into)), texts);
                assert_eq!((user.admin_flag(), user.groups().len()), (admin, groups));
                assert!(user.has_role("r") && user.has_permission("q") && user.permissions().len() == 2);
                assert_eq!((user.feishu(), user.bound_to()), (feishu.as_ref(), binding.as_ref()));
                assert_eq!(user.valid_until(), end);
            }
            assert_eq!(user.to_builder().build(), user);
            let json: UserInfo = serde_json::from_value(serde_json::to_value(&user).unwrap()).unwrap();
            let unbound = UserInfoBuilder { binding: None, ..user.to_builder() };
            assert_eq!(json, unbound.build());
            let renamed = user.to_builder().nickname("another nickname").build();
            assert!(renamed != user && renamed.nickname() == Some("another nickname"));
            assert_eq!((renamed.username(), renamed.email()), (user.username(), user.email()));
        }
    }
}

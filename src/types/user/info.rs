use std::sync;
use std::time::SystemTime;

// Without the counter of weak references, which would take every user to the next of the allocator's sizes.
use triomphe::Arc;

use super::access_key_kind::AccessKeyKind;
use super::codes::Codes;
use super::end::End;
use super::feishu_ids::FeishuIds;
use super::fields::Fields;
use super::group::UserGroup;
use super::id::UserId;
use super::marks::Marks;
use super::rare::{Rare, Rarest};
use super::texts::{Bounds, Text};
use crate::types::tenant::binding::TenantBinding;

/// A verified user, as the layer leaves it in the request's extensions.
///
/// Cheap to clone: clones share their allocations. Serializes to the auth center's fields, in snake_case; deserializes from
/// them in snake_case or camelCase. `Debug` shows the id and what the user may do, and of names and addresses only whether they
/// are there.
///
/// ```
/// use aigc_auth::UserInfo;
///
/// let user = UserInfo::builder(7, "alice").permissions(["report:read"]).email("alice@example.com").build();
/// assert_eq!(user.username(), "alice");
/// assert_eq!(user.email(), Some("alice@example.com"));
/// assert!(user.has_permission("report:read"));
/// ```
#[derive(Clone)]
pub struct UserInfo(pub(super) Arc<Shared>);

// What is added here, or to `Rare`, belongs into `whole.rs` as well, or is left out there on purpose.
/// What is asked for with every request; the texts in one more allocation, the rest of it in a third that few have.
pub(super) struct Shared {
    pub(super) id: UserId,
    pub(super) roles: Codes,
    pub(super) permissions: Codes,
    pub(super) texts: Box<str>,
    pub(super) bounds: Bounds,
    pub(super) marks: Marks,
    pub(super) rare: Option<Box<Rare>>,
    pub(super) valid_until: End,
}

impl Shared {
    /// What few users have, to be set.
    #[cfg(feature = "client")]
    pub(super) fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }
}

macro_rules! text_getters {
    ($($(#[$doc:meta])* $field:ident: $text:ident),+ $(,)?) => {$(
        $(#[$doc])*
        pub fn $field(&self) -> Option<&str> {
            self.0.bounds.get(Text::$text, &self.0.texts)
        }
    )+};
}

impl UserInfo {
    pub(super) fn from_parts(
        fields: Fields,
        access_key: Option<AccessKeyKind>,
        is_anonymous: bool,
        is_service: bool,
        valid_until: Option<SystemTime>,
        binding: Option<Box<TenantBinding>>,
        #[cfg(feature = "jwt")] claims: Option<Box<str>>,
    ) -> Self {
        let (texts, bounds) = fields.texts();
        let end = End::from(valid_until);
        let rarest =
            Rarest { feishu: fields.feishu.map(|ids| *ids), end: valid_until.filter(|_| end.is_elsewhere()) };
        let rare = Rare {
            groups: fields.groups,
            rarest: rarest.boxed(),
            binding,
            #[cfg(feature = "jwt")]
            claims,
            #[cfg(feature = "jwt")]
            revocation: None,
        };
        Self(Arc::new(Shared {
            texts,
            bounds,
            id: fields.id,
            roles: fields.roles,
            permissions: fields.permissions,
            rare: rare.boxed(),
            valid_until: end,
            marks: Marks::new(fields.is_admin, access_key, is_anonymous, is_service),
        }))
    }

    pub(super) fn rare(&self) -> Option<&Rare> {
        self.0.rare.as_deref()
    }

    pub(super) fn shared_groups(&self) -> Option<&sync::Arc<[UserGroup]>> {
        self.rare()?.groups.as_ref()
    }

    /// The user's id, a number or a string as the auth center has it. 0 for access keys of an app and global ones.
    pub fn id(&self) -> &UserId {
        &self.0.id
    }

    /// The login name.
    pub fn username(&self) -> &str {
        self.0.bounds.username(&self.0.texts)
    }

    text_getters! {
        /// The display name.
        nickname: Nickname,
        /// The e-mail address.
        email: Email,
        /// The phone number.
        phone: Phone,
        /// The URL of a picture.
        avatar: Avatar,
        /// The department.
        department: Department,
        /// The company.
        company: Company,
        /// The account's status, such as `active`.
        status: Status,
    }

    /// Codes of the roles, in the auth center's order. Empty for access keys.
    pub fn roles(&self) -> &Codes {
        &self.0.roles
    }

    /// Codes of the permissions, in the auth center's order. Empty for access keys.
    pub fn permissions(&self) -> &Codes {
        &self.0.permissions
    }

    /// The groups, in the auth center's order. Empty for access keys, and from auth centers before 1.1.54.
    pub fn groups(&self) -> &[UserGroup] {
        self.shared_groups().map_or(&[], |groups| groups)
    }

    /// The user's ids at Feishu; `None` if the auth center knows none of them.
    pub fn feishu(&self) -> Option<&FeishuIds> {
        self.rare()?.rarest.as_deref()?.feishu.as_ref()
    }

    /// Whether the user is an admin at the auth center: not unless it says so. The flag grants no permission by itself.
    pub fn is_admin(&self) -> bool {
        self.admin_flag().unwrap_or_default()
    }

    /// The admin flag as the auth center sent it: `None` if it was null or absent.
    pub fn admin_flag(&self) -> Option<bool> {
        self.0.marks.admin_flag()
    }

    /// Which kind of access key the request was made with; `None` for a token.
    pub fn access_key(&self) -> Option<AccessKeyKind> {
        self.0.marks.access_key()
    }

    /// Whether no user is behind the credential, but an app.
    pub(crate) fn is_app_key(&self) -> bool {
        matches!(self.access_key(), Some(AccessKeyKind::App | AccessKeyKind::Global))
    }

    /// Whether the user has signed in without saying who they are, as Supabase and Firebase let them. Only a
    /// `JwtVerifier` knows.
    pub fn is_anonymous(&self) -> bool {
        self.0.marks.is_anonymous()
    }

    /// Whether it is a service, in the form in which verifiers return one.
    pub(crate) fn is_service(&self) -> bool {
        self.0.marks.is_service()
    }

    /// When the credential ends, if the verifier says so: a JWT's `exp`, the auth center's `expiresAt`, the `exp` of an
    /// introspection. No cache serves the user for longer.
    pub fn valid_until(&self) -> Option<SystemTime> {
        self.0.valid_until.get(|| self.rare()?.rarest.as_deref()?.end)
    }

    /// The organisation, and perhaps the team, that the credential is bound to; `None` if it is bound to none. It is part
    /// of the credential, not of the user.
    pub fn bound_to(&self) -> Option<&TenantBinding> {
        self.rare()?.binding.as_deref()
    }

    /// Whether both are clones of one.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Sets when the credential ends.
    #[cfg(feature = "client")]
    pub(crate) fn set_valid_until(&mut self, end: SystemTime) {
        self.change(|shared| {
            shared.valid_until = Some(end).into();
            if shared.valid_until.is_elsewhere() {
                shared.rare_mut().rarest.get_or_insert_default().end = Some(end);
            }
        });
    }

    /// Changes this user, and no clone of it, such as one that a function which mapped the claims has kept.
    #[cfg(feature = "client")]
    pub(super) fn change(&mut self, change: impl FnOnce(&mut Shared)) {
        if Arc::get_mut(&mut self.0).is_none() {
            *self = self.to_builder().build();
        }
        Arc::get_mut(&mut self.0).map(change);
    }

    /// Replaces the lists that users share by equal ones. Only while no clone exists.
    #[cfg(feature = "client")]
    pub(crate) fn replace_lists(
        &mut self,
        replace_codes: impl Fn(&mut Codes),
        replace_groups: impl FnOnce(&mut sync::Arc<[UserGroup]>),
    ) {
        if let Some(Shared { roles, permissions, rare, .. }) = Arc::get_mut(&mut self.0) {
            replace_codes(roles);
            replace_codes(permissions);
            if let Some(groups) = rare.as_mut().and_then(|rare| rare.groups.as_mut()) {
                replace_groups(groups);
            }
        }
    }

    /// True for exactly one caller per verification: whether to run a hook on fresh verifications.
    ///
    /// The mark travels with the answer, so that one request finds it even when the request that started the lookup is
    /// gone, or when the lookup was a refresh in the background.
    pub(crate) fn take_fresh(&self) -> bool {
        self.0.marks.take_fresh()
    }

    /// Marks the verification as fresh again, after a hook that was interrupted.
    pub(crate) fn restore_fresh(&self) {
        self.0.marks.restore_fresh();
    }
}

impl PartialEq for UserInfo {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
            && self.0.texts == other.0.texts
            && self.0.bounds.is_same(&other.0.bounds)
            && self.roles() == other.roles()
            && self.permissions() == other.permissions()
            && self.groups() == other.groups()
            && self.feishu() == other.feishu()
            && self.admin_flag() == other.admin_flag()
            && self.access_key() == other.access_key()
            && self.is_anonymous() == other.is_anonymous()
            && self.is_service() == other.is_service()
            && self.bound_to() == other.bound_to()
    }
}

impl Eq for UserInfo {}

#[cfg(test)]
mod tests {
    use super::*;

    /// With the counter of its `Arc` and the 8 bytes of the allocator it fills one of glibc's sizes.
    #[test]
    #[cfg(target_pointer_width = "64")]
    fn all_but_the_texts_fits_96_bytes() {
        assert!(size_of::<Shared>() + size_of::<usize>() + 8 <= 96, "{}", size_of::<Shared>());
    }

    #[test]
    fn all_but_id_and_username_may_be_null_or_absent() {
        let bare: UserInfo = serde_json::from_str(r#"{"id": 7, "username": "alice"}"#).unwrap();
        let nulls: UserInfo = serde_json::from_str(
            r#"{"id": 7, "username": "alice", "nickname": null, "email": null, "phone": null, "avatar": null,
                "roles": null, "permissions": null, "groups": null, "department": null, "company": null,
                "feishu_user_id": null, "feishuOpenId": null, "is_admin": null, "status": null,
                "something_new": {}}"#,
        )
        .unwrap();
        assert_eq!(bare, nulls);
        assert_eq!(bare, UserInfo::builder(7, "alice").admin(None).build());
        for json in [
            r#"{"username": "alice"}"#,
            r#"{"id": 7}"#,
            r#"{"id": null, "username": "alice"}"#,
            r#"{"id": 7, "username": "alice", "isAdmin": "yes"}"#,
            r#"{"id": 7, "username": "alice", "isAdmin": 1}"#,
            r#"{"id": 7, "username": "alice", "username": "root"}"#,
            r#"[7, "alice"]"#,
            "null",
        ] {
            assert!(serde_json::from_str::<UserInfo>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn fields_are_read_in_either_spelling() {
        let ids =
            FeishuIds::new().with_user_id("fu").with_open_id("ou").with_union_id("on").with_tenant_key("t");
        let alice = UserInfo::builder(7, "alice");
        for (fields, expected) in [
            (r#""isAdmin": true"#, alice.clone().admin(true)),
            (r#""is_admin": true"#, alice.clone().admin(true)),
            (r#""isAdmin": false, "is_admin": true"#, alice.clone()),
            (r#""is_admin": false, "isAdmin": true"#, alice.clone().admin(true)),
            (r#""isAdmin": null, "is_admin": true"#, alice.clone().admin(None)),
            (
                r#""is_admin": false,
                   "feishuUserId": "fu", "feishuOpenId": "ou", "feishuUnionId": "on", "feishuTenantKey": "t""#,
                alice.clone().feishu(ids.clone()),
            ),
            (
                r#""is_admin": false, "feishu_user_id": "fu", "feishu_open_id": "ou", "feishu_union_id": "on",
                   "feishuTenantKey": "t", "feishu_tenant_key": "old""#,
                alice.clone().feishu(ids),
            ),
            (
                r#""is_admin": false, "groups": [{"id": "3", "name": "Ops", "code": "ops"}, "staff", null, {"id": 4}]"#,
                alice.clone().groups([
                    UserGroup::new("ops").with_id("3").with_name("Ops"),
                    UserGroup::new("staff"),
                    serde_json::from_str(r#"{"id": 4}"#).unwrap(),
                ]),
            ),
        ] {
            let json = format!(r#"{{"id": 7, "username": "alice", {fields}}}"#);
            let user: UserInfo = serde_json::from_str(&json).unwrap();
            assert_eq!(user, expected.build(), "{json}");
            let again: UserInfo = serde_json::from_value(serde_json::to_value(&user).unwrap()).unwrap();
            assert_eq!(again, user, "{json}");
        }
    }

    /// MessagePack writes a record as a map, or as its values alone.
    #[test]
    fn binary_formats_give_back_what_they_were_given() {
        let ops = UserGroup::new("ops").with_id(3).with_name("Operations");
        let alice = UserInfo::builder(7, "alice").roles(["r"]).groups([ops, "staff".into()]);
        let alice = alice.feishu(FeishuIds::new().with_open_id("ou"));
        for user in [
            alice.clone().build(),
            alice.admin(true).build(),
            UserInfo::builder("u-1", "bob").admin(None).build(),
        ] {
            for bytes in [rmp_serde::to_vec(&user).unwrap(), rmp_serde::to_vec_named(&user).unwrap()] {
                assert_eq!(rmp_serde::from_slice::<UserInfo>(&bytes).unwrap(), user);
            }
        }
    }

    #[test]
    fn unreadable_groups_and_feishu_ids_keep_nobody_out() {
        let alice = UserInfo::builder(7, "alice").build();
        for fields in [
            r#""groups": "ops""#,
            r#""groups": {}"#,
            r#""groups": [7, ["ops"], null, true]"#,
            r#""feishuTenantKey": 7, "feishu_open_id": ["ou"]"#,
        ] {
            let json = format!(r#"{{"id": 7, "username": "alice", "isAdmin": false, {fields}}}"#);
            assert_eq!(serde_json::from_str::<UserInfo>(&json).unwrap(), alice, "{json}");
        }
    }

    #[test]
    fn all_fields_are_serialized_in_snake_case() {
        let ids = FeishuIds::new().with_open_id("ou");
        let user =
            UserInfo::builder("u-1", "alice").roles(["r"]).permissions(["p"]).groups(["g"]).feishu(ids);
        let user = user.admin(true).build();
        assert_eq!(
            serde_json::to_value(&user).unwrap(),
            serde_json::json!({
                "id": "u-1", "username": "alice", "nickname": null, "email": null, "phone": null, "avatar": null,
                "roles": ["r"], "permissions": ["p"],
                "groups": [{"id": null, "name": null, "code": "g", "description": null}],
                "department": null, "company": null, "feishu_user_id": null, "feishu_open_id": "ou",
                "feishu_union_id": null, "feishu_tenant_key": null, "is_admin": true, "status": null,
            })
        );
    }

    #[test]
    fn permissions_roles_and_groups() {
        let user = UserInfo::builder(1, "alice").roles(["editor"]).permissions(["a", "b"]).build();
        assert!(user.has_role("editor") && !user.has_role("a"));
        assert!(user.has_permission("a") && !user.has_permission("editor"));
        assert!(user.has_any_permission(["x", "b"]) && !user.has_any_permission(["x", "y"]));
        assert!(user.has_all_permissions(["a", "b"]) && !user.has_all_permissions(["a", "x"]));
        assert!(!user.has_any_permission::<&str>([]) && user.has_all_permissions::<&str>([]));
        let member = user.to_builder().groups(["ops", "staff"]).build();
        assert!(member.has_group("ops") && !member.has_group("editor") && !user.has_group("ops"));
        assert!(member.has_any_group(["x", "ops"]) && !member.has_any_group(["x", "y"]));
        assert!(member.has_all_groups(["ops", "staff"]) && !member.has_all_groups(["ops", "x"]));
        assert!(!member.has_any_group::<&str>([]) && member.has_all_groups::<&str>([]));
        assert_eq!(user.require("x").unwrap_err().needed(), Some("x"));
        assert!(user.require("a").is_ok());
    }

    #[test]
    fn a_verification_is_fresh_once() {
        let user = UserInfo::builder(1, "alice").build();
        let copy = user.clone();
        assert!(user.take_fresh());
        assert!(!copy.take_fresh() && !user.take_fresh());
        copy.restore_fresh();
        assert!(user.take_fresh() && !copy.take_fresh());
    }
}

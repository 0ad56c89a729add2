//! Map claims to a user.

use serde_json::{Map, Value};

use super::claim_codes::{self, Codes, Form};
use super::claim_path::ClaimPath;
use super::known_claims::KnownClaims;
use super::shown::type_of;
use super::tenant_claims::TenantClaims;
use crate::types::error::{AuthError, ErrorKind};
use crate::types::user::{UserId, UserInfo, UserInfoBuilder};

/// Maps a verified token, its header and its claims, to a user.
#[cfg(feature = "jwt")]
pub(crate) type MapToken =
    dyn Fn(&Map<String, Value>, &Map<String, Value>) -> Result<UserInfo, AuthError> + Send + Sync;

/// Maps verified claims to a user: a table of where each field is read.
///
/// | the user's | from |
/// |---|---|
/// | id | `sub`, a string or an integer (`"7"` and `7` are different ids), or [`subject_claim`](Self::subject_claim) |
/// | username | `preferred_username`, else `username`, else `email` unless it is said to be unverified, else the id; or [`username_claim`](Self::username_claim) |
/// | roles | `role` and `roles`, here and in `app_metadata`, each a string or an array of strings; or [`roles_claim`](Self::roles_claim) |
/// | permissions | `permissions`, here and in `app_metadata`, in the same way; or [`permissions_claim`](Self::permissions_claim); with [`permissions_from_scope`](Self::permissions_from_scope) the scopes as well |
/// | groups | none, or [`groups_claim`](Self::groups_claim) |
/// | admin flag | whether one of the roles is `admin`, or [`admin_role`](Self::admin_role); [`admin_claim`](Self::admin_claim) |
/// | e-mail, phone | `email`, `phone` or `phone_number` |
/// | nickname, avatar | `name` or `nickname`, or [`nickname_claim`](Self::nickname_claim); `picture`; else `full_name`, `name`, `avatar_url` and `picture` in `user_metadata` |
/// | [`bound_to`](UserInfo::bound_to) | none, or [`org_claim`](Self::org_claim) and [`team_claim`](Self::team_claim) |
/// | [`is_anonymous`](UserInfo::is_anonymous) | `is_anonymous` (Supabase), or `anonymous` as `provider_id` or as `firebase.sign_in_provider` (Firebase) |
///
/// Supabase lets users write their own `user_metadata`: neither roles, permissions nor the username are read from it. With
/// issuers that let users choose a `role`, say by `roles_claim` where roles are. Members of an unexpected type are ignored.
///
/// A place is the name of a claim, such as `cognito:groups`, or a JSON pointer into it (RFC 6901), such as
/// `/realm_access/roles`.
///
/// ```
/// use aigc_auth::claims::ClaimsMapping;
/// use serde_json::json;
///
/// let claims = json!({"sub": "3f6c", "realm_access": {"roles": ["staff", "admin"]}, "scope": "openid report:read"});
/// let mapping = ClaimsMapping::new().roles_claim("/realm_access/roles").permissions_from_scope();
/// let user = mapping.map(claims.as_object().unwrap())?.department("IT").build();
/// assert!(user.has_role("staff") && user.has_permission("report:read") && user.is_admin());
/// # Ok::<(), aigc_auth::AuthError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ClaimsMapping {
    subject: ClaimPath,
    username: Option<ClaimPath>,
    nickname: Option<ClaimPath>,
    /// `None` where the defaults are.
    roles: Option<Vec<Codes>>,
    permissions: Option<Vec<Codes>>,
    groups: Vec<Codes>,
    reads_scope: bool,
    admin_role: String,
    admin: Option<ClaimPath>,
    pub(super) tenant: TenantClaims,
}

impl Default for ClaimsMapping {
    fn default() -> Self {
        Self {
            subject: ClaimPath::new("sub"),
            username: None,
            nickname: None,
            roles: None,
            permissions: None,
            groups: Vec::new(),
            reads_scope: false,
            admin_role: "admin".to_owned(),
            admin: None,
            tenant: TenantClaims::default(),
        }
    }
}

impl ClaimsMapping {
    /// Creates the default mapping.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the claim with the id, in place of `sub`. Its value is a non-empty string or an integer, and required.
    pub fn subject_claim(mut self, path: impl Into<String>) -> Self {
        self.subject = ClaimPath::new(path);
        self
    }

    /// Sets the claim with the username. Without it, the defaults apply.
    pub fn username_claim(mut self, path: impl Into<String>) -> Self {
        self.username = Some(ClaimPath::new(path));
        self
    }

    /// Sets the claim with the nickname. Without it, the defaults apply.
    pub fn nickname_claim(mut self, path: impl Into<String>) -> Self {
        self.nickname = Some(ClaimPath::new(path));
        self
    }

    /// Reads roles from this claim, a string or an array of strings, in place of the defaults. Calls add up.
    pub fn roles_claim(self, path: impl Into<String>) -> Self {
        self.roles_from(path, Form::Texts)
    }

    /// Reads roles from objects in this claim: the value of this member of each, such as `name`.
    pub fn roles_claim_member(self, path: impl Into<String>, member: impl Into<Box<str>>) -> Self {
        self.roles_from(path, Form::Member(member.into()))
    }

    /// Reads roles from the object in this claim: the names of its members, whatever their values are.
    pub fn roles_claim_names(self, path: impl Into<String>) -> Self {
        self.roles_from(path, Form::Names)
    }

    /// Reads roles from a text in this claim that is a list, such as `editor,admin`, or from an array of such texts.
    pub fn roles_claim_separated(self, path: impl Into<String>, separator: char) -> Self {
        self.roles_from(path, Form::Separated(separator))
    }

    fn roles_from(mut self, path: impl Into<String>, form: Form) -> Self {
        self.roles.get_or_insert_default().push(Codes { path: ClaimPath::new(path), form });
        self
    }

    /// Reads permissions from this claim, a string or an array of strings, in place of the defaults. Calls add up.
    pub fn permissions_claim(self, path: impl Into<String>) -> Self {
        self.permissions_from(path, Form::Texts)
    }

    /// Reads permissions from objects in this claim: the value of this member of each, such as `name`.
    pub fn permissions_claim_member(self, path: impl Into<String>, member: impl Into<Box<str>>) -> Self {
        self.permissions_from(path, Form::Member(member.into()))
    }

    fn permissions_from(mut self, path: impl Into<String>, form: Form) -> Self {
        self.permissions.get_or_insert_default().push(Codes { path: ClaimPath::new(path), form });
        self
    }

    /// Takes scopes for permissions, too: `scope`, `scp` and `scopes`, each a text of words or an array.
    pub fn permissions_from_scope(mut self) -> Self {
        self.reads_scope = true;
        self
    }

    /// Reads the codes of groups from this claim, a string or an array of strings. Calls add up.
    pub fn groups_claim(mut self, path: impl Into<String>) -> Self {
        self.groups.push(Codes { path: ClaimPath::new(path), form: Form::Texts });
        self
    }

    /// Sets the role that makes a user an admin, wherever roles are read. Defaults to `admin`.
    pub fn admin_role(mut self, role: impl Into<String>) -> Self {
        self.admin_role = role.into();
        self
    }

    /// Makes users admins whose claim is `true`, as well.
    pub fn admin_claim(mut self, path: impl Into<String>) -> Self {
        self.admin = Some(ClaimPath::new(path));
        self
    }

    /// Maps the claims. Change the user it starts as you like, such as by its e-mail.
    ///
    /// # Errors
    /// [`InvalidCredential`](crate::error::ErrorKind::InvalidCredential) if the id is missing, empty, or neither a string
    /// nor an integer; the same for the claims of organisation and team, and if there is a team without an organisation.
    pub fn map(&self, claims: &Map<String, Value>) -> Result<UserInfoBuilder, AuthError> {
        let id = self.subject(claims)?;
        let known = KnownClaims::of(claims);
        let user_metadata = known.user_metadata.and_then(Value::as_object);
        let user_text = |names: &[&str]| names.iter().find_map(|name| non_empty(user_metadata?.get(*name)));
        let at = |path: &Option<ClaimPath>| non_empty(path.as_ref().and_then(|path| path.of(claims)));
        let email = non_empty(known.email);

        let username = at(&self.username).or_else(|| first([known.preferred_username, known.username]));
        let username = username.or_else(|| email.filter(|_| !is_unverified(&known)));
        let username = username.map_or_else(|| id.to_string(), str::to_owned);
        let roles = self.role_codes(claims, &known);
        let is_admin = roles.contains(&&*self.admin_role)
            || self.admin.as_ref().and_then(|path| path.of(claims)) == Some(&Value::Bool(true));
        let mut user = UserInfo::builder(id, username)
            .admin(is_admin)
            .roles(roles)
            .permissions(self.permission_codes(claims, &known))
            .groups(claim_codes::at(claims, &self.groups))
            .anonymous(is_anonymous(&known));
        if let Some(tenant) = self.tenant.binding(claims)? {
            user = user.bound_to(tenant);
        }
        if let Some(email) = email {
            user = user.email(email);
        }
        if let Some(phone) = first([known.phone, known.phone_number]) {
            user = user.phone(phone);
        }
        let name = at(&self.nickname).or_else(|| first([known.name, known.nickname]));
        if let Some(name) = name.or_else(|| user_text(&["full_name", "name"])) {
            user = user.nickname(name);
        }
        if let Some(picture) = non_empty(known.picture).or_else(|| user_text(&["avatar_url", "picture"])) {
            user = user.avatar(picture);
        }
        Ok(user)
    }

    fn role_codes<'a>(&self, claims: &'a Map<String, Value>, known: &KnownClaims<'a>) -> Vec<&'a str> {
        let in_app_metadata = |name: &str| known.app_metadata?.get(name);
        match &self.roles {
            Some(roles) => claim_codes::at(claims, roles),
            None => {
                claim_codes::of([known.role, known.roles, in_app_metadata("role"), in_app_metadata("roles")])
            }
        }
    }

    fn permission_codes<'a>(&self, claims: &'a Map<String, Value>, known: &KnownClaims<'a>) -> Vec<&'a str> {
        let mut all = match &self.permissions {
            Some(permissions) => claim_codes::at(claims, permissions),
            None => claim_codes::of([
                known.permissions,
                known.app_metadata.and_then(|metadata| metadata.get("permissions")),
            ]),
        };
        if self.reads_scope {
            for scope in [known.scope, known.scp, known.scopes] {
                claim_codes::collect(&mut all, scope, &Form::Lists);
            }
            all = claim_codes::each_once(all);
        }
        all
    }

    /// Reads the id: a string (RFC 7519 section 4.1.2), or the integer that some issuers write.
    pub(crate) fn subject(&self, claims: &Map<String, Value>) -> Result<UserId, AuthError> {
        let name = self.subject.as_str();
        let rejected = |detail: String| AuthError::new(ErrorKind::InvalidCredential).with_detail(detail);
        let malformed = |expected: &str, found: &str| {
            rejected(format!("malformed `{name}` claim: expected {expected}, found {found}"))
        };
        match self.subject.of(claims) {
            Some(Value::String(sub)) if !sub.trim().is_empty() => Ok(sub.as_str().into()),
            Some(Value::Number(sub)) => sub
                .as_i64()
                .map(UserId::from)
                .ok_or_else(|| malformed("an integer of at most 64 bits", "another number")),
            None => {
                Err(rejected(format!("missing `{name}` claim, the user's id; `subject_claim` names another")))
            }
            Some(Value::String(_)) => Err(malformed("a non-empty string or an integer", "an empty string")),
            Some(other) => Err(malformed("a non-empty string or an integer", type_of(other))),
        }
    }
}

/// Maps claims as [`ClaimsMapping::new`] does; a start for mappings of your own.
///
/// # Errors
/// As [`ClaimsMapping::map`].
#[cfg(feature = "jwt")]
pub fn default_claims_mapping(claims: &Map<String, Value>) -> Result<UserInfoBuilder, AuthError> {
    ClaimsMapping::default().map(claims)
}

/// Whether the issuer says that nobody has confirmed the e-mail address: somebody else's name could be taken by it.
fn is_unverified(known: &KnownClaims<'_>) -> bool {
    [known.email_verified, known.email_verified_too].into_iter().any(|verified| match verified {
        Some(Value::Bool(verified)) => !verified,
        Some(Value::String(verified)) => verified != "true",
        _ => false,
    })
}

fn is_anonymous(known: &KnownClaims<'_>) -> bool {
    let provider = known.firebase.and_then(|firebase| firebase.get("sign_in_provider"));
    known.is_anonymous == Some(&Value::Bool(true))
        || [known.provider_id, provider].into_iter().flatten().any(|provider| provider == "anonymous")
}

fn non_empty(value: Option<&Value>) -> Option<&str> {
    value?.as_str().filter(|text| !text.is_empty())
}

/// The first of these that is a text.
fn first<const N: usize>(values: [Option<&Value>; N]) -> Option<&str> {
    values.into_iter().find_map(non_empty)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn user(claims: &Value) -> UserInfo {
        ClaimsMapping::new().map(claims.as_object().unwrap()).unwrap().build()
    }

    #[test]
    fn supabase_claims_are_mapped_without_user_metadata_roles() {
        let alice = user(&json!({
            "sub": "3f6c", "role": "authenticated", "email": "alice@example.com", "phone": "",
            "app_metadata": {"provider": "email", "roles": ["editor"], "role": "staff", "permissions": ["a", "b"]},
            "user_metadata": {"full_name": "Alice", "avatar_url": "https://a/b.png", "role": "admin",
                "roles": ["admin"], "permissions": ["all"], "preferred_username": "root", "is_admin": true},
        }));
        assert_eq!((alice.id(), alice.username()), (&"3f6c".into(), "alice@example.com"));
        assert!(alice.roles().iter().eq(["authenticated", "staff", "editor"]));
        assert!(alice.permissions().iter().eq(["a", "b"]));
        assert!(!alice.is_admin(), "users write their own user_metadata");
        assert_eq!(alice.nickname(), Some("Alice"));
        assert_eq!(alice.avatar(), Some("https://a/b.png"));
        assert_eq!(alice.phone(), None);
    }

    #[test]
    fn missing_or_malformed_roles_give_no_rights() {
        let plain = user(&json!({"sub": 7}));
        assert_eq!((plain.id(), plain.username()), (&7.into(), "7"));
        assert!(plain.roles().is_empty() && plain.permissions().is_empty() && !plain.is_admin());
        for odd in [json!(null), json!(5), json!({"admin": true}), json!([["admin"], 1, null]), json!("")] {
            let user =
                user(&json!({"sub": "x", "role": odd, "roles": odd, "app_metadata": odd, "email": odd}));
            assert!(user.roles().is_empty() && !user.is_admin(), "{odd}");
        }
    }

    #[test]
    fn roles_may_be_strings_or_arrays() {
        let root = user(&json!({"sub": "x", "role": ["a", "admin"], "roles": "b", "permissions": "p"}));
        assert!(root.roles().iter().eq(["a", "admin", "b"]) && root.is_admin() && root.has_permission("p"));
        assert!(!user(&json!({"sub": "x", "role": "Admin"})).is_admin(), "codes are case-sensitive");
    }

    #[test]
    fn subject_must_be_a_non_empty_string_or_integer() {
        for (sub, ok) in [
            (json!("a"), true),
            (json!(0), true),
            (json!(-7), true),
            (json!(i64::MAX), true),
            (json!(u64::MAX), false),
            (json!(1.5), false),
            (json!(""), false),
            (json!("  "), false),
            (json!(null), false),
            (json!(true), false),
            (json!(["a"]), false),
        ] {
            let claims = json!({ "sub": sub });
            assert_eq!(ClaimsMapping::new().map(claims.as_object().unwrap()).is_ok(), ok, "{claims}");
        }
        assert!(default_claims_mapping(&Map::new()).is_err());
    }

    #[test]
    fn codes_are_read_where_the_mapping_says() {
        let claims = json!({
            "sub": "x", "role": "admin", "roles": ["default"], "permissions": ["default"], "user_id": 7,
            "realm_access": {"roles": ["staff", "root", "staff", 7, null, ""]},
            "resource_access": {"app": {"roles": "editor"}},
            "urn:zitadel:iam:org:project:roles": {"owner": {"1": "example.com"}, "viewer": null},
            "list": [{"name": "a", "owner": "o"}, {"name": 7}, {}, "b", {"name": "c"}],
            "scope": "openid  a:read", "scp": ["b:read", "c:read d:read"], "scopes": "a:read e",
            "groups": ["/ops", "staff"], "isAdmin": true, "lists": ["x,admin", " y z ,,x", 7], "log_in": "ann", "shown": "Ann",
        });
        let user = |mapping: ClaimsMapping| mapping.map(claims.as_object().unwrap()).unwrap().build();
        let new = ClaimsMapping::new;
        for (mapping, roles, is_admin) in [
            (new(), vec!["admin", "default"], true),
            (new().roles_claim("/realm_access/roles"), vec!["staff", "root"], false),
            (new().roles_claim("/realm_access/roles").admin_role("root"), vec!["staff", "root"], true),
            (
                new().roles_claim("/realm_access/roles").roles_claim("/resource_access/app/roles"),
                vec!["staff", "root", "editor"],
                false,
            ),
            (new().roles_claim_names("urn:zitadel:iam:org:project:roles"), vec!["owner", "viewer"], false),
            (new().roles_claim_member("list", "name").admin_claim("isAdmin"), vec!["a", "c"], true),
            (new().roles_claim("list"), vec!["b"], false),
            (new().roles_claim_separated("lists", ','), vec!["x", "admin", "y z"], true),
            (new().roles_claim("lists"), vec!["x,admin", " y z ,,x"], false),
            (new().roles_claim("nothing").admin_claim("shown"), vec![], false),
        ] {
            let user = user(mapping.clone());
            assert!(user.roles().iter().eq(roles.iter().copied()), "{mapping:?}: {:?}", user.roles());
            assert_eq!(user.is_admin(), is_admin, "{mapping:?}");
        }
        let scopes = ["default", "openid", "a:read", "b:read", "c:read", "d:read", "e"];
        assert!(user(new().permissions_from_scope()).permissions().iter().eq(scopes));
        assert!(user(new().permissions_claim_member("list", "name")).permissions().iter().eq(["a", "c"]));
        let named = user(
            new()
                .subject_claim("user_id")
                .username_claim("log_in")
                .nickname_claim("shown")
                .groups_claim("groups"),
        );
        assert_eq!((named.id(), named.username(), named.nickname()), (&7.into(), "ann", Some("Ann")));
        assert!(named.has_group("/ops") && named.has_group("staff"));
        assert!(new().subject_claim("none").map(claims.as_object().unwrap()).is_err());
    }

    #[test]
    fn unverified_email_is_no_username() {
        for (verified, username) in [
            (json!({}), "a@example.com"),
            (json!({"email_verified": true}), "a@example.com"),
            (json!({"email_verified": "true"}), "a@example.com"),
            (json!({"email_verified": null}), "a@example.com"),
            (json!({"email_verified": false}), "x"),
            (json!({"email_verified": "false"}), "x"),
            (json!({"emailVerified": false}), "x"),
        ] {
            let mut claims = json!({"sub": "x", "email": "a@example.com"});
            claims.as_object_mut().unwrap().extend(verified.as_object().unwrap().clone());
            let user = user(&claims);
            assert_eq!((user.username(), user.email()), (username, Some("a@example.com")), "{claims}");
        }
    }

    #[test]
    fn anonymous_users_are_marked() {
        for (claims, anonymous) in [
            (json!({"is_anonymous": true}), true),
            (json!({"is_anonymous": false}), false),
            (json!({"provider_id": "anonymous"}), true),
            (json!({"firebase": {"sign_in_provider": "anonymous"}}), true),
            (json!({"firebase": {"sign_in_provider": "password"}}), false),
            (json!({}), false),
        ] {
            let mut all = claims.clone();
            all["sub"] = "x".into();
            assert_eq!(user(&all).is_anonymous(), anonymous, "{claims}");
        }
    }
}

//! A user with all that the verifier said, for another replica of the service.
//!
//! The JSON of a [`UserInfo`] is that of the auth center, which knows nothing of the credential: its kind, its end, its claims.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::access_key_kind::AccessKeyKind;
use super::info::{Shared, UserInfo};
use super::rare::Rare;
#[cfg(feature = "jwt")]
use crate::types::revocation::{RevocationMark, TokenIds};
use crate::types::tenant::binding::TenantBinding;
use crate::types::tenant::ids::{OrgId, TeamId};

/// A user as replicas hand them to one another.
#[derive(Serialize, Deserialize)]
pub(crate) struct Whole {
    user: UserInfo,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    access_key: Option<Box<str>>,
    #[serde(default)]
    is_anonymous: bool,
    #[serde(default)]
    is_service: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    valid_until: Option<SystemTime>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    org: Option<OrgId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    team: Option<TeamId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    claims: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token: Option<Token>,
}

/// What the token may be revoked by. Whether it was compared with a list is known to each replica alone.
#[derive(Serialize, Deserialize)]
struct Token {
    jti: Option<Box<str>>,
    sid: Option<Box<str>>,
    user: Box<str>,
    subject: Option<Box<str>>,
    issued_at: Option<SystemTime>,
}

const KINDS: [(AccessKeyKind, &str); 3] =
    [(AccessKeyKind::User, "user"), (AccessKeyKind::App, "app"), (AccessKeyKind::Global, "global")];

impl UserInfo {
    /// Returns all that is known of the user and the credential.
    ///
    /// But for whether a hook has seen the verification: each replica has hooks of its own, and may have been the only one that
    /// was up long enough to run one.
    pub(crate) fn whole(&self) -> Whole {
        // Of the auth center's fields are those that the user's JSON has.
        let Shared { id: _, roles: _, permissions: _, texts: _, bounds: _, marks: _, valid_until: _, rare } =
            &*self.0;
        let no_rare = Rare::default();
        let Rare {
            groups: _,
            rarest: _,
            binding,
            #[cfg(feature = "jwt")]
            claims,
            #[cfg(feature = "jwt")]
            revocation,
        } = rare.as_deref().unwrap_or(&no_rare);
        let name =
            |kind: AccessKeyKind| KINDS.iter().find(|(named, _)| *named == kind).map(|(_, name)| *name);
        let binding = binding.as_deref();
        Whole {
            user: self.clone(),
            access_key: self.access_key().and_then(name).map(Into::into),
            is_anonymous: self.is_anonymous(),
            is_service: self.is_service(),
            valid_until: self.valid_until(),
            org: binding.map(|binding| binding.org().clone()),
            team: binding.and_then(TenantBinding::team).cloned(),
            #[cfg(feature = "jwt")]
            claims: claims.clone(),
            #[cfg(not(feature = "jwt"))]
            claims: None,
            #[cfg(feature = "jwt")]
            token: revocation.as_deref().map(Token::of),
            #[cfg(not(feature = "jwt"))]
            token: None,
        }
    }
}

impl Whole {
    /// Returns the user; `None` if this replica could not keep what another has said of them.
    pub(crate) fn into_user(self) -> Option<UserInfo> {
        let mut builder = self.user.to_builder().anonymous(self.is_anonymous);
        if let Some(name) = self.access_key {
            builder = builder.access_key(KINDS.iter().find(|(_, known)| *known == &*name)?.0);
        }
        if self.is_service {
            builder = builder.service();
        }
        if let Some(end) = self.valid_until {
            builder = builder.valid_until(end);
        }
        match (self.org, self.team) {
            (Some(org), None) => builder = builder.bound_to(TenantBinding::to_org(org)),
            (Some(org), Some(team)) => builder = builder.bound_to(TenantBinding::to_org(org).and_team(team)),
            (None, None) => {}
            (None, Some(_)) => return None,
        }
        #[cfg(feature = "jwt")]
        {
            let mut user = builder.build();
            if let Some(claims) = self.claims {
                user.set_claims(claims.into());
            }
            if let Some(token) = self.token {
                user.set_revocation(RevocationMark::new(token.ids()));
            }
            Some(user)
        }
        #[cfg(not(feature = "jwt"))]
        (self.claims.is_none() && self.token.is_none()).then(|| builder.build())
    }
}

#[cfg(feature = "jwt")]
impl Token {
    fn of(mark: &RevocationMark) -> Self {
        let ids = &mark.ids;
        let mut users = ids.user_ids();
        Self {
            jti: ids.jti().map(Into::into),
            sid: ids.sid().map(Into::into),
            user: users.next().unwrap_or_default().into(),
            subject: users.next().map(Into::into),
            issued_at: ids.issued_at(),
        }
    }

    fn ids(self) -> TokenIds {
        let mut ids = TokenIds::new(&*self.user);
        ids = self.subject.into_iter().fold(ids, TokenIds::with_subject);
        ids = self.jti.into_iter().fold(ids, TokenIds::with_jti);
        ids = self.sid.into_iter().fold(ids, TokenIds::with_sid);
        self.issued_at.into_iter().fold(ids, TokenIds::with_issued_at)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::types::user::{FeishuIds, UserGroup};

    fn handed_over(user: &UserInfo) -> Option<UserInfo> {
        let json = serde_json::to_vec(&user.whole()).unwrap();
        serde_json::from_slice::<Whole>(&json).unwrap().into_user()
    }

    #[test]
    fn nothing_that_was_said_of_a_user_is_lost() {
        let alice = UserInfo::builder(7, "alice").nickname("A").email("a@example.com").phone("1").avatar("u");
        let alice = alice.department("d").company("c").status("active").roles(["r"]).permissions(["p", "q"]);
        let alice = alice.groups([UserGroup::new("ops").with_id(3).with_name("Ops").with_description("d")]);
        let alice = alice.feishu(FeishuIds::new().with_user_id("fu").with_tenant_key("t")).admin(true);
        let end = UNIX_EPOCH + Duration::new(1_800_000_000, 123_456_789);
        let bare = || UserInfo::builder("u-1", "bob");
        for user in [
            alice.build(),
            bare().build(),
            bare().admin(None).build(),
            bare().admin(false).anonymous(true).valid_until(end).build(),
            bare().service().build(),
            bare().access_key(AccessKeyKind::User).build(),
            bare().access_key(AccessKeyKind::App).build(),
            bare().access_key(AccessKeyKind::Global).build(),
            bare().bound_to(TenantBinding::to_org("acme")).build(),
            bare().bound_to(TenantBinding::to_org(7).and_team("t")).build(),
        ] {
            let again = handed_over(&user).unwrap();
            assert_eq!(again, user);
            assert_eq!(again.valid_until(), user.valid_until());
            assert_eq!(format!("{again:?}"), format!("{user:?}"));
        }
    }

    #[test]
    #[cfg(feature = "jwt")]
    fn claims_and_what_a_token_is_revoked_by_are_kept() {
        let at = UNIX_EPOCH + Duration::from_millis(1_700_000_000_123);
        for ids in [
            TokenIds::new("alice"),
            TokenIds::new(7).with_subject("alice").with_jti("j").with_sid("s").with_issued_at(at),
        ] {
            let mut user =
                UserInfo::builder(7, "alice").claims(&serde_json::json!({"a": [1.5, null]})).build();
            user.set_revocation(RevocationMark::new(ids.clone()));
            let again = handed_over(&user).unwrap();
            assert_eq!(again.claims(), user.claims());
            assert!(again.revocation().is_some_and(|mark| mark.ids == ids && !mark.is_checked(1)));
        }
    }

    #[test]
    fn what_this_version_does_not_know_is_not_taken_for_less() {
        for (json, is_user) in [
            (r#"{"user": {"id": 7, "username": "alice"}}"#, true),
            (r#"{"user": {"id": 7, "username": "alice"}, "access_key": "robot"}"#, false),
            (r#"{"user": {"id": 7, "username": "alice"}, "team": "t"}"#, false),
        ] {
            let whole: Whole = serde_json::from_str(json).unwrap();
            assert_eq!(whole.into_user().is_some(), is_user, "{json}");
        }
    }
}

//! Expectations of tokens that other software has issued: the same cells for each.

use aigc_auth::error::ErrorKind;
use aigc_auth::jwt::{JwtVerifier, JwtVerifierBuilder};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use test_support::expectations;

use crate::jwt::support::KeyServer;

/// What one issuer gave out, as `issue_tokens.py` and `issue_tokens.mjs` write it down.
pub(crate) struct Issued<'a> {
    value: &'a Value,
    /// Where its key set is.
    pub(crate) keys: String,
}

impl<'a> Issued<'a> {
    pub(crate) fn text(&self, name: &str) -> Option<&'a str> {
        self.value.get(name)?.as_str()
    }

    /// A verifier by its secret, or by its key set.
    pub(crate) fn source(&self) -> JwtVerifierBuilder {
        match self.text("secret") {
            Some(secret) => JwtVerifier::from_secret(secret),
            None => JwtVerifier::from_jwks(&*self.keys),
        }
    }
}

/// How the tokens of an issuer are verified, and what is seen of them.
pub(crate) struct Row {
    pub(crate) issuer: &'static str,
    pub(crate) verifier: fn(&Issued<'_>) -> JwtVerifierBuilder,
    pub(crate) seen: Seen,
    /// Parts of the reasons; `None` where there are no such tokens.
    pub(crate) refresh: Option<&'static str>,
    pub(crate) id: Option<&'static str>,
    pub(crate) others: &'static [&'static str],
}

pub(crate) struct Seen {
    /// `None` is the id, which is 42 unless the issuer says otherwise.
    pub(crate) username: Option<&'static str>,
    pub(crate) roles: &'static [&'static str],
    pub(crate) permissions: &'static [&'static str],
    pub(crate) groups: &'static [&'static str],
    pub(crate) admin: bool,
}

/// Compares every cell of every row with what the issuers gave out, in the same order.
pub(crate) async fn compare(issued: &Value, rows: &[Row]) {
    let issued = issued.as_array().unwrap();
    let issuers: Vec<_> = issued.iter().map(|one| one["issuer"].as_str().unwrap()).collect();
    assert_eq!(issuers, rows.iter().map(|row| row.issuer).collect::<Vec<_>>());
    for (value, row) in issued.iter().zip(rows) {
        let server = KeyServer::start(value["jwks"]["keys"].as_array().map_or(&[], Vec::as_slice)).await;
        row.compare(&Issued { value, keys: server.url() }).await;
    }
}

/// What a token says, unverified.
pub(crate) fn claims_of(token: &str) -> Value {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice(&payload).unwrap()
}

impl Row {
    async fn compare(&self, issued: &Issued<'_>) {
        let version = issued.text("version").map(|version| format!(" {version}")).unwrap_or_default();
        let name = format!("{}{version}", self.issuer);
        let verifier = (self.verifier)(issued).build().unwrap();
        let user = verifier.user_info(issued.text("access").unwrap()).await;
        let user = user.unwrap_or_else(|error| panic!("{name}: {error}"));
        let (seen, id) = (&self.seen, issued.text("user").unwrap_or("42"));
        assert_eq!(user.id().to_string(), id, "{name}: id");
        assert_eq!(user.username(), seen.username.unwrap_or(id), "{name}: username");
        assert!(user.roles().iter().eq(seen.roles.iter().copied()), "{name}: {:?}", user.roles());
        let permissions = user.permissions();
        assert!(permissions.iter().eq(seen.permissions.iter().copied()), "{name}: {permissions:?}");
        let groups: Vec<_> = user.groups().iter().map(|group| group.code().unwrap()).collect();
        assert_eq!(groups, seen.groups, "{name}: groups");
        assert_eq!(user.is_admin(), seen.admin, "{name}: admin flag");
        expectations::met(&name, "an access token is accepted", id);
        // The mark of ID tokens: an access token that had it would be refused.
        let claims = claims_of(issued.text("access").unwrap());
        assert!(claims.get("at_hash").is_none() && claims.get("c_hash").is_none(), "{name}: {claims}");

        let others = issued.value.get("others").and_then(Value::as_array).into_iter().flatten();
        let others: Vec<_> = others.map(|token| Some(token.as_str().unwrap())).collect();
        assert_eq!(others.len(), self.others.len(), "{name}: others");
        let kinds = [
            ("a refresh token", issued.text("refresh"), self.refresh),
            ("an ID token", issued.text("id"), self.id),
        ];
        let others =
            others.into_iter().zip(self.others).map(|(token, said)| ("another token", token, Some(*said)));
        for (what, token, said) in kinds.into_iter().chain(others) {
            assert_eq!(token.is_some(), said.is_some(), "{name}: a token, and a reason to reject it");
            let (Some(token), Some(said)) = (token, said) else { continue };
            let error = verifier.user_info(token).await.expect_err(said);
            assert_eq!(error.kind(), ErrorKind::InvalidCredential, "{name}: {error}");
            let detail = error.detail().unwrap();
            assert!(detail.contains(said), "{name}: expected {said}, found {detail}");
            expectations::met(&name, &format!("{what} is rejected"), detail);
        }
    }
}

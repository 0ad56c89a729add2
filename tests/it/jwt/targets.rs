//! Verifiers of each kind, behind a service, for what all of them must refuse.

use std::sync::Arc;

use aigc_auth::AuthError;
use aigc_auth::error::ErrorKind;
use aigc_auth::jwt::{JwtVerifier, JwtVerifierBuilder};
use axum::Router;
use axum::routing::get;
use serde_json::{Value, json};

use crate::jwt::presets::rows;
use crate::jwt::support::{
    self, ED25519, HMAC, KeyServer, P256, P384, RSA, SECRET, Signer, greeting, now, with,
};
use crate::support::{App, Log, get_as, serve};

/// A service that trusts one key, or one key of several.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    pub(crate) signer: &'static Signer,
    pub(crate) alg: &'static str,
    /// How tokens name the key, where it is one of a set.
    pub(crate) kid: Option<&'static str>,
    /// Whether `alg` is the only algorithm of its key that is configured.
    pub(crate) only: bool,
    /// The claim with the id.
    pub(crate) subject: &'static str,
    /// Whether the audience is checked.
    pub(crate) has_audience: bool,
    typ: Option<String>,
    claims: Value,
    builder: JwtVerifierBuilder,
    verifier: JwtVerifier,
    /// What answers a request. None for presets, which differ in what is verified alone.
    pub(crate) app: Option<App>,
    /// Whoever publishes its keys.
    keys: Option<Arc<KeyServer>>,
    _metadata: Option<App>,
}

impl Target {
    /// A secret, public keys of each kind, a set of keys, of which each is looked at in turn, an issuer whose set is found by its
    /// metadata, several sources at once, and every preset.
    pub(crate) async fn all() -> Vec<Self> {
        let keys: [(&'static str, &'static Signer, &'static str); 4] = [
            ("RSA", &RSA, "RS256"),
            ("P-256", &P256, "ES256"),
            ("P-384", &P384, "ES384"),
            ("Ed25519", &ED25519, "EdDSA"),
        ];
        let mut targets = vec![];
        let secret = JwtVerifier::from_secret(SECRET);
        targets.push(Self::new("a secret", &HMAC, "HS256", None, secret, None).await);
        for (name, signer, alg) in keys {
            let alone = JwtVerifier::from_public_key(signer.pem());
            targets.push(Self::new(name, signer, alg, None, alone, None).await);
        }
        let published: Vec<_> = keys.iter().map(|(name, signer, _)| signer.named(name)).collect();
        let server = Arc::new(KeyServer::start(&published).await);
        let set = || JwtVerifier::from_jwks(server.url());
        for (name, signer, alg) in keys {
            targets.push(Self::new("a set", signer, alg, Some(name), set(), Some(&server)).await);
        }
        targets.push(Self::of_issuer(&server).await);
        let secret = || JwtVerifier::from_secret(SECRET);
        let beside = set().also_accept(secret());
        targets.push(
            Self::new("a set beside a secret", &RSA, "RS256", Some("RSA"), beside, Some(&server)).await,
        );
        let beside = secret().also_accept(set()).also_accept(secret().issuer("https://another"));
        targets.push(Self::new("a secret beside a set", &HMAC, "HS256", None, beside, Some(&server)).await);
        targets.extend(Self::presets().await);
        targets
    }

    /// An issuer that says where its keys are.
    async fn of_issuer(server: &Arc<KeyServer>) -> Self {
        let jwks = server.url();
        let metadata = |headers: http::HeaderMap| async move {
            let issuer = format!("http://{}", headers["host"].to_str().unwrap());
            axum::Json(json!({"issuer": issuer, "jwks_uri": jwks}))
        };
        let metadata = serve(Router::new().route("/.well-known/openid-configuration", get(metadata))).await;
        let issuer = format!("http://{}", metadata.address);
        let builder = JwtVerifier::from_issuer(&issuer);
        let mut target = Self::new("an issuer", &P256, "ES256", Some("P-256"), builder, Some(server)).await;
        target.claims = with(target.claims, "iss", issuer);
        target._metadata = Some(metadata);
        target
    }

    /// The presets, each with what its issuer signs.
    async fn presets() -> Vec<Self> {
        let server = Arc::new(KeyServer::start(&rows::published()).await);
        let mut targets = vec![];
        for row in rows::all(&server.url()) {
            let (header, claims) = rows::parts(&row.access);
            let alg: &'static str = header["alg"].as_str().unwrap().to_owned().leak();
            let (signer, kid) = rows::signer(alg);
            let builder = rows::at(&row.verifier, &server.url());
            let mut target = Self::of(row.issuer, signer, alg, kid, builder, Some(&server));
            target.typ = header["typ"].as_str().map(str::to_owned);
            target.claims = claims;
            // Those with keys of RSA are for RS256 alone.
            target.only = alg == "RS256";
            target.subject = if row.issuer == "Entra ID" { "oid" } else { "sub" };
            target.has_audience = row.issuer != "Cognito";
            targets.push(target);
        }
        targets
    }

    async fn new(
        name: &'static str,
        signer: &'static Signer,
        alg: &'static str,
        kid: Option<&'static str>,
        builder: JwtVerifierBuilder,
        keys: Option<&Arc<KeyServer>>,
    ) -> Self {
        let mut target = Self::of(name, signer, alg, kid, builder, keys);
        target.app = Some(greeting(&target.verifier).await);
        target
    }

    fn of(
        name: &'static str,
        signer: &'static Signer,
        alg: &'static str,
        kid: Option<&'static str>,
        builder: JwtVerifierBuilder,
        keys: Option<&Arc<KeyServer>>,
    ) -> Self {
        Self {
            name,
            signer,
            alg,
            kid,
            only: false,
            subject: "sub",
            has_audience: true,
            typ: None,
            claims: support::claims(),
            verifier: builder.clone().build().unwrap(),
            builder,
            app: None,
            keys: keys.cloned(),
            _metadata: None,
        }
    }

    /// The claims of a good token, for an hour from now.
    pub(crate) fn claims(&self) -> Value {
        with(with(self.claims.clone(), "iat", now()), "exp", now() + 3600)
    }

    fn user(&self) -> &str {
        self.claims[self.subject].as_str().unwrap()
    }

    /// The header of its tokens, with these members besides.
    pub(crate) fn header(&self, more: &str) -> String {
        let kid = self.kid.map_or(String::new(), |kid| format!(r#","kid":"{kid}""#));
        let typ = self.typ.as_ref().filter(|_| !more.contains(r#""typ""#));
        let typ = typ.map_or(String::new(), |typ| format!(r#","typ":"{typ}""#));
        let more = if more.is_empty() { String::new() } else { format!(",{more}") };
        format!(r#"{{"alg":"{}"{kid}{typ}{more}}}"#, self.alg)
    }

    /// A token by its key.
    pub(crate) fn token(&self, header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
        self.signer.token(self.alg, header, payload)
    }

    /// A good one.
    pub(crate) fn good(&self) -> String {
        self.token(self.header(""), self.claims().to_string())
    }

    pub(crate) async fn accepts(&self, what: &str, token: &str) {
        let Some(app) = &self.app else {
            let user = self.verifier.user_info(token).await;
            let user = user.unwrap_or_else(|error| panic!("{what}, by {}: {error}: {token}", self.name));
            return assert_eq!(user.id().to_string(), self.user(), "{what}, by {}", self.name);
        };
        let answer = get_as(app.address, token, "/").await;
        let hello = format!("hello {}", self.user());
        assert_eq!((answer.status, &*answer.body), (200, &*hello), "{what}, by {}: {token}", self.name);
    }

    /// Refused in the one way there is, without a word of what was sent.
    pub(crate) async fn refuses(&self, what: &str, token: &str) {
        let Some(app) = &self.app else {
            let error = self.rejection(what, token).await;
            return silent(what, token, &format!("{error} {error:?}"));
        };
        let log = Log::start();
        let answer = get_as(app.address, token, "/").await;
        let shown = log.take();
        let name = self.name;
        if answer.status == 503 {
            self.refuses_of_new_keys(what, token).await;
            assert!(shown.contains("as of a moment ago"), "{what}, by {name}: {shown}");
            return silent(what, token, &shown);
        }
        assert_eq!(answer.status, 401, "{what}, by {name}: {answer:?}\n{token}");
        assert_eq!(answer.header("www-authenticate"), Some(r#"Bearer error="invalid_token""#), "{what}");
        let refusal =
            json!({ "code": 401, "message": "The credential is invalid or has expired", "data": null });
        assert_eq!(answer.json(), refusal, "{what}, by {name}");
        assert!(shown.contains("request refused"), "{what}, by {name}: {shown}");
        silent(what, token, &shown);
        // Called directly, the verifier says the same; and nothing of it was cached.
        let error = self.verifier.user_info(token).await.expect_err(what);
        // Where the answer was that of the first fetch, the key may be newer than that by now.
        if error.status() == 503 {
            self.refuses_of_new_keys(what, token).await;
        } else {
            assert_eq!(error.status(), 401, "{what}, by {name}");
        }
        silent(what, token, &format!("{error} {error:?} {:?}", self.verifier));
    }

    /// The same for a text that HTTP would not carry.
    pub(crate) async fn refuses_directly(&self, what: &str, token: &str) {
        self.rejection(what, token).await;
    }

    async fn rejection(&self, what: &str, token: &str) -> AuthError {
        let error = self.verifier.user_info(token).await.expect_err(what);
        if error.status() == 503 {
            self.refuses_of_new_keys(what, token).await;
        } else {
            assert_eq!(error.kind(), ErrorKind::InvalidCredential, "{what}, by {}: {error}", self.name);
        }
        error
    }

    /// A key of that name may have been published a moment ago. Who asks for the set now rejects the token.
    async fn refuses_of_new_keys(&self, what: &str, token: &str) {
        assert!(self.keys.is_some(), "{what}, by {}: no keys can be new", self.name);
        let now = self.builder.clone().build().unwrap();
        let error = now.user_info(token).await.expect_err(what);
        assert_eq!(error.kind(), ErrorKind::InvalidCredential, "{what}, by {}: {error}: {token}", self.name);
    }
}

/// No part of a token that says something, and no secret, stands there.
fn silent(what: &str, token: &str, shown: &str) {
    assert!(!shown.contains(SECRET), "{what}: {shown}");
    for part in token.split('.').filter(|part| part.len() > 10) {
        assert!(!shown.contains(&part[..10]), "{what}: {shown}");
    }
}

#[tokio::test]
async fn valid_token_is_accepted_by_every_target() {
    for target in Target::all().await {
        target.accepts("a good token", &target.good()).await;
        let odd = target.header(r#""typ":"at+jwt","cty":"x","x":{"crit":["exp"]},"jku":"https://attacker""#);
        target.accepts("unknown members", &target.token(odd, target.claims().to_string())).await;
        let spaced = format!("\n {} ", target.claims());
        target.accepts("spaces around the JSON", &target.token(target.header(""), spaced)).await;
        let nested = with(target.claims(), "x", json!({"sub": "bob", "exp": 0}));
        target.accepts("names again further in", &target.token(target.header(""), nested.to_string())).await;
    }
}

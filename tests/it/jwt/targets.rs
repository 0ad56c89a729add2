//! Verifiers of each kind, behind a service, for what all of them must refuse.

use aigc_auth::jwt::JwtVerifier;
use serde_json::json;

use crate::jwt::support::{
    ED25519, HMAC, KeyServer, P256, P384, RSA, SECRET, Signer, claims, greeting, with,
};
use crate::support::{App, Log, get_as};

/// A service that trusts one key.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    pub(crate) signer: &'static Signer,
    pub(crate) alg: &'static str,
    /// How tokens name the key, where it is one of a set.
    pub(crate) kid: Option<&'static str>,
    verifier: JwtVerifier,
    app: App,
    keys: Option<KeyServer>,
}

impl Target {
    /// A secret, public keys of each kind, and a set of keys, of which each is looked at in turn.
    pub(crate) async fn all() -> Vec<Self> {
        let keys: [(&'static str, &'static Signer, &'static str); 4] = [
            ("RSA", &RSA, "RS256"),
            ("P-256", &P256, "ES256"),
            ("P-384", &P384, "ES384"),
            ("Ed25519", &ED25519, "EdDSA"),
        ];
        let mut targets = vec![];
        let secret = JwtVerifier::from_secret(SECRET).build().unwrap();
        targets.push(Self::new("a secret", &HMAC, "HS256", None, secret, None).await);
        for (name, signer, alg) in keys {
            let alone = JwtVerifier::from_public_key(signer.pem()).build().unwrap();
            targets.push(Self::new(name, signer, alg, None, alone, None).await);
        }
        for (name, signer, alg) in keys {
            let published: Vec<_> = keys.iter().map(|(name, signer, _)| signer.named(name)).collect();
            let server = KeyServer::start(&published).await;
            let set = JwtVerifier::from_jwks(server.url()).build().unwrap();
            targets.push(Self::new("a set", signer, alg, Some(name), set, Some(server)).await);
        }
        targets
    }

    async fn new(
        name: &'static str,
        signer: &'static Signer,
        alg: &'static str,
        kid: Option<&'static str>,
        verifier: JwtVerifier,
        keys: Option<KeyServer>,
    ) -> Self {
        let app = greeting(&verifier).await;
        Self { name, signer, alg, kid, verifier, app, keys }
    }

    /// The header of its tokens, with these members besides.
    pub(crate) fn header(&self, more: &str) -> String {
        let kid = self.kid.map_or(String::new(), |kid| format!(r#","kid":"{kid}""#));
        let more = if more.is_empty() { String::new() } else { format!(",{more}") };
        format!(r#"{{"alg":"{}"{kid}{more}}}"#, self.alg)
    }

    /// A token by its key.
    pub(crate) fn token(&self, header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
        self.signer.token(self.alg, header, payload)
    }

    /// A good one.
    pub(crate) fn good(&self) -> String {
        self.signer.issue(self.alg, self.kid, &claims())
    }

    pub(crate) async fn accepts(&self, what: &str, token: &str) {
        let answer = get_as(self.app.address, token, "/").await;
        assert_eq!((answer.status, &*answer.body), (200, "hello alice"), "{what}, by {}: {token}", self.name);
    }

    /// Refused in the one way there is, without a word of what was sent.
    pub(crate) async fn refuses(&self, what: &str, token: &str) {
        let log = Log::start();
        let answer = get_as(self.app.address, token, "/").await;
        let shown = log.take();
        let name = self.name;
        if let (503, Some(keys)) = (answer.status, &self.keys) {
            // A key of that name may have been published a moment ago. Who asks for the set now rejects the token.
            let now = JwtVerifier::from_jwks(keys.url()).build().unwrap();
            assert_eq!(
                now.user_info(token).await.expect_err(what).status(),
                401,
                "{what}, by {name}: {token}"
            );
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
        assert_eq!(error.status(), 401, "{what}, by {name}");
        silent(what, token, &format!("{error} {error:?} {:?}", self.verifier));
    }

    /// The same for a text that HTTP would not carry.
    pub(crate) async fn refuses_directly(&self, what: &str, token: &str) {
        let error = self.verifier.user_info(token).await.expect_err(what);
        assert_eq!(error.status(), 401, "{what}, by {}", self.name);
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
        target.accepts("unknown members", &target.token(odd, claims().to_string())).await;
        let spaced = format!("\n {} ", claims());
        target.accepts("spaces around the JSON", &target.token(target.header(""), spaced)).await;
        let nested = with(claims(), "x", json!({"sub": "bob", "exp": 0}));
        target.accepts("names again further in", &target.token(target.header(""), nested.to_string())).await;
    }
}

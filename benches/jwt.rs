//! What it costs to verify a token here, next to jsonwebtoken's own `decode`: `cargo bench -p aigc-auth-benches --bench jwt`.
//!
//! Valgrind's processor lacks instructions that the real one has for hashes and curves: its counts are those of an older
//! machine.

mod support;
#[path = "support/token.rs"]
mod token;

use std::cell::LazyCell;
use std::hint::black_box;
use std::rc::Rc;
use std::time::Duration;

use aigc_auth::Verify;
use aigc_auth::credential::BearerToken;
use aigc_auth::jwt::{JwtVerifier, JwtVerifierBuilder};
use aigc_auth::revocation::MemoryRevocations;
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use support::{Case, measure};
use token::{SECRET, SUBJECT, token};

/// What the peer reads of a token: about what a user is made of.
#[derive(Deserialize)]
#[allow(dead_code, reason = "read, as a service would")]
struct Claims {
    sub: String,
    email: String,
    role: String,
    app_metadata: AppMetadata,
}

#[derive(Deserialize)]
struct AppMetadata {
    permissions: Vec<String>,
}

/// A token, and what verifies it there and here.
struct Signed {
    token: String,
    algorithm: Algorithm,
    key: DecodingKey,
    /// `None` stands for the secret.
    pem: Option<String>,
}

fn pem(key: &impl AsDer<PublicKeyX509Der<'static>>) -> Option<String> {
    let der = key.as_der().expect("a key");
    Some(format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der.as_ref())))
}

fn hs256(subject: &str) -> Signed {
    Signed {
        token: token::hs256(subject),
        algorithm: Algorithm::HS256,
        key: DecodingKey::from_secret(SECRET),
        pem: None,
    }
}

fn es256() -> Signed {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
    let sign = |message: &[u8]| pair.sign(&SystemRandom::new(), message).expect("signed").as_ref().to_vec();
    let key = DecodingKey::from_ec_der(pair.public_key().as_ref());
    Signed {
        token: token("ES256", SUBJECT, sign),
        algorithm: Algorithm::ES256,
        key,
        pem: pem(pair.public_key()),
    }
}

fn rs256() -> Signed {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
    let sign = |message: &[u8]| {
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).expect("signed");
        signature
    };
    let key = DecodingKey::from_rsa_der(pair.public_key().as_ref());
    Signed {
        token: token("RS256", SUBJECT, sign),
        algorithm: Algorithm::RS256,
        key,
        pem: pem(pair.public_key()),
    }
}

fn eddsa() -> Signed {
    let pair = Ed25519KeyPair::generate().expect("a key");
    let token = token("EdDSA", SUBJECT, |message| pair.sign(message).as_ref().to_vec());
    let key = DecodingKey::from_ed_der(pair.public_key().as_ref());
    Signed { token, algorithm: Algorithm::EdDSA, key, pem: pem(pair.public_key()) }
}

/// So many tokens take turns where each is to be verified as if for the first time: the cache holds one.
const UNSEEN: usize = 400;

/// What jsonwebtoken does with a token.
fn theirs(name: &'static str, signed: &Made) -> Case {
    let signed = signed.clone();
    let validation = LazyCell::new({
        let signed = signed.clone();
        move || {
            let mut validation = Validation::new(signed.algorithm);
            validation.set_audience(&["authenticated"]);
            validation.set_required_spec_claims(&["exp", "sub", "aud"]);
            validation
        }
    });
    Case::new(name, move || {
        let Signed { token, key, .. } = &**signed;
        let claims =
            jsonwebtoken::decode::<Claims>(black_box(token), key, &validation).expect("valid").claims;
        assert!(claims.app_metadata.permissions.iter().any(|permission| permission == "report:read"));
        drop(black_box(claims));
    })
}

/// What a verifier does with tokens that take turns.
fn ours(
    name: &'static str,
    signed: &Made,
    count: usize,
    configure: fn(JwtVerifierBuilder) -> JwtVerifierBuilder,
) -> Case {
    let signed = signed.clone();
    let ready = LazyCell::new(move || {
        let from = match &signed.pem {
            Some(pem) => JwtVerifier::from_public_key(pem),
            None => JwtVerifier::from_secret(SECRET),
        };
        let verifier = configure(from).build().expect("a key");
        // Of the same claims and length; the clock ticks in seconds, so that only the subject tells them apart.
        let others = (1..count).map(|at| hs256(&format!("3f6c1c1e-6a5b-4c1f-9a55-{at:012}")).token);
        let tokens = std::iter::once(signed.token.clone()).chain(others);
        (verifier, tokens.map(|token| BearerToken::new(&token).expect("a token")).collect::<Vec<_>>())
    });
    let mut next = 0;
    Case::new(name, move || {
        let (verifier, tokens) = &*ready;
        let user = Verify::try_verify(verifier, black_box(&tokens[next])).expect("known").expect("a user");
        next = (next + 1) % count;
        assert!(user.has_permission("report:read"));
    })
}

fn uncached(builder: JwtVerifierBuilder) -> JwtVerifierBuilder {
    builder.cache_ttl(Duration::ZERO)
}

/// Made by whoever needs it first: valgrind counts one case alone.
type Made = Rc<LazyCell<Signed>>;

fn main() {
    let made = |make: fn() -> Signed| Rc::new(LazyCell::<Signed>::new(make));
    let hs256 = made(|| hs256(SUBJECT));
    let (es256, rs256, eddsa) = (made(es256), made(rs256), made(eddsa));
    let cases = vec![
        theirs("jsonwebtoken HS256", &hs256),
        ours("HS256", &hs256, 1, uncached),
        ours("HS256, one issuer of two", &hs256, 1, |builder| {
            let other = JwtVerifier::from_secret([SECRET, SECRET].concat());
            uncached(builder.also_accept(other.issuer("https://other.example.com")))
        }),
        ours("HS256, seen for the first time", &hs256, UNSEEN, |builder| builder.cache_capacity(1)),
        ours("HS256, cached", &hs256, 1, |builder| builder),
        ours("HS256, cached, with revocations", &hs256, 1, |builder| {
            builder.revocations(MemoryRevocations::new())
        }),
        ours("HS256, with revocations", &hs256, 1, |builder| {
            uncached(builder.revocations(MemoryRevocations::new()))
        }),
        theirs("jsonwebtoken ES256", &es256),
        ours("ES256", &es256, 1, uncached),
        ours("ES256, cached", &es256, 1, |builder| builder),
        theirs("jsonwebtoken RS256", &rs256),
        ours("RS256", &rs256, 1, uncached),
        ours("RS256, cached", &rs256, 1, |builder| builder),
        theirs("jsonwebtoken EdDSA", &eddsa),
        ours("EdDSA", &eddsa, 1, uncached),
        ours("EdDSA, cached", &eddsa, 1, |builder| builder),
    ];
    measure(cases, |name| match &name[..5] {
        "HS256" => Some("jsonwebtoken HS256"),
        "ES256" => Some("jsonwebtoken ES256"),
        "RS256" => Some("jsonwebtoken RS256"),
        "EdDSA" => Some("jsonwebtoken EdDSA"),
        _ => None,
    });
}

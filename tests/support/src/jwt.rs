//! Signing keys, a signer that signs anything, and a server of key sets.

use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, SystemTime};

use aigc_auth::jwt::{JwtVerifier, JwtVerifierBuilder};
use aigc_auth::testing::Clock;
use aigc_auth::{AuthLayer, CurrentUser};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    self, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING,
    EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair,
};
use axum::Router;
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::http::{App, serve};
use crate::port::Counting;

pub const SECRET: &str = "a secret of these tests, and of them alone; 64 bytes and a few more";

/// A key that signs.
pub enum Signer {
    Secret(Vec<u8>),
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    P521(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

macro_rules! keys {
    ($($name:ident: $made:expr;)+) => {
        $(pub static $name: LazyLock<Signer> = LazyLock::new(|| $made);)+
    };
}

keys! {
    HMAC: Signer::secret(SECRET);
    RSA: Signer::rsa();
    ANOTHER_RSA: Signer::rsa();
    P256: Signer::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap());
    ANOTHER_P256: Signer::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap());
    P384: Signer::P384(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap());
    ANOTHER_P384: Signer::P384(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap());
    P521: Signer::P521(EcdsaKeyPair::generate(&ECDSA_P521_SHA512_FIXED_SIGNING).unwrap());
    ED25519: Signer::Ed25519(Ed25519KeyPair::generate().unwrap());
    ANOTHER_ED25519: Signer::Ed25519(Ed25519KeyPair::generate().unwrap());
}

pub fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Signer {
    pub fn secret(secret: impl AsRef<[u8]>) -> Self {
        Self::Secret(secret.as_ref().to_vec())
    }

    fn rsa() -> Self {
        Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())
    }

    /// The signature of these bytes by this key, whatever they say.
    pub fn sign(&self, alg: &str, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Secret(secret) => {
                let algorithm = match alg {
                    "HS384" => hmac::HMAC_SHA384,
                    "HS512" => hmac::HMAC_SHA512,
                    _ => hmac::HMAC_SHA256,
                };
                hmac::sign(&hmac::Key::new(algorithm, secret), message).as_ref().to_vec()
            }
            Self::Rsa(pair) => {
                let padding: &dyn signature::RsaEncoding = match alg {
                    "RS384" => &signature::RSA_PKCS1_SHA384,
                    "RS512" => &signature::RSA_PKCS1_SHA512,
                    "PS256" => &signature::RSA_PSS_SHA256,
                    "PS384" => &signature::RSA_PSS_SHA384,
                    "PS512" => &signature::RSA_PSS_SHA512,
                    _ => &signature::RSA_PKCS1_SHA256,
                };
                let mut signed = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &random, message, &mut signed).unwrap();
                signed
            }
            Self::P256(pair) | Self::P384(pair) | Self::P521(pair) => {
                pair.sign(&random, message).unwrap().as_ref().to_vec()
            }
            Self::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }

    /// Puts a signature behind a text.
    pub fn seal(&self, alg: &str, text: &str) -> String {
        format!("{text}.{}", base64url(self.sign(alg, text.as_bytes())))
    }

    /// A token of a header and a payload that may be any bytes.
    pub fn token(&self, alg: &str, header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
        self.seal(alg, &format!("{}.{}", base64url(header), base64url(payload)))
    }

    /// A token as issuers make them.
    pub fn issue(&self, alg: &str, kid: Option<&str>, claims: &Value) -> String {
        let mut header = json!({ "alg": alg, "typ": "JWT" });
        if let Some(kid) = kid {
            header["kid"] = kid.into();
        }
        self.token(alg, header.to_string(), claims.to_string())
    }

    /// The public key (RFC 5280 section 4.1.2.7).
    pub fn spki(&self) -> Vec<u8> {
        let der: PublicKeyX509Der<'_> = match self {
            Self::Secret(_) => panic!("a secret has no public half"),
            Self::Rsa(pair) => pair.public_key().as_der().unwrap(),
            Self::P256(pair) | Self::P384(pair) | Self::P521(pair) => pair.public_key().as_der().unwrap(),
            Self::Ed25519(pair) => pair.public_key().as_der().unwrap(),
        };
        der.as_ref().to_vec()
    }

    pub fn pem(&self) -> String {
        pem("PUBLIC KEY", &self.spki())
    }

    /// The public key for a key set, without a name.
    pub fn jwk(&self) -> Value {
        match self {
            Self::Secret(secret) => json!({ "kty": "oct", "k": base64url(secret) }),
            Self::Rsa(pair) => {
                let key = pair.public_key();
                let part = |bytes: &[u8]| base64url(bytes);
                let n = part(key.modulus().big_endian_without_leading_zero());
                json!({ "kty": "RSA", "n": n, "e": part(key.exponent().big_endian_without_leading_zero()) })
            }
            Self::P256(pair) => point("P-256", pair),
            Self::P384(pair) => point("P-384", pair),
            Self::P521(pair) => point("P-521", pair),
            Self::Ed25519(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": base64url(pair.public_key().as_ref()) })
            }
        }
    }

    /// The same under a name.
    pub fn named(&self, kid: &str) -> Value {
        with(self.jwk(), "kid", kid)
    }
}

fn point(curve: &str, pair: &EcdsaKeyPair) -> Value {
    // 4, then both coordinates.
    let (x, y) = pair.public_key().as_ref()[1..].split_at(pair.public_key().as_ref().len() / 2);
    json!({ "kty": "EC", "crv": curve, "x": base64url(x), "y": base64url(y) })
}

/// An object with another member, or another value of it.
pub fn with(mut object: Value, name: &str, value: impl Into<Value>) -> Value {
    object[name] = value.into();
    object
}

pub fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// Seconds since 1970, as claims count them.
pub fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

/// The claims of alice's tokens, for an hour.
pub fn claims() -> Value {
    json!({ "sub": "alice", "aud": "authenticated", "iat": now(), "exp": now() + 3600 })
}

/// A service that greets the users of this verifier.
pub async fn greeting(verifier: &JwtVerifier) -> App {
    let greet = |user: CurrentUser| async move { format!("hello {}", user.id()) };
    serve(Router::new().route("/", get(greet)).layer(AuthLayer::new(verifier.clone()))).await
}

/// A server of key sets whose answers a test sets.
pub struct KeyServer {
    port: Counting,
    says: Arc<Mutex<Vec<u8>>>,
    requests: Arc<Mutex<Vec<String>>>,
    held: watch::Sender<bool>,
}

impl KeyServer {
    pub async fn start(keys: &[Value]) -> Self {
        let says = Arc::<Mutex<Vec<u8>>>::default();
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let (held, gate) = watch::channel(false);
        let (journal, words) = (requests.clone(), says.clone());
        let port =
            Counting::start(move |stream| answer(stream, journal.clone(), words.clone(), gate.clone()));
        let server = Self { port: port.await, says, requests, held };
        server.publish(keys);
        server
    }

    pub fn url(&self) -> String {
        format!("{}/keys", self.port.url())
    }

    pub fn publish(&self, keys: &[Value]) {
        self.say("200 OK", "", json!({ "keys": keys }).to_string());
    }

    pub fn say(&self, status: &str, headers: &str, body: impl AsRef<[u8]>) {
        let body = body.as_ref();
        let length = body.len();
        let head =
            format!("HTTP/1.1 {status}\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n");
        self.say_bytes([head.as_bytes(), body].concat());
    }

    /// Of none, the connection is closed without an answer.
    pub fn say_bytes(&self, bytes: Vec<u8>) {
        *self.says.lock().unwrap() = bytes;
    }

    /// Holds every answer back until [released](Self::release).
    pub fn hold(&self) {
        self.held.send_replace(true);
    }

    pub fn release(&self) {
        self.held.send_replace(false);
    }

    /// How many requests have arrived.
    pub fn requests(&self) -> usize {
        self.requests.lock().unwrap().len()
    }

    /// The heads of the requests.
    pub fn heads(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// A verifier of this set, with a clock that stands still.
    pub fn verifier(
        &self,
        configure: impl FnOnce(JwtVerifierBuilder) -> JwtVerifierBuilder,
    ) -> (JwtVerifier, Clock) {
        let clock = Clock::held();
        let builder = JwtVerifier::from_jwks(self.url()).clock(clock.clone());
        (configure(builder).build().unwrap(), clock)
    }
}

async fn answer(
    mut stream: TcpStream,
    requests: Arc<Mutex<Vec<String>>>,
    says: Arc<Mutex<Vec<u8>>>,
    mut held: watch::Receiver<bool>,
) {
    let (mut head, mut chunk) = (Vec::new(), [0; 4096]);
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut chunk).await {
            Ok(len @ 1..) => head.extend_from_slice(&chunk[..len]),
            _ => return,
        }
    }
    requests.lock().unwrap().push(String::from_utf8(head).unwrap());
    if held.wait_for(|held| !held).await.is_ok() {
        let answer = says.lock().unwrap().clone();
        let _ = stream.write_all(&answer).await;
    }
}

/// Moves a clock by so many seconds.
pub fn pass(clock: &Clock, seconds: u64) {
    clock.advance(Duration::from_secs(seconds));
}

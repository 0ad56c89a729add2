//! Which answers are a key set, which of its keys are used, and for which tokens.

use aigc_auth::error::ErrorKind;
use aigc_auth::jwt::{Algorithm, JwtVerifier};
use serde_json::{Value, json};

use crate::jwt::support::{
    ANOTHER_RSA, ED25519, HMAC, KeyServer, P256, P384, P521, RSA, SECRET, Signer, base64url, claims, pass,
    with,
};
use crate::support::tls::redirecting_http_client;
use crate::support::{Counting, Log};

/// Whether a token of this key and header is good by a set of these keys, and of another that no token is signed by.
async fn accepts(keys: &[Value], configured: Option<&[Algorithm]>, signer: &Signer, header: Value) -> bool {
    let server = KeyServer::start(&[keys, &[P521.named("no token's")]].concat()).await;
    let (verifier, _) = server.verifier(|builder| match configured {
        Some(configured) => builder.algorithms(configured.iter().copied().chain([Algorithm::Es512])),
        None => builder,
    });
    let alg = header["alg"].as_str().unwrap().to_owned();
    match verifier.user_info(&signer.token(&alg, header.to_string(), claims().to_string())).await {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::InvalidCredential, "{keys:?} {error}");
            false
        }
    }
}

#[tokio::test]
async fn key_use_ops_and_alg_are_respected() {
    let rsa = RSA.named("a");
    for (what, key, signer, alg, ok) in [
        ("for signatures", with(rsa.clone(), "use", "sig"), &RSA, "RS256", true),
        ("for encryption", with(rsa.clone(), "use", "enc"), &RSA, "RS256", false),
        ("for something else", with(rsa.clone(), "use", "other"), &RSA, "RS256", false),
        ("use in capitals", with(rsa.clone(), "use", "SIG"), &RSA, "RS256", false),
        ("to verify", with(rsa.clone(), "key_ops", json!(["verify"])), &RSA, "RS256", true),
        ("to verify and more", with(rsa.clone(), "key_ops", json!(["x", "verify"])), &RSA, "RS256", true),
        ("to sign", with(rsa.clone(), "key_ops", json!(["sign"])), &RSA, "RS256", false),
        ("to encrypt", with(rsa.clone(), "key_ops", json!(["encrypt", "wrapKey"])), &RSA, "RS256", false),
        ("for no operation", with(rsa.clone(), "key_ops", json!([])), &RSA, "RS256", false),
        ("key_ops that are no list", with(rsa.clone(), "key_ops", "verify"), &RSA, "RS256", false),
        ("its alg", with(rsa.clone(), "alg", "PS256"), &RSA, "PS256", true),
        ("not its alg", with(rsa.clone(), "alg", "PS256"), &RSA, "RS256", false),
        ("no alg", rsa.clone(), &RSA, "PS256", true),
        ("P-521, called what it is", with(P521.named("a"), "alg", "ES512"), &P521, "ES512", true),
        ("an alg that is null", with(rsa.clone(), "alg", Value::Null), &RSA, "RS512", true),
        ("an alg to encrypt by", with(rsa.clone(), "alg", "RSA-OAEP"), &RSA, "RS256", false),
        ("an alg that is none", with(rsa.clone(), "alg", "none"), &RSA, "RS256", false),
        ("an alg of secrets", with(rsa.clone(), "alg", "HS256"), &RSA, "RS256", false),
        ("an alg of another kind", with(rsa.clone(), "alg", "ES256"), &RSA, "RS256", false),
        ("an alg that is a number", with(rsa.clone(), "alg", 256), &RSA, "RS256", false),
        ("the new name of EdDSA", with(ED25519.named("a"), "alg", "Ed25519"), &ED25519, "EdDSA", true),
        ("both names of EdDSA", with(ED25519.named("a"), "alg", "EdDSA"), &ED25519, "Ed25519", true),
        ("unknown members", with(rsa.clone(), "x-more", json!({"a": [1]})), &RSA, "RS256", true),
        ("a certificate besides", with(rsa.clone(), "x5c", json!(["AAAA"])), &RSA, "RS256", true),
        ("a certificate that is a text", with(rsa.clone(), "x5c", "AAAA"), &RSA, "RS256", true),
    ] {
        assert_eq!(accepts(&[key], None, signer, json!({"alg": alg, "kid": "a"})).await, ok, "{what}");
    }
}

#[tokio::test]
async fn configured_algorithms_limit_keys() {
    use Algorithm::{EdDsa, Es256, Ps256, Rs256};
    let (plain, ps256) = (RSA.named("a"), with(RSA.named("a"), "alg", "PS256"));
    for (what, key, configured, alg, ok) in [
        ("as configured", &plain, &[Ps256][..], "PS256", true),
        ("the default is off then", &plain, &[Ps256], "RS256", false),
        ("one of two", &plain, &[Rs256, Ps256], "PS256", true),
        ("the other one", &plain, &[Rs256, Ps256], "RS256", true),
        ("one of two, and the key's", &ps256, &[Rs256, Ps256], "PS256", true),
        ("one of two, and not the key's", &ps256, &[Rs256, Ps256], "RS256", false),
        ("the key's, and not configured", &ps256, &[Rs256], "PS256", false),
        ("configured, and not the key's", &ps256, &[Rs256], "RS256", false),
        ("of other kinds", &plain, &[Es256, EdDsa], "RS256", false),
    ] {
        let header = json!({ "alg": alg, "kid": "a" });
        assert_eq!(accepts(std::slice::from_ref(key), Some(configured), &RSA, header).await, ok, "{what}");
    }
}

#[tokio::test]
async fn invalid_keys_are_skipped() {
    let bad = |signer: &Signer| signer.named("bad");
    let off_curve = with(bad(&P256), "y", bad(&P256)["x"].clone());
    let weak = |bytes: usize| {
        let n = [vec![0x80], vec![1; bytes - 1]].concat();
        json!({ "kty": "RSA", "kid": "bad", "n": base64url(n), "e": "AQAB" })
    };
    let padded_weak = {
        let n = [vec![0; 200], vec![0x80], vec![1; 127]].concat();
        json!({ "kty": "RSA", "kid": "bad", "n": base64url(n), "e": "AQAB" })
    };
    for (what, bad) in [
        ("null", Value::Null),
        ("a number", json!(7)),
        ("a text", json!("key")),
        ("a list", json!([bad(&RSA)])),
        ("an empty object", json!({})),
        ("no kty", json!({"kid": "bad", "n": "AQAB", "e": "AQAB"})),
        ("an unknown kty", with(bad(&RSA), "kty", "AKP")),
        ("kty in small letters", with(bad(&RSA), "kty", "rsa")),
        ("kid is a number", with(bad(&RSA), "kid", 1)),
        ("a secret", with(bad(&HMAC), "alg", "HS256")),
        ("a secret without alg", bad(&HMAC)),
        ("a secret for RSA", with(bad(&HMAC), "alg", "RS256")),
        ("P-521 called P-384", with(bad(&P521), "crv", "P-384")),
        ("secp256k1", with(bad(&P256), "crv", "secp256k1")),
        ("X25519", with(bad(&ED25519), "crv", "X25519")),
        ("Ed448", with(bad(&ED25519), "crv", "Ed448")),
        ("P-256 called P-384", with(bad(&P256), "crv", "P-384")),
        ("P-384 called P-256", with(bad(&P384), "crv", "P-256")),
        ("not on the curve", off_curve),
        ("no point", with(with(bad(&P256), "x", ""), "y", "")),
        ("RSA of 512 bits", weak(64)),
        ("RSA of 1024 bits", weak(128)),
        ("RSA of 2040 bits", weak(255)),
        ("RSA of 1024 bits, zeros before", padded_weak),
        ("RSA of 16384 bits", weak(2_048)),
        ("RSA of nothing", with(bad(&RSA), "n", "")),
        ("RSA with e = 0", with(bad(&RSA), "e", "AA")),
        ("RSA with e = 1", with(bad(&RSA), "e", "AQ")),
        ("RSA with e = 2", with(bad(&RSA), "e", "Ag")),
        ("n is not base64url", with(bad(&RSA), "n", "*".repeat(342))),
        ("n is padded", with(bad(&RSA), "n", format!("{}==", bad(&RSA)["n"].as_str().unwrap()))),
        ("x is a number", with(bad(&P256), "x", 1)),
        ("an Ed25519 key of 31 bytes", with(bad(&ED25519), "x", base64url([7; 31]))),
        ("an Ed25519 key of 33 bytes", with(bad(&ED25519), "x", base64url([7; 33]))),
    ] {
        let server = KeyServer::start(&[bad.clone(), P256.named("good")]).await;
        let (verifier, clock) = server.verifier(|builder| builder);
        let log = Log::start();
        let good = P256.issue("ES256", Some("good"), &claims());
        assert!(verifier.user_info(&good).await.is_ok(), "{what}");
        let shown = log.take();
        assert!(shown.contains("keys=1") && shown.contains("ignored"), "{what}: {shown}");
        assert!(!shown.contains(SECRET), "{shown}");
        for (signer, alg) in
            [(&HMAC, "HS256"), (&RSA, "RS256"), (&P256, "ES256"), (&P384, "ES384"), (&ED25519, "EdDSA")]
        {
            let token = signer.issue(alg, Some("bad"), &claims());
            pass(&clock, 30);
            let error = verifier.user_info(&token).await.expect_err(what);
            assert_eq!(error.kind(), ErrorKind::InvalidCredential, "{what}: {error}");
        }
    }
}

#[tokio::test]
async fn kid_and_alg_select_key() {
    let (rsa, other, ec) = (&RSA, &ANOTHER_RSA, &P256);
    let by = |alg: &str, kid: Option<&str>| match kid {
        Some(kid) => json!({ "alg": alg, "kid": kid }),
        None => json!({ "alg": alg }),
    };
    let (a, b) = (Some("a"), Some("b"));
    let many: Vec<_> = ["a", "b", "c", "d", "e"].map(|kid| rsa.named(kid)).into();
    for (what, keys, signer, header, ok) in [
        ("the key of that name", vec![rsa.named("a"), other.named("b")], other, by("RS256", b), true),
        ("by another than it names", vec![rsa.named("a"), other.named("b")], rsa, by("RS256", b), false),
        ("it names none, of one", vec![rsa.named("a")], rsa, by("RS256", None), true),
        (
            "it names none, of one for its alg",
            vec![rsa.named("a"), ec.named("b")],
            ec,
            by("ES256", None),
            true,
        ),
        ("it names none, of two", vec![rsa.named("a"), other.named("b")], other, by("RS256", None), true),
        (
            "it names none, of two others",
            vec![rsa.named("a"), rsa.named("b")],
            other,
            by("RS256", None),
            false,
        ),
        ("it names none, of five", many.clone(), rsa, by("RS256", None), false),
        ("the first of five", many, rsa, by("RS256", a), true),
        ("the same key twice", vec![rsa.named("a"), rsa.named("a")], rsa, by("RS256", a), true),
        ("the same key five times", vec![rsa.named("a"); 5], rsa, by("RS256", a), true),
        ("an unknown name", vec![rsa.named("a")], rsa, by("RS256", b), false),
        ("a key without a name", vec![rsa.jwk()], rsa, by("RS256", None), true),
        ("a name, and a key without", vec![rsa.jwk()], rsa, by("RS256", a), true),
        ("a name, and two keys without", vec![rsa.jwk(), other.jwk()], rsa, by("RS256", a), true),
        (
            "a name, and a key of it, and one without",
            vec![rsa.jwk(), other.named("a")],
            rsa,
            by("RS256", a),
            false,
        ),
        ("another name, and one without", vec![rsa.jwk(), other.named("b")], rsa, by("RS256", a), true),
        (
            "no name, and one with and one without",
            vec![rsa.jwk(), other.named("b")],
            rsa,
            by("RS256", None),
            true,
        ),
        ("two of a name, of two kinds", vec![rsa.named("a"), ec.named("a")], ec, by("ES256", a), true),
        ("two of a name, the other kind", vec![rsa.named("a"), ec.named("a")], rsa, by("RS256", a), true),
        ("two of a name and kind", vec![rsa.named("a"), other.named("a")], other, by("RS256", a), true),
        ("the name of a key of another kind", vec![rsa.named("a"), ec.jwk()], ec, by("ES256", a), false),
        ("an empty name", vec![rsa.named("")], rsa, by("RS256", Some("")), true),
        ("an empty name is not none", vec![rsa.named("a")], rsa, by("RS256", Some("")), false),
        ("names in another case", vec![rsa.named("a")], rsa, by("RS256", Some("A")), false),
    ] {
        assert_eq!(accepts(&keys, None, signer, header).await, ok, "{what}");
    }
}

#[tokio::test]
async fn symmetric_keys_in_set_are_ignored() {
    for alg in ["HS256", "HS384", "HS512"] {
        let keys = [with(HMAC.named("a"), "alg", alg), RSA.named("b")];
        for kid in ["a", "b"] {
            assert!(!accepts(&keys, None, &HMAC, json!({ "alg": alg, "kid": kid })).await);
        }
    }
    for algorithm in [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512] {
        let builder = JwtVerifier::from_jwks("https://issuer.example/keys");
        let error = builder.algorithms([Algorithm::Rs256, algorithm]).build().unwrap_err().to_string();
        assert!(error.contains("anyone who can read the set could sign"), "{error}");
    }
}

#[tokio::test]
async fn malformed_key_set_is_rejected_and_last_one_kept() {
    let good = json!({ "keys": [P256.named("a")] }).to_string();
    let server = KeyServer::start(&[]).await;
    let (verifier, clock) = server.verifier(|builder| builder);
    let token = P256.issue("ES256", Some("a"), &claims());
    let many: Vec<_> = (0..101).map(|n| P256.named(&format!("{n}"))).collect();
    let padding = |len: usize| " ".repeat(len - good.len());
    let chunked = |body: &str| {
        let chunk = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
        format!("HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n{chunk}")
            .into_bytes()
    };
    let whole = |status: &str, body: &str| {
        let len = body.len();
        format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {len}\r\n\r\n{body}").into_bytes()
    };
    const MIB: usize = 1024 * 1024;
    for (what, answer, said) in [
        ("not found", whole("404 Not Found", &good), Some("404")),
        ("nothing", whole("204 No Content", ""), Some("not a JWK set")),
        ("not for us", whole("401 Unauthorized", &good), Some("401")),
        ("a page", whole("200 OK", "<html>keys</html>"), Some("not a JWK set")),
        ("a list", whole("200 OK", "[]"), Some("not a JWK set")),
        ("no keys", whole("200 OK", "{}"), Some("not a JWK set")),
        ("keys that are no list", whole("200 OK", r#"{"keys": {}}"#), Some("not a JWK set")),
        ("null", whole("200 OK", r#"{"keys": null}"#), Some("not a JWK set")),
        ("something behind it", whole("200 OK", &format!("{good}x")), Some("not a JWK set")),
        ("over 100 keys", whole("200 OK", &json!({ "keys": many }).to_string()), Some("over 100 keys")),
        (
            "10,000 keys",
            whole("200 OK", &json!({ "keys": vec![&many[0]; 10_000] }).to_string()),
            Some("over 1 MiB"),
        ),
        (
            "10,000 small keys",
            whole("200 OK", &json!({ "keys": vec![json!({}); 10_000] }).to_string()),
            Some("over 100 keys"),
        ),
        ("over 1 MiB", whole("200 OK", &(good.clone() + &padding(MIB + 1))), Some("over 1 MiB")),
        ("over 1 MiB, in chunks", chunked(&(good.clone() + &padding(MIB + 1))), Some("over 1 MiB")),
        (
            "a discovery document",
            whole("200 OK", r#"{"issuer": "x", "jwks_uri": "https://issuer.example/keys"}"#),
            Some("is a discovery document, not a JWK set: use `JwtVerifier::from_issuer`"),
        ),
        (
            "over 1 MiB, it says",
            b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n{}".to_vec(),
            Some("over 1 MiB"),
        ),
        ("half of it", whole("200 OK", &good)[..150].to_vec(), Some("broke")),
        ("1 MiB", whole("200 OK", &(good.clone() + &padding(MIB))), None),
        ("in chunks", chunked(&good), None),
        ("100 keys", whole("200 OK", &json!({ "keys": many[..100] }).to_string()), Some("")),
        ("as it should be", whole("200 OK", &good), None),
    ] {
        let fresh = server.verifier(|builder| builder).0;
        server.say_bytes(answer);
        match (said, fresh.user_info(&token).await) {
            (None, answer) => assert!(answer.is_ok(), "{what}: {answer:?}"),
            (Some(""), answer) => {
                assert_eq!(answer.unwrap_err().kind(), ErrorKind::InvalidCredential, "{what}");
            }
            (Some(said), answer) => {
                let error = answer.expect_err(what);
                assert_eq!(error.kind(), ErrorKind::Unavailable, "{what}: {error}");
                assert!(error.to_string().contains(said), "{what}: {error}");
            }
        }
    }
    // And none of them takes away what was there before.
    assert!(verifier.user_info(&token).await.is_ok());
    server.say("200 OK", "", "{}");
    clock.advance(std::time::Duration::from_secs(601));
    assert!(verifier.user_info(&token).await.is_ok());
    assert!(verifier.fetch_keys().await.is_err());
}

#[tokio::test]
async fn redirect_of_key_set_is_rejected() {
    let elsewhere = KeyServer::start(&[P256.named("a")]).await;
    let target = Counting::start(|_| async {}).await;
    let server = KeyServer::start(&[]).await;
    let token = P256.issue("ES256", Some("a"), &claims());
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"] {
        for url in [elsewhere.url(), target.url(), format!("{}?again", server.url())] {
            server.say(status, &format!("location: {url}\r\n"), "");
            let (verifier, _) = server.verifier(|builder| builder);
            let error = verifier.user_info(&token).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unavailable);
            assert!(error.to_string().contains(&status[..3]), "{error}");
        }
    }
    assert_eq!((elsewhere.requests(), target.connections(), server.requests()), (0, 0, 15));

    // A client of one's own may go there; its answer is rejected.
    server.say("302 Found", &format!("location: {}\r\n", elsewhere.url()), "");
    let (verifier, _) = server.verifier(|builder| builder.http_client(redirecting_http_client()));
    let error = verifier.user_info(&token).await.unwrap_err();
    assert!(error.to_string().contains("came by a redirect"), "{error}");
    let (verifier, _) = elsewhere.verifier(|builder| builder.http_client(redirecting_http_client()));
    assert!(verifier.user_info(&token).await.is_ok());
    assert!(elsewhere.heads()[1].contains("user-agent: mine"));
}

#[test]
fn key_set_url_must_be_https_or_loopback() {
    let from = |url: &str| JwtVerifier::from_jwks(url);
    for (url, said) in [
        ("http://issuer.example/keys", "not https://"),
        ("http://10.0.0.1/keys", "not https://"),
        ("http://127.0.0.1.example/keys", "not https://"),
        ("http://localhost.example/keys", "not https://"),
        ("http://[::2]/keys", "not https://"),
        ("ftp://issuer.example/keys", "must start with https://"),
        ("file:///etc/keys.json", "must start with https://"),
        ("data:application/json,{}", "must start with https://"),
        ("issuer.example/keys", "cannot parse it"),
        ("/keys", "cannot parse it"),
        ("", "cannot parse it"),
        ("https://", "cannot parse it"),
        ("https://user@issuer.example/keys", "user name or password"),
        ("https://user:pass-word@issuer.example/keys", "user name or password"),
        ("https://:pass-word@issuer.example/keys", "user name or password"),
    ] {
        let error = from(url).build().expect_err(url).to_string();
        assert!(error.contains(said), "{url}: {error}");
        assert!(!error.contains("pass-word"), "{error}");
    }
    for url in [
        "https://issuer.example/keys",
        "http://localhost:9/keys",
        "http://127.0.0.1:9/keys",
        "http://[::1]:9/keys",
    ] {
        assert!(from(url).build().is_ok(), "{url}");
    }
    assert!(from("http://issuer.example/keys").insecure_plain_http().build().is_ok());
}

/// Some issuers want a key of theirs in the query.
#[tokio::test]
async fn url_query_is_hidden_from_logs_and_errors() {
    let server = KeyServer::start(&[]).await;
    server.say("500 Oops", "", "");
    let verifier = JwtVerifier::from_jwks(format!("{}?apikey=sesame", server.url())).build().unwrap();
    let log = Log::start();
    let error = verifier.user_info(&P256.issue("ES256", Some("a"), &claims())).await.unwrap_err();
    assert!(server.heads()[0].starts_with("GET /keys?apikey=sesame HTTP/1.1\r\n"), "it is sent");
    let shown = log.take();
    assert!(shown.contains("/keys"), "{shown}");
    for shown in [shown, error.to_string(), format!("{error:?}"), format!("{verifier:?}")] {
        assert!(!shown.contains("sesame"), "{shown}");
    }
}

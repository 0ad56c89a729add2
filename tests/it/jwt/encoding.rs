//! Malformed tokens, signed with the right key.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE};
use serde_json::{Value, json};

use crate::jwt::support::{base64url, now, with};
use crate::jwt::targets::Target;
use crate::support::{get_as, random};

#[tokio::test]
async fn token_needs_exactly_three_segments() {
    for target in Target::all().await {
        let good = target.good();
        let parts: Vec<_> = good.split('.').collect();
        let [header, payload, signature] = parts[..] else { panic!() };
        for (what, token) in [
            ("one part", header.to_owned()),
            ("two parts", format!("{header}.{payload}")),
            ("no signature", format!("{header}.{payload}.")),
            ("no payload", format!("{header}..{signature}")),
            ("no header", format!(".{payload}.{signature}")),
            ("dots", "..".to_owned()),
            ("a dot behind", format!("{good}.")),
            ("a dot before", format!(".{good}")),
            ("four parts", format!("{good}.x")),
            ("five parts, as of a JWE", format!("{header}.{payload}.{payload}.{payload}.{signature}")),
            ("twice", format!("{good}.{good}")),
            ("two dots", good.replacen('.', "..", 1)),
            ("backwards", format!("{signature}.{payload}.{header}")),
            ("a word", "token".to_owned()),
            ("padding behind", format!("{good}=")),
            ("more padding behind", format!("{good}==")),
            ("padding of each part", padded(&good)),
            ("a letter behind", format!("{good}A")),
            ("a zero byte behind", format!("{good}AA")),
        ] {
            target.refuses(what, &token).await;
        }
        for (what, token) in [
            ("a line feed behind", format!("{good}\n")),
            ("a line feed within", good.replacen('.', "\n.", 1)),
            ("a carriage return", format!("{good}\r\n")),
            ("a space behind", format!("{good} ")),
            ("a space before", format!(" {good}")),
            ("a space within", good.replacen('.', " .", 1)),
            ("a tab", format!("{good}\t")),
            ("a zero", format!("{good}\0")),
            ("a letter that is not ASCII", format!("{good}é")),
            ("nothing", String::new()),
            ("its name", format!("Bearer {good}")),
            (
                "as JSON",
                json!({ "payload": payload, "protected": header, "signature": signature }).to_string(),
            ),
        ] {
            target.refuses_directly(what, &token).await;
        }
        target.accepts("and the good one", &good).await;
    }
}

fn padded(token: &str) -> String {
    let pad = |part: &str| format!("{part}{}", "=".repeat((4 - part.len() % 4) % 4));
    let padded: Vec<_> = token.split('.').map(pad).collect();
    // One more where none is due.
    let text = padded.join(".");
    if text == token { format!("{token}=") } else { text }
}

/// The last letter of a part may have bits that stand for nothing.
fn stray(part: &str) -> Option<String> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = *part.as_bytes().last()?;
    let value = LETTERS.iter().position(|letter| *letter == last)?;
    let other = char::from(LETTERS[value ^ 1]);
    let has_some = !part.len().is_multiple_of(4);
    has_some.then(|| format!("{}{other}", &part[..part.len() - 1]))
}

/// Payloads and headers of every length modulo three, so that each way to end is there.
fn lengths() -> impl Iterator<Item = String> {
    (0..3).map(|len| "x".repeat(len))
}

#[tokio::test]
async fn segments_need_canonical_base64url() {
    for target in Target::all().await {
        let mut strays = 0;
        for more in lengths() {
            let header = base64url(target.header(&format!(r#""x":"{more}""#)));
            let payload = base64url(with(target.claims(), "x", more).to_string());
            let text = format!("{header}.{payload}");
            let good = target.signer.seal(target.alg, &text);
            target.accepts("as it should be", &good).await;
            let (_, signature) = good.rsplit_once('.').unwrap();
            if let Some(signature) = stray(signature) {
                target.refuses("stray bits in the signature", &format!("{text}.{signature}")).await;
                strays += 1;
            }
            for (what, text) in [
                ("stray bits in the header", stray(&header).map(|header| format!("{header}.{payload}"))),
                ("stray bits in the payload", stray(&payload).map(|payload| format!("{header}.{payload}"))),
            ] {
                let Some(text) = text else { continue };
                target.refuses(what, &target.signer.seal(target.alg, &text)).await;
                strays += 1;
            }
        }
        assert!(strays >= 4, "{strays}");

        // Bytes that the two alphabets spell differently.
        let odd = with(target.claims(), "x", "???>>>~~~ÿÿÿ").to_string();
        let odd_header = target.header(r#""x":"???>>>~~~ÿÿÿ""#);
        let plain = format!("{}.{}", base64url(&odd_header), base64url(&odd));
        target.accepts("as it should be", &target.signer.seal(target.alg, &plain)).await;
        let other = STANDARD_NO_PAD.encode(&odd);
        assert!(other.contains(['+', '/']));
        let text = format!("{}.{other}", base64url(&odd_header));
        target.refuses("the payload in base64", &target.signer.seal(target.alg, &text)).await;
        let other = STANDARD_NO_PAD.encode(&odd_header);
        assert!(other.contains(['+', '/']));
        let text = format!("{other}.{}", base64url(&odd));
        target.refuses("the header in base64", &target.signer.seal(target.alg, &text)).await;
        for (what, text) in [
            ("a padded header", format!("{}.{}", padding(&odd_header), base64url(&odd))),
            ("a padded payload", format!("{}.{}", base64url(&odd_header), padding(&odd))),
        ] {
            target.refuses(what, &target.signer.seal(target.alg, &text)).await;
        }
        let signature = URL_SAFE.encode(target.signer.sign(target.alg, plain.as_bytes()));
        if signature.ends_with('=') {
            target.refuses("a padded signature", &format!("{plain}.{signature}")).await;
        }
    }
}

/// Base64 of a text, with an end that is padded.
fn padding(json: &str) -> String {
    let spaced = format!("{json}{}", " ".repeat(usize::from(json.len().is_multiple_of(3))));
    let text = URL_SAFE.encode(spaced);
    assert!(text.ends_with('='));
    text
}

#[tokio::test]
async fn header_and_payload_must_be_json_objects() {
    for target in Target::all().await {
        let (header, payload) = (target.header(""), target.claims().to_string());
        let mut wrong: Vec<(&str, [Vec<u8>; 2])> = vec![];
        let mut add = |what, change: &dyn Fn(&str) -> Vec<u8>| {
            wrong.push((what, [change(&header), change(&payload)]));
        };
        add("nothing", &|_| vec![]);
        add("a word", &|_| b"token".to_vec());
        add("null", &|_| b"null".to_vec());
        add("a number", &|_| b"1".to_vec());
        add("a list", &|json| format!("[{json}]").into());
        add("a text", &|json| json!(json).to_string().into());
        add("a byte order mark before it", &|json| format!("\u{feff}{json}").into());
        add("UTF-16", &|json| json.encode_utf16().flat_map(u16::to_be_bytes).collect());
        add("a letter behind it", &|json| format!("{json}x").into());
        add("a zero behind it", &|json| format!("{json}\0").into());
        add("another object behind it", &|json| format!("{json}{{}}").into());
        add("a comma behind it", &|json| format!("{json},").into());
        add("cut off", &|json| json[..json.len() - 1].into());
        add("a trailing comma", &|json| json.replacen('}', ",}", 1).into());
        add("a comment", &|json| json.replacen('{', "{/* */", 1).into());
        add("single quotes", &|json| json.replace('"', "'").into());
        add("a name without quotes", &|json| json.replacen('{', "{x:1,", 1).into());
        add("NaN", &|json| json.replacen('{', r#"{"x":NaN,"#, 1).into());
        add("a control character", &|json| json.replacen('{', "{\"x\":\"\n\",", 1).into());
        add("half a surrogate pair", &|json| json.replacen('{', r#"{"x":"\ud800","#, 1).into());
        add("too deep", &|json| {
            json.replacen('{', &format!("{{\"x\":{}{},", "[".repeat(1_000), "]".repeat(1_000)), 1).into()
        });
        add("deep and open", &|json| json.replacen('{', &format!("{{\"x\":{}", "[".repeat(2_000)), 1).into());
        for bytes in [&b"\xff"[..], b"\xc0\xae", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80"] {
            add("no UTF-8", &|json| [b"{\"x\":\"", bytes, b"\",", &json.as_bytes()[1..]].concat());
        }
        for (what, [bad_header, bad_payload]) in wrong {
            target.refuses(&format!("header: {what}"), &target.token(bad_header, &payload)).await;
            target.refuses(&format!("payload: {what}"), &target.token(&header, bad_payload)).await;
        }
    }
}

#[tokio::test]
async fn duplicate_members_are_rejected() {
    for target in Target::all().await {
        let before = |members: &str| target.claims().to_string().replacen('{', &format!("{{{members},"), 1);
        let behind = |members: &str| {
            let json = target.claims().to_string();
            format!("{},{members}}}", &json[..json.len() - 1])
        };
        let later = now() + 9_999;
        for member in [
            r#""sub":"root""#.to_owned(),
            r#""sub":"alice""#.to_owned(),
            r#""\u0073ub":"root""#.to_owned(),
            r#""s\u0075\u0062":"root""#.to_owned(),
            format!(r#""exp":{later}"#),
            format!(r#""\u0065xp":{later}"#),
            if target.has_audience { r#""aud":"authenticated""# } else { r#""iss":"authenticated""# }
                .to_owned(),
            r#""x":1,"x":1"#.to_owned(),
            r#""x":1,"\u0078":1"#.to_owned(),
            r#""":1,"":2"#.to_owned(),
        ] {
            target.refuses(&member, &target.token(target.header(""), before(&member))).await;
            target.refuses(&member, &target.token(target.header(""), behind(&member))).await;
        }
        let alg = target.alg;
        for member in [
            format!(r#""alg":"{alg}""#),
            r#""alg":"none""#.to_owned(),
            r#""\u0061lg":"none""#.to_owned(),
            r#""kid":"a","kid":"a""#.to_owned(),
            r#""kid":"a","\u006bid":"a""#.to_owned(),
            r#""typ":"JWT","typ":"JWT""#.to_owned(),
        ] {
            target.refuses(&member, &target.token(target.header(&member), target.claims().to_string())).await;
        }
    }
}

#[tokio::test]
async fn unsupported_crit_extension_is_rejected() {
    for target in Target::all().await {
        for crit in [
            r#""crit":["exp"]"#,
            r#""crit":["b64"],"b64":false"#,
            r#""crit":["b64"],"b64":true"#,
            r#""crit":["http://openbanking.org.uk/iat"]"#,
            r#""crit":["bork"],"bork":1"#,
            r#""crit":[]"#,
            r#""crit":[""]"#,
            r#""crit":null"#,
            r#""crit":"exp""#,
            r#""crit":{}"#,
            r#""crit":false"#,
            r#""\u0063rit":["exp"]"#,
        ] {
            target.refuses(crit, &target.token(target.header(crit), target.claims().to_string())).await;
        }
        // RFC 7797: a payload that is not encoded. Without `crit` it means nothing, and then it is not base64url.
        let header = base64url(target.header(r#""b64":false"#));
        let text = format!("{header}.{}", target.claims());
        let signature = base64url(target.signer.sign(target.alg, text.as_bytes()));
        target.refuses_directly("an unencoded payload", &format!("{text}.{signature}")).await;
        target.refuses("a detached payload", &format!("{header}..{signature}")).await;
    }
}

#[tokio::test]
async fn claims_of_wrong_type_are_rejected() {
    for target in Target::all().await {
        let changed = |name: &str, value: Value| with(target.claims(), name, value);
        let mut wrong = vec![];
        for name in ["exp", "nbf", "iat"] {
            for value in
                [json!(now().to_string()), json!("0"), json!(true), json!([now()]), json!({}), Value::Null]
            {
                wrong.push(changed(name, value));
            }
        }
        for sub in
            [json!(""), json!(" "), json!({"id": 1}), json!(["alice"]), json!(1.5), json!(true), Value::Null]
        {
            wrong.push(changed(target.subject, sub));
        }
        for aud in
            [json!(1), json!({}), json!([]), json!([["authenticated"]]), json!("Authenticated"), Value::Null]
        {
            if target.has_audience {
                wrong.push(changed("aud", aud));
            }
        }
        for name in ["exp", target.subject, "aud"] {
            if name == "aud" && !target.has_audience {
                continue;
            }
            let mut without = target.claims();
            without.as_object_mut().unwrap().remove(name);
            wrong.push(without);
        }
        // JavaScript counts milliseconds.
        wrong.extend(["exp", "iat", "nbf"].map(|name| changed(name, json!((now() + 300) * 1_000))));
        wrong.push(changed("exp", json!(1e300)));
        for claims in wrong {
            let text = claims.to_string();
            target.refuses(&text, &target.token(target.header(""), &text)).await;
        }
        // Python writes fractions.
        let fraction = |seconds: u64| json!(seconds as f64 + 0.25);
        let claims = with(changed("exp", fraction(now() + 300)), "iat", fraction(now() - 1));
        target.accepts("dates with a fraction", &target.token(target.header(""), claims.to_string())).await;
    }
}

#[tokio::test]
async fn token_over_8_kib_is_rejected() {
    for target in Target::all().await {
        let of = |len: usize| {
            target.token(target.header(""), with(target.claims(), "x", "x".repeat(len)).to_string())
        };
        let room = 8 * 1024 - of(0).len();
        let longest = room * 3 / 4;
        assert!(of(longest).len() > 8 * 1024 - 4);
        target.accepts("just under the limit", &of(longest)).await;
        for over in [longest + 12, 20_000, 50_000, 100 * 1024] {
            // The layer's limit: without a layer, there is none of 8 KiB.
            let Some(app) = &target.app else { continue };
            let answer = get_as(app.address, &of(over), "/").await;
            assert_eq!(answer.status, 431, "over the limit by {over}");
        }
        target.refuses_directly("over the limit of any credential", &of(100 * 1024)).await;
    }
}

/// What a random hand makes of good tokens is refused, or says the same as before.
#[tokio::test]
async fn altered_token_is_rejected() {
    let mut random = random();
    for target in Target::all().await {
        let good = target.good();
        for _ in 0..100 {
            let mut changed = good.clone().into_bytes();
            let at = random.usize(..changed.len());
            changed[at] = random.choice(b"ABCDEFGHabcdefgh0123456789-_.".iter().copied()).unwrap();
            let changed = String::from_utf8(changed).unwrap();
            if changed != good {
                target.refuses("a letter changed", &changed).await;
            }
        }
        target.accepts("and the good one", &good).await;
    }
}

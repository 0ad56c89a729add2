//! In front of `examples/full_service`, a process of its own: users, calls in their name, events, usage records by route. Then the
//! same behind `examples/forward_auth`, which nginx and Caddy ask first.

use aigc_auth::Secret;
use aigc_auth::testing::{self, AuthCenter};
use aigc_auth::webhook;
use serde_json::{Value, json};
use test_support::expectations::Rows;
use test_support::process::{Example, Program, settings};

use super::running::{CLIENT, Running};
use super::seen::{Seen, refused, seen, told};
use super::{ALICE, BAD, INVALID};
use crate::lab::room::Room;
use crate::support;

const BOB: &[(&str, &str)] = &[("authorization", "Bearer bob-token")];
const ROOT: &[(&str, &str)] = &[("authorization", "Bearer root-token")];
const KEY: &[(&str, &str)] = &[("authorization", "Bearer ak_alice")];
const SECRET: &str = "a secret of 26 characters!";

/// An example by this center, with further variables.
async fn start(name: &str, center: &AuthCenter, further: &[(&str, &str)]) -> Example {
    let settings = settings(center);
    let settings = settings.each_ref().map(|(name, value)| (*name, &**value));
    Program::of_example(name).await.start(name, &[&settings, further].concat()).await
}

async fn start_service(center: &AuthCenter) -> Example {
    let further = [("TRUSTED_PROXIES", "127.0.0.1/32"), ("AIGC_AUTH_WEBHOOK_SECRET", SECRET)];
    start("full_service", center, &further).await
}

/// Ends the service, and says what the center was told: whom to bill for what, and from which address it came.
async fn records(center: &AuthCenter, service: Example) -> Vec<String> {
    service.signal("TERM");
    let (printed, status) = service.ended().await;
    assert!(status.success() && printed.contains(", 0 lost"), "{printed}");
    let record = |record: &Value| {
        let address = record["request_params"]["headers"]["x-real-ip"].as_str().unwrap_or("?");
        let text = |name: &str| record[name].as_str().unwrap().to_owned();
        format!("{} {}: {} from {address}", text("api_method"), text("api_path"), record["status_code"])
    };
    let mut records: Vec<_> = center.stats().iter().map(record).collect();
    records.sort();
    records
}

#[tokio::test]
async fn full_service_behind_each_proxy() {
    let mut rows = Rows::default();
    for name in ["nginx", "caddy", "haproxy", "apache"] {
        let Some(_) = Room::of("proxies") else { return };
        let center = support::center().await;
        let service = start_service(&center).await;
        let Some(proxy) = Running::start(name, "service", service.address, service.address).await else {
            return;
        };
        rows.with(format!("{name} in front of full_service"));
        let id = |name: &str| testing::user(name).build().id().clone();
        let as_alice = id("alice").to_string();
        let act_as =
            |who: &[(&'static str, &'static str)]| [who, &[("x-act-as-user-id", &*as_alice)]].concat();
        let (root_for_alice, bob_for_alice) = (act_as(ROOT), act_as(BOB));
        let in_team = [BOB, &[("x-team-id", "design")]].concat();
        let long = format!("Bearer {}", "t".repeat(9_000));
        let too_long = if ["nginx", "apache"].contains(&name) { 400 } else { 431 };
        let mut expected = vec![];
        for (what, method, target, headers, status, is_recorded) in [
            ("a credential is not needed", "GET", "/health", &[][..], 200, false),
            ("nor here", "GET", "/public/hello", &[], 200, false),
            ("nor here", "GET", "/maybe", &[], 200, false),
            ("nor for the document", "GET", "/openapi.json", &[], 200, false),
            ("no credential", "GET", "/me", &[], 401, false),
            ("a bad one", "GET", "/me", BAD, 401, false),
            ("a long one", "GET", "/me", &[("authorization", &*long)], too_long, false),
            ("a token", "GET", "/me", ALICE, 200, true),
            ("an access key", "GET", "/me", KEY, 200, true),
            ("a permission", "GET", "/reports?year=2026", ALICE, 200, true),
            ("none", "GET", "/reports", BOB, 403, true),
            ("an admin", "GET", "/admin", ROOT, 200, true),
            ("none", "GET", "/admin", ALICE, 403, true),
            ("an admin acts as a user", "GET", "/act-as", &root_for_alice, 200, true),
            ("a user does", "GET", "/act-as", &bob_for_alice, 403, true),
            ("a member, in a team", "GET", "/org", &in_team, 200, true),
            ("what is billed", "POST", "/chat", ALICE, 200, true),
            ("a page that is not there", "GET", "/none", ALICE, 404, true),
        ] {
            let answer = proxy.ask(method, target, headers, "").await;
            rows.expect(&format!("{what}: {method} {target}"), &answer.status, &status);
            if is_recorded {
                let path = target.split('?').next().unwrap();
                expected.push(format!("{method} {path}: {status} from {CLIENT}"));
            }
        }

        let headers = [
            ALICE[0],
            ("user-agent", "curl/8"),
            ("x-trace-id", "t-1"),
            ("x-request-id", "r-1"),
            ("x-forwarded-for", "8.8.4.4"),
            ("x-real-ip", "8.8.4.4"),
        ];
        let context = json!({
            "user_id": id("alice"), "username": "alice", "client_ip": CLIENT, "user_agent": "curl/8",
            "trace_id": "t-1", "request_id": "r-1",
        });
        let answer = proxy.ask("GET", "/context", &headers, "").await;
        rows.expect("the context, and an invented address", &seen(&answer), &Seen::Served(context));
        expected.push(format!("GET /context: 200 from {CLIENT}"));

        // axum's routes are of the path as it was sent; Apache begins every path with one slash.
        let one_slash = name == "apache";
        for (target, status) in [
            ("/public/../me", 401),
            ("/public/%2e%2e/me", 401),
            ("/public/%252e%252e/me", 401),
            ("/public/..%2fme", 401),
            ("/public/..;/me", 401),
            ("//public/hello", if one_slash { 200 } else { 401 }),
            ("/health/", 401),
            ("/health%2f", 401),
            ("/HEALTH", 401),
        ] {
            let answer = proxy.ask("GET", target, &[], "").await;
            rows.expect(&format!("without a credential: {target}"), &answer.status, &status);
        }
        for (target, status) in [
            ("/me%2f", 404),
            ("/%6de", 404),
            ("//me", if one_slash { 200 } else { 404 }),
            ("/x/../me", 404),
            ("/me;x=1", 404),
        ] {
            let answer = proxy.ask("GET", target, ALICE, "").await;
            rows.expect(&format!("a user, elsewhere: {target}"), &answer.status, &status);
            let path = if status == 200 { "/me" } else { target };
            expected.push(format!("GET {path}: {status} from {CLIENT}"));
        }

        let event = format!(
            r#"{{"event": "user.updated", "data": {{"id": {as_alice}, "updatedFields": ["email"]}}}}"#
        );
        let signature = webhook::sign(event.as_bytes(), &Secret::from(SECRET));
        for (what, signature, expected) in [
            ("an event", &*signature, Seen::Served(json!({"success": true}))),
            ("a forged one", &"0".repeat(64), refused(401, "")),
        ] {
            let answer =
                proxy.ask("POST", "/webhook/auth", &[("x-webhook-signature", signature)], &event).await;
            rows.expect(what, &seen(&answer), &expected);
        }

        expected.sort();
        rows.expect("usage records", &records(&center, service).await, &expected);
    }
}

#[tokio::test]
async fn full_service_behind_forward_auth() {
    let mut rows = Rows::default();
    for name in ["nginx", "caddy"] {
        let Some(_) = Room::of("proxies") else { return };
        let center = support::center().await;
        let service = start_service(&center).await;
        let endpoint = start("forward_auth", &center, &[("PROXY", name)]).await;
        let Some(proxy) = Running::start(name, "forward-auth", endpoint.address, service.address).await
        else {
            return;
        };
        rows.with(format!("{name} that asks forward_auth, in front of full_service"));
        let forged = [
            BOB[0],
            ("x-user-id", "1"),
            ("x-user-name", "root"),
            ("x-forwarded-for", "8.8.4.4"),
            ("x-real-ip", "8.8.4.4"),
        ];
        let mut expected = vec![];
        for (what, target, headers, refusal, is_recorded) in [
            ("a credential is not needed", "/public/hello", &[][..], None, false),
            ("no credential", "/me", &[], Some(refused(401, "Bearer")), false),
            ("a bad one", "/me", BAD, Some(refused(401, INVALID)), false),
            ("a token", "/me", ALICE, None, true),
            ("an access key", "/me", KEY, None, true),
            ("invented headers", "/me", &forged, None, true),
            ("a rule, met", "/reports", ALICE, None, true),
            // The service is not asked, and so there is no record.
            (
                "a rule, not met",
                "/reports",
                BOB,
                Some(refused(403, r#"Bearer error="insufficient_scope", scope="report:read""#)),
                false,
            ),
            ("a rule, two slashes", "//reports", ALICE, Some(refused(400, "")), false),
            (
                "the service's own 403",
                "/admin",
                ALICE,
                Some(refused(403, r#"Bearer error="insufficient_scope""#)),
                true,
            ),
            ("upwards", "/public/../me", &[], Some(refused(401, "Bearer")), false),
        ] {
            let answer = proxy.ask("GET", target, headers, "").await;
            let found = Seen::Refused(answer.status, told(&answer));
            rows.expect(&format!("{what}: {target}"), &found, &refusal.unwrap_or_else(|| refused(200, "")));
            if is_recorded {
                expected.push(format!("GET {target}: {} from {CLIENT}", answer.status));
            }
        }
        let answer = proxy.ask("GET", "/context", &forged, "").await.json();
        rows.expect(
            "who and where, by invented headers",
            &(answer["username"].as_str(), answer["client_ip"].as_str()),
            &(Some("bob"), Some(CLIENT)),
        );
        expected.push(format!("GET /context: 200 from {CLIENT}"));
        expected.sort();
        rows.expect("usage records", &records(&center, service).await, &expected);
    }
}

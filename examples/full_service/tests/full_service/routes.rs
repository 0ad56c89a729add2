//! What it serves, to whom.

use serde_json::{Value, json};
use test_support::http::{self, center, get_as};
use test_support::process::{Directory, PATIENCE, settings};
use tokio::process::Command;
use tokio::time::timeout;

use crate::{FULL_SERVICE, seen, start};

/// An answer's fields, the one called `name` left away.
fn without(mut answer: Value, name: &str) -> Value {
    answer.as_object_mut().unwrap().remove(name);
    answer
}

#[tokio::test]
async fn every_route() {
    let app = start("routes", &[]).await;
    let at = app.address;
    let open = [("/health", "ok\n"), ("/public/hello", "hello, world\n")];
    for (path, body) in open {
        assert_eq!(seen(&http::get(at, path, &[]).await), (200, body), "{path}");
        assert_eq!(seen(&get_as(at, "unknown", path).await), (200, body), "{path}");
    }

    let alice = json!({
        "username": "alice", "nickname": "Alice", "email": "alice@example.com", "phone": null, "avatar": null,
        "roles": ["editor"], "permissions": ["report:read", "article:edit"], "groups": [], "department": null,
        "company": null, "feishu_user_id": null, "feishu_open_id": null, "feishu_union_id": null,
        "feishu_tenant_key": null, "is_admin": false, "status": null,
    });
    let me = get_as(at, "alice-token", "/me").await.json();
    assert_eq!(without(me.clone(), "id"), alice);
    let id = me["id"].as_i64().expect("a number");
    assert_eq!(get_as(at, "alice-token", "/maybe").await.json(), json!({ "user": me }));
    for headers in [&[][..], &[("authorization", "Bearer unknown")], &[("authorization", "Bearer b a d")]] {
        assert_eq!(http::get(at, "/maybe", headers).await.json(), json!({ "user": null }), "{headers:?}");
    }

    for (path, nobody, bob, alice, root) in [
        ("/me", 401, 200, 200, 200),
        ("/reports", 401, 403, 200, 403),
        ("/editor", 401, 403, 200, 403),
        ("/admin", 401, 403, 403, 200),
        ("/context", 401, 200, 200, 200),
        ("/act-as", 401, 200, 200, 200),
        ("/org", 401, 200, 200, 403),
        ("/org/name", 401, 405, 405, 405),
        ("/relay", 401, 200, 200, 200),
        ("/slow", 401, 200, 200, 200),
        ("/boom", 401, 500, 500, 500),
        ("/moved", 401, 302, 302, 302),
        ("/chat", 401, 405, 405, 405),
        ("/none", 401, 404, 404, 404),
        ("/health/", 401, 404, 404, 404),
        ("/publicity", 401, 404, 404, 404),
    ] {
        let expected = [nobody, 401, bob, alice, root];
        let (nobody, bad, bob, alice, root) = tokio::join!(
            http::get(at, path, &[]),
            get_as(at, "unknown", path),
            get_as(at, "bob-token", path),
            get_as(at, "alice-token", path),
            get_as(at, "root-token", path),
        );
        assert_eq!([nobody, bad, bob, alice, root].map(|answer| answer.status), expected, "{path}");
    }
    assert_eq!(get_as(at, "alice-token", "/moved").await.header("location"), Some("/me"));

    assert_eq!(get_as(at, "alice-token", "/relay").await.json(), me);
    assert_eq!(get_as(at, "ak_alice", "/relay").await.json()["username"], "alice");

    let headers = [
        ("authorization", "Bearer ak_alice"),
        ("user-agent", "curl/8"),
        ("x-trace-id", "t-1"),
        ("x-request-id", "r-1"),
        ("x-forwarded-for", "203.0.113.7"),
    ];
    assert_eq!(
        http::get(at, "/context", &headers).await.json(),
        json!({
            "user_id": id, "username": "alice", "client_ip": "203.0.113.7", "user_agent": "curl/8",
            "trace_id": "t-1", "request_id": "r-1",
        })
    );

    for (trusted, address) in [("203.0.113.0/24, 127.0.0.1/32", "203.0.112.7"), ("10.0.0.0/8", "127.0.0.1")] {
        let app = start("proxies", &[("TRUSTED_PROXIES", trusted)]).await;
        let headers =
            [("authorization", "Bearer bob-token"), ("x-forwarded-for", "8.8.4.4, 203.0.112.7, 203.0.113.7")];
        let context = http::get(app.address, "/context", &headers).await.json();
        assert_eq!(context["client_ip"], address, "trusted: {trusted}");
    }

    let chat = http::request(at, "POST", "/chat", &[("authorization", "Bearer alice-token")]).await;
    assert_eq!(chat.status, 200);
    for (name, value) in [
        ("x-match-dynamic", "1"),
        ("x-match-cost", "0.0035"),
        ("x-match-path", "/chat"),
        ("x-match-rule", "chat"),
    ] {
        assert_eq!(chat.header(name), Some(value), "{name}");
    }
    assert_eq!(http::request(at, "POST", "/chat", &[]).await.status, 401);
}

#[tokio::test]
async fn organisations_and_teams() {
    let app = start("tenants", &[]).await;
    let at = app.address;
    let id = async |name: &str| get_as(at, &format!("{name}-token"), "/me").await.json()["id"].clone();
    let (alice, bob) = (id("alice").await, id("bob").await);
    let as_bob = bob.to_string();
    let shown = |user: &Value, team: Value, role: &str| {
        Ok(json!({ "user": user, "org": "acme", "team": team, "roles": [role] }))
    };
    for (who, headers, expected) in [
        ("alice", vec![], shown(&alice, Value::Null, "owner")),
        ("alice", vec![("x-org-id", "acme")], shown(&alice, Value::Null, "owner")),
        ("bob", vec![("x-team-id", "design")], shown(&bob, json!("design"), "member")),
        ("root", vec![("x-act-as-user-id", &*as_bob)], shown(&bob, Value::Null, "member")),
        ("root", vec![], Err(403)),
        ("alice", vec![("x-org-id", "umbrella")], Err(403)),
        ("alice", vec![("x-team-id", "design")], Err(403)),
        ("alice", vec![("x-org-id", "")], Err(400)),
    ] {
        let authorization = format!("Bearer {who}-token");
        let headers = [vec![("authorization", &*authorization)], headers].concat();
        let answer = http::get(at, "/org", &headers).await;
        match expected {
            Ok(shown) => assert_eq!(answer.json(), shown, "{headers:?}"),
            Err(status) => assert_eq!(answer.status, status, "{headers:?}"),
        }
    }
    for (who, status) in [("alice", 200), ("bob", 403), ("root", 403)] {
        let authorization = format!("Bearer {who}-token");
        let answer = http::request(at, "POST", "/org/name", &[("authorization", &*authorization)]).await;
        assert_eq!(answer.status, status, "{who}");
    }
    assert_eq!(
        http::get(at, "/public/org-actions", &[]).await.json()[0],
        json!({ "name": "RENAME_ORG", "roles": ["owner"] })
    );
}

#[tokio::test]
async fn services_call_in_their_own_name() {
    let app = start("services", &[]).await;
    let at = app.address;
    let post = async |path: &str, token: &str| {
        http::request(at, "POST", path, &[("authorization", &*format!("Bearer {token}"))]).await
    };
    // Whoever the user is, it is the service that calls; and no user may, not even an admin.
    for who in ["alice-token", "bob-token", "ak_alice", "root-token"] {
        let answer = post("/top-up", who).await;
        assert_eq!(seen(&answer), (200, "topped up for the service full-service\n"), "{who}");
        assert_eq!(post("/credits", who).await.status, 403, "{who}");
    }
    for path in ["/top-up", "/credits"] {
        assert_eq!(post(path, "unknown").await.status, 401, "{path}");
        assert_eq!(http::request(at, "POST", path, &[]).await.status, 401, "{path}");
    }
    let keys = http::get(at, "/.well-known/jwks.json", &[]).await.json();
    assert_eq!((&keys["keys"][0]["kty"], &keys["keys"][1]), (&json!("OKP"), &Value::Null), "{keys}");
    assert_eq!(keys["keys"][0]["d"], Value::Null, "the public half alone");
}

/// By the key that is set, replicas sign and publish the same; one that is no key is named, and not shown.
#[cfg(unix)]
#[tokio::test]
async fn service_key_is_the_one_that_is_set() {
    let make = Command::new("openssl").args(["genpkey", "-algorithm", "ed25519"]).output();
    let key = String::from_utf8(timeout(PATIENCE, make).await.unwrap().unwrap().stdout).unwrap();
    let apps = [start("key", &[("SERVICE_KEY", &key)]).await, start("key", &[("SERVICE_KEY", &key)]).await];
    let mut published = vec![];
    for app in &apps {
        published.push(http::get(app.address, "/.well-known/jwks.json", &[]).await.json());
        let headers = [("authorization", "Bearer alice-token")];
        assert_eq!(http::request(app.address, "POST", "/top-up", &headers).await.status, 200);
    }
    assert_eq!(published[0], published[1]);
    let error = FULL_SERVICE.fails(&Directory::new("no-key"), &[("SERVICE_KEY", "hunter2")]).await;
    assert!(error.contains("key") && !error.contains("hunter2"), "{error}");
}

#[tokio::test]
async fn admins_act_as_others() {
    let app = start("act-as", &[]).await;
    let at = app.address;
    let id = |name: &'static str| async move {
        get_as(at, &format!("{name}-token"), "/me").await.json()["id"].clone()
    };
    let (alice, root) = (id("alice").await, id("root").await);
    let (as_alice, as_nobody) = (alice.to_string(), "999999999".to_owned());
    for (who, act_as, expected) in [
        ("alice", None, Ok((&alice, &alice))),
        ("root", None, Ok((&root, &root))),
        ("root", Some(&as_alice), Ok((&root, &alice))),
        ("alice", Some(&as_alice), Err(403)),
        ("bob", Some(&as_alice), Err(403)),
        ("root", Some(&as_nobody), Err(404)),
        ("unknown", Some(&as_alice), Err(401)),
    ] {
        let authorization = format!("Bearer {who}-token");
        let mut headers = vec![("authorization", &*authorization)];
        headers.extend(act_as.map(|id| ("x-act-as-user-id", &**id)));
        let answer = http::get(at, "/act-as", &headers).await;
        match expected {
            Ok((actor, subject)) => {
                assert_eq!(answer.json(), json!({ "actor": actor, "subject": subject }), "{who} {act_as:?}");
            }
            Err(status) => assert_eq!(answer.status, status, "{who} {act_as:?}: {}", answer.body),
        }
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_call_to_another_service_is_recorded_beside_the_request() {
    let center = center().await;
    let settings = settings(&center);
    let variables: Vec<_> = settings.iter().map(|(name, value)| (*name, &**value)).collect();
    let app = start("relay", &variables).await;
    let there = format!("http://{}/me", app.address);
    assert_eq!(get_as(app.address, "alice-token", "/relay").await.status, 200);
    app.signal("TERM");
    let (printed, status) = app.ended().await;
    assert_eq!(status.code(), Some(0));
    assert!(printed.contains("usage records: 3 delivered, 0 lost"), "{printed}");
    let records = center.stats();
    let mut seen: Vec<_> = records
        .iter()
        .map(|record| {
            let billed = &record["request_params"]["headers"]["X-Match-Username"];
            (record["api_path"].as_str().unwrap(), record["status_code"].as_u64().unwrap(), billed.as_str())
        })
        .collect();
    seen.sort();
    assert_eq!(seen, [("/me", 200, None), ("/relay", 200, None), (&*there, 200, Some("alice"))]);
}

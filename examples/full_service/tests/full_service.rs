//! The example as a newcomer meets it: a process of its own, every route, its settings, and how it ends.

// Helpers of tests are no tests to clippy.
#![allow(clippy::unwrap_used)]

use aigc_auth::testing::AuthCenter;
use serde_json::{Value, json};
use test_support::http::{self, Answer, center, get_as};
use test_support::process::{Directory, Example, PATIENCE, Program, settings};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

const FULL_SERVICE: Program = Program(env!("CARGO_BIN_EXE_full_service"));

async fn start(name: &str, variables: &[(&str, &str)]) -> Example {
    FULL_SERVICE.start(name, variables).await
}

fn seen(answer: &Answer) -> (u16, &str) {
    (answer.status, &answer.body)
}

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

/// The lines it prints in embedded mode, tried as they are.
#[tokio::test]
async fn every_curl_line_that_it_prints_works() {
    let mut app = start("banner", &[]).await;
    let mut statuses = vec![];
    while statuses.len() < 15 {
        let line = timeout(PATIENCE, app.lines.next_line()).await.unwrap().unwrap().unwrap();
        let Some(line) = line.trim().strip_prefix("curl ") else { continue };
        let quoted: Vec<&str> = line.split('\'').skip(1).step_by(2).collect();
        let headers: Vec<_> = quoted.iter().map(|header| header.split_once(": ").unwrap()).collect();
        let url = line.rsplit(' ').next().unwrap();
        let path = url.strip_prefix(&format!("http://{}", app.address)).expect(url);
        let method = if line.contains("-X POST") { "POST" } else { "GET" };
        statuses.push((path.to_owned(), http::request(app.address, method, path, &headers).await.status));
    }
    let expected = [
        ("/me", 401),
        ("/me", 200),
        ("/reports", 200),
        ("/reports", 403),
        ("/admin", 200),
        ("/act-as", 200),
        ("/org", 200),
        ("/org/name", 403),
        ("/relay", 200),
        ("/top-up", 200),
        ("/credits", 403),
        ("/.well-known/jwks.json", 200),
        ("/context", 200),
        ("/maybe", 200),
        ("/public/hello", 200),
    ];
    assert_eq!(statuses, expected.map(|(path, status)| (path.to_owned(), status)));
}

const WEBHOOK_SECRET: (&str, &str) = ("AIGC_AUTH_WEBHOOK_SECRET", "a secret of 26 characters!");

/// Signed by `openssl` and sent by `curl`, as a newcomer does with the printed line.
#[cfg(unix)]
#[tokio::test]
async fn the_printed_event_is_signed_and_taken_once() {
    let mut app = start("webhook", &[WEBHOOK_SECRET]).await;
    let line = app.line_with("openssl").await;
    let deliver = || async {
        let mut shell = Command::new("sh");
        let output =
            shell.args(["-c", &format!("{line} -s")]).env(WEBHOOK_SECRET.0, WEBHOOK_SECRET.1).output();
        let output = timeout(PATIENCE, output).await.unwrap().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        serde_json::from_slice::<Value>(&output.stdout).unwrap_or_else(|_| panic!("{line}: {complaint}"))
    };
    assert_eq!(deliver().await, json!({ "success": true }), "{line}");
    assert_eq!(deliver().await["message"], "handled before");
    let unsigned = http::request(app.address, "POST", "/webhook/auth", &[]).await;
    assert_eq!((unsigned.status, unsigned.json()["code"].clone()), (401, json!(401)));
}

#[tokio::test]
async fn without_a_good_secret_there_is_no_webhook_and_it_says_so() {
    for (variables, complaint) in [
        (&[][..], "AIGC_AUTH_WEBHOOK_SECRET is not set"),
        (&[("AIGC_AUTH_WEBHOOK_SECRET", "hunter2")], "has 7 bytes and needs at least 16"),
    ] {
        let mut app = start("no-webhook", variables).await;
        let line = app.line_with("without /webhook/auth").await;
        assert!(line.contains(complaint) && !line.contains("hunter2"), "{line}");
        let answer = http::request(app.address, "POST", "/webhook/auth", &[]).await;
        assert_eq!(answer.status, 401, "as every unknown path answers unauthenticated requests");
        let headers = [("authorization", "Bearer alice-token")];
        assert_eq!(http::request(app.address, "POST", "/webhook/auth", &headers).await.status, 404);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn sigterm_and_ctrl_c_drain_and_end_well() {
    let center = center().await;
    let settings = settings(&center);
    let variables: Vec<_> = settings.iter().map(|(name, value)| (*name, &**value)).collect();
    for signal in ["TERM", "INT"] {
        let app = start(&format!("sig-{signal}"), &variables).await;
        let address = app.address;
        center.clear_requests();
        let slow = tokio::spawn(async move { get_as(address, "alice-token", "/slow").await });
        // The center's being asked tells that the request has arrived.
        while center.requests().is_empty() {
            tokio::task::yield_now().await;
        }
        app.signal(signal);
        let slow = slow.await.unwrap();
        assert_eq!(seen(&slow), (200, "at last\n"), "{signal}: what was under way is finished");
        let (printed, status) = app.ended().await;
        assert!(printed.contains("drained"), "{signal}: {printed}");
        assert_eq!(status.code(), Some(0), "{signal}");
        assert!(tokio::net::TcpStream::connect(address).await.is_err(), "{signal}: the port is closed");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn usage_records_are_flushed_when_it_ends_unless_they_are_off() {
    let center = center().await;
    let settings = settings(&center);
    for (stats, recorded) in [("", 3), ("off", 0), ("OFF", 0)] {
        center.clear_requests();
        let before = center.stats().len();
        let mut variables: Vec<_> = settings.iter().map(|(name, value)| (*name, &**value)).collect();
        variables.push(("AIGC_AUTH_STATS", stats));
        let app = start("stats", &variables).await;
        for path in ["/me", "/reports", "/moved", "/health", "/boom"] {
            get_as(app.address, "alice-token", path).await;
        }
        http::get(app.address, "/me", &[]).await;
        app.signal("TERM");
        let (printed, status) = app.ended().await;
        assert_eq!(status.code(), Some(0));
        let records = center.stats().split_off(before);
        let seen: Vec<_> =
            records.iter().map(|record| (record["api_path"].as_str(), &record["status_code"])).collect();
        let expected =
            [(Some("/me"), &json!(200)), (Some("/reports"), &json!(200)), (Some("/boom"), &json!(500))];
        assert_eq!(seen, expected[..recorded], "{stats}");
        assert_eq!(printed.contains("usage records: 3 delivered, 0 lost"), recorded > 0, "{printed}");
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

#[cfg(unix)]
#[tokio::test]
async fn with_a_url_it_is_subscribed_while_it_runs() {
    let center = center().await;
    let url = "https://full-service.example.com/webhook/auth";
    let settings = settings(&center);
    let mut variables: Vec<_> = settings.iter().map(|(name, value)| (*name, &**value)).collect();
    variables.extend([WEBHOOK_SECRET, ("AIGC_AUTH_WEBHOOK_URL", url)]);
    let app = start("subscribed", &variables).await;
    let subscribed = async {
        while center.webhooks().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, subscribed).await.expect("it subscribes");
    let webhook = center.webhooks().remove(0);
    assert_eq!((webhook["url"].as_str(), webhook["secret"].as_str()), (Some(url), Some(WEBHOOK_SECRET.1)));
    assert_eq!(webhook["events"], json!(aigc_auth::webhook::EVENTS));
    // Once it serves, it handles signals.
    assert_eq!(http::get(app.address, "/health", &[]).await.status, 200);
    app.signal("TERM");
    let (_, status) = app.ended().await;
    assert_eq!(status.code(), Some(0));
    assert!(center.webhooks().is_empty());
}

async fn talks_to(center: &AuthCenter, app: Example, how: &str) {
    center.clear_requests();
    center.add_token("only-here", "bob");
    assert_eq!(get_as(app.address, "only-here", "/me").await.json()["username"], "bob", "{how}");
    assert_eq!(get_as(app.address, "only-here", "/reports").await.status, 403, "{how}");
    assert_eq!(center.calls("/user/info"), 1, "{how}");
    assert_eq!(get_as(app.address, "ak_alice", "/me").await.json()["username"], "alice", "{how}");
    assert_eq!(center.calls("/access-key/verify"), 1, "{how}");
}

#[tokio::test]
async fn with_three_variables_it_talks_to_that_center() {
    let center = center().await;
    let settings = settings(&center);
    let variables: Vec<_> = settings.iter().map(|(name, value)| (*name, &**value)).collect();
    talks_to(&center, start("variables", &variables).await, "by the environment").await;

    let directory = Directory::new("file");
    let lines = settings.each_ref().map(|(name, value)| format!("{name}='{value}'\n"));
    std::fs::write(directory.0.join(".env"), lines.concat()).unwrap();
    talks_to(&center, FULL_SERVICE.start_in("", directory, &[]).await, "by .env").await;

    let directory = Directory::new("mixed");
    std::fs::write(directory.0.join(".env"), "AIGC_AUTH_APP_ID=another\nAIGC_AUTH_APP_SECRET=test-secret\n")
        .unwrap();
    talks_to(&center, FULL_SERVICE.start_in("", directory, &[variables[0], variables[2]]).await, "by both")
        .await;
}

#[tokio::test]
async fn what_is_missing_or_wrong_is_named_at_the_start() {
    let id = ("AIGC_AUTH_APP_ID", "my-app");
    let secret = ("AIGC_AUTH_APP_SECRET", "hunter2");
    let url = |url| ("AIGC_AUTH_BASE_URL", url);
    for (what, file, variables, named) in [
        ("only the id", None, &[id][..], "AIGC_AUTH_APP_SECRET is not set"),
        ("only the secret", None, &[secret], "AIGC_AUTH_APP_ID is not set"),
        ("no URL", None, &[id, secret], "AIGC_AUTH_BASE_URL is not set"),
        ("an empty URL", None, &[id, secret, url("  ")], "AIGC_AUTH_BASE_URL is not set"),
        ("only the id, in .env", Some("AIGC_AUTH_APP_ID=my-app\n"), &[], "AIGC_AUTH_APP_SECRET is not set"),
        ("no URL at all", None, &[id, secret, url("auth.example.com")], "base URL"),
        ("another protocol", None, &[id, secret, url("ftp://auth.example.com")], "base URL"),
        (
            "a proxy without the length of its network",
            None,
            &[("TRUSTED_PROXIES", "10.1.2.3")],
            "TRUSTED_PROXIES=10.1.2.3: expected networks",
        ),
        ("a file that is none", Some("AIGC_AUTH_APP_SECRET='hunter2"), &[], ".env"),
        (
            "an id that no header carries",
            None,
            &[("AIGC_AUTH_APP_ID", "a\nb"), secret, url("http://x")],
            "app id",
        ),
    ] {
        let directory = Directory::new("bad");
        if let Some(file) = file {
            std::fs::write(directory.0.join(".env"), file).unwrap();
        }
        let error = FULL_SERVICE.fails(&directory, variables).await;
        assert!(error.contains(named), "{what}: {error}");
        if named.ends_with("is not set") {
            let looked = directory.0.canonicalize().unwrap().join(".env").display().to_string();
            assert!(error.contains("the environment") && error.contains(&looked), "{what}: {error}");
            assert_eq!(error.contains("does not exist"), file.is_none(), "{what}: {error}");
        }
        assert!(!error.contains("hunter2"), "{what}: {error}");
    }
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let directory = Directory::new("taken");
    let error = FULL_SERVICE.fails(&directory, &[("BIND", &address)]).await;
    assert!(error.contains(&format!("BIND={address}")), "{error}");
}

#[tokio::test]
async fn rust_log_is_honoured_and_shows_no_credential() {
    for (level, refused, detailed) in [("debug", true, true), ("off", false, false)] {
        let directory = Directory::new(level);
        let mut process = FULL_SERVICE.command("", &directory, &[("RUST_LOG", level)]).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let first = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
        let address = first.strip_prefix("listening on http://").unwrap().parse().unwrap();
        assert_eq!(get_as(address, "hunter2", "/me").await.status, 401);
        assert_eq!(get_as(address, "bob-token", "/reports").await.status, 403);
        process.start_kill().unwrap();
        let output = timeout(PATIENCE, process.wait_with_output()).await.unwrap().unwrap();
        let log = String::from_utf8_lossy(&output.stderr);
        assert_eq!(log.contains("request refused"), refused, "{level}: {log}");
        assert_eq!(log.contains("needs report:read"), detailed, "{level}: {log}");
        for secret in ["hunter2", "bob-token", "test-secret"] {
            assert!(!log.contains(secret), "{level}: {log}");
        }
    }
}

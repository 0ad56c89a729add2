//! The reference client of the auth center, in each version that is installed.

use aigc_auth::{AuthLayer, CurrentUser};
use axum::Router;
use axum::routing::get;
use serde_json::{Value, json};
use test_support::http::{get_as, serve};
use test_support::reference::Reference;

use crate::support::{Center, directory, of_guide};

fn calls() -> Value {
    let call = |method: &str, args: Value| json!({"method": method, "args": args});
    json!([
        call("verify_token", json!(["token"])),
        call("get_user_info", json!(["token"])),
        call("get_user_info", json!(["unknown"])),
        call("verify_access_key", json!(["ak_alice"])),
        call("batch_get_users", json!([["alice", "nobody"]])),
        call("list_users", json!(["ali"])),
        call("sync_user_to_auth", json!([{"username": "erin", "password": "first"}])),
        call("register_webhook", json!(["http://127.0.0.1:1/hook", ["user.updated"], "a secret of 16 b"])),
        call("list_groups", json!([])),
        call("create_access_key", json!(["token", "ci", null])),
        call("authorize_user_by_token", json!([9, "theirs"])),
    ])
}

/// Each version against the dialect that it was made for.
#[tokio::test]
async fn reference_client_runs_its_calls() {
    for reference in Reference::all_versions() {
        let center = Center::start(&format!("--dialect {}", reference.version)).await;
        let url = format!("{}/aigc-auth", center.url);
        let returned =
            reference.run("call_methods.py", &[("APP_ID", "42"), ("AUTH_CENTER_URL", &url)], &calls()).await;
        let version = reference.version;
        let ok = |at: usize| {
            assert!(returned[at].get("ok").is_some(), "{version}: {}: {}", calls()[at], returned[at]);
            &returned[at]["ok"]
        };
        assert_eq!(ok(0)["username"], "alice", "{version}");
        assert_eq!((&ok(1)["username"], &ok(1)["is_admin"]), (&json!("alice"), &json!(true)), "{version}");
        assert_eq!(returned[2], json!({"code": 401}), "{version}");
        assert_eq!(ok(3)["username"], "alice", "{version}");
        for at in 4..8 {
            ok(at);
        }
        let newer = |at: usize, since: &str| {
            if version >= since {
                ok(at);
            } else {
                let returned = &returned[at];
                assert!(returned == "missing" || returned.get("code").is_some(), "{version}: {returned}");
            }
        };
        newer(8, "1.1.54");
        newer(9, "1.1.62");
        newer(10, "1.1.62");
        assert!(center.client().list_users(Some("erin"), 1, 10).await.unwrap().items.len() == 1, "{version}");
    }
}

/// The guide's seed and its Python service, beside a Rust service.
#[tokio::test]
async fn services_in_python_and_rust_share_one_center() {
    for reference in Reference::all_versions() {
        let directory = directory("seed.toml", &of_guide("toml"));
        let app = directory.0.join("app.py");
        std::fs::write(&app, of_guide("python")).unwrap();
        let center = Center::start_in("--seed seed.toml", directory).await;
        let mut variables: Vec<_> = center.env.iter().map(|(name, value)| (&**name, &**value)).collect();
        variables.push(("APP", app.to_str().unwrap()));
        let python = reference.serve("serve_app.py", &variables).await;
        let rust = Router::new()
            .route(
                "/reports",
                get(|user: CurrentUser| async move { user.require("report:read").map(|()| "reports") }),
            )
            .layer(AuthLayer::new(center.client()));
        let rust = serve(rust).await;
        for address in [python.address, rust.address] {
            for (token, status) in [("alice-token", 200), ("bob-token", 403), ("unknown", 401)] {
                let answer = get_as(address, token, "/reports").await;
                assert_eq!(answer.status, status, "{} {token}: {answer:?}", reference.version);
            }
        }
    }
}

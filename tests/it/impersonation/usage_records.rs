//! What usage records say of requests in which an admin acts as another user.

use aigc_auth::impersonation::ActAsPolicy;
use aigc_auth::{ActAsUser, AuthLayer, CurrentUser, UserId};
use axum::Router;
use axum::routing::get;
use http::StatusCode;
use serde_json::{Value, json};

use crate::impersonation::support::{HEADER, who};
use crate::stats::support::Rig;
use crate::support::{self, serve};

fn id(rig: &Rig, name: &str) -> UserId {
    rig.center.users().iter().find(|user| user.username() == name).unwrap().id().clone()
}

/// The ids of the record: the target, and the actor.
fn ids(record: &Value) -> (&Value, &Value) {
    let headers = &record["request_params"]["headers"];
    (&headers["x-act-as-user-id"], &headers["x-actor-user-id"])
}

fn routes() -> Router {
    Router::new()
        .route("/", get(who))
        .route("/plain", get(|_: CurrentUser| async {}))
        .route("/fails", get(|_: ActAsUser| async { StatusCode::BAD_GATEWAY }))
        .route("/late", get(|_: ActAsUser, user: CurrentUser| async move { user.require("report:write") }))
}

#[tokio::test]
async fn record_has_target_and_actor_ids_only_when_impersonating() {
    let rig = Rig::new().await;
    rig.center.disable_user("bob");
    let app = serve(routes().layer(rig.auth())).await;
    let [alice, root] = ["alice", "root"].map(|name| id(&rig, name).to_string());
    let both = (json!(alice), json!(root));
    let none = (Value::Null, Value::Null);
    for (what, path, credential, target, status, expected) in [
        ("as alice", "/", "root-token", &*alice, 200, &both),
        ("and the handler fails", "/fails", "root-token", &alice, 502, &both),
        ("and a later extractor refuses", "/late", "root-token", &alice, 403, &both),
        ("the admin's own id", "/", "root-token", &root, 200, &none),
        ("no target", "/", "root-token", "", 200, &none),
        ("unknown", "/", "root-token", "9", 404, &none),
        ("without the extractor", "/plain", "root-token", &alice, 200, &none),
        ("no admin", "/", "alice-token", &root, 403, &none),
        ("no admin, without the extractor", "/plain", "alice-token", &root, 200, &none),
        ("unverified", "/", "bob-token", &alice, 403, &none),
    ] {
        let bearer = format!("Bearer {credential}");
        let headers =
            [("authorization", &*bearer), (HEADER, target), ("x-actor-user-id", "9"), ("user-agent", "x")];
        let answer = support::get(app.address, path, &headers).await;
        assert_eq!(answer.status, status, "{what}");
        // It is billed to the credential's user.
        let (sent_as, record) = rig.sent().await.remove(0);
        assert_eq!((&*sent_as, &record["status_code"]), (credential, &json!(status)), "{what}");
        assert_eq!(ids(&record), (&expected.0, &expected.1), "{what}");
    }
}

#[tokio::test]
async fn record_has_both_ids_with_cold_cache() {
    let policy = ActAsPolicy::new().insecure_any_target();
    let kinds: [fn(AuthLayer) -> AuthLayer; 3] =
        [|layer| layer, |layer| layer.on_verified(|_| async {}), AuthLayer::time_bodies];
    for kind in kinds {
        let rig = Rig::new().await;
        let root = id(&rig, "root").to_string();
        let app = serve(routes().layer(kind(rig.auth()).act_as(policy.clone()))).await;
        let headers = [("authorization", "Bearer root-token"), (HEADER, "u-8")];
        assert_eq!(support::get(app.address, "/", &headers).await.body, "u-8 ? by root");
        assert_eq!(rig.center.calls("/user/info"), 1);
        assert_eq!(ids(&rig.one().await), (&json!("u-8"), &json!(root)));
    }
}

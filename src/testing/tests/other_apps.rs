use serde_json::{Value, json};

use super::{data, rejection};
use crate::testing::{AuthCenter, user};
use crate::types::user::FeishuIds;

/// A center of the app 42: alice has tokens of it and of the apps 12 and 27, `al` is her other user.
async fn of_app(app_id: &str) -> AuthCenter {
    let center = AuthCenter::builder().app_id(app_id).start().await;
    let ids = FeishuIds::new().with_open_id("ou");
    center.add_user(user("alice").id(7).feishu(ids.clone()));
    center.add_user(user("al").feishu(ids));
    center.add_user(user("bob"));
    center.add_user(user("carol"));
    center.add_token("own", "alice");
    for (app_id, token, username) in [
        (12, "a12", "alice"),
        (27, "a27", "alice"),
        (27, "al27", "al"),
        (27, "b27", "bob"),
        (12, "c12", "carol"),
    ] {
        center.add_app_token(app_id, token, username);
    }
    center
}

fn comparison(source: (i64, &str), target: (i64, &str)) -> Value {
    json!({
        "sourceAppId": source.0, "sourceToken": source.1, "targetAppId": target.0, "targetToken": target.1,
    })
}

#[tokio::test]
async fn identities_are_compared_across_apps() {
    let center = of_app("42").await;
    for (source, target, same) in [
        ((12, "a12"), (27, "a27"), true),
        ((12, "a12"), (42, "own"), true),
        ((27, "al27"), (42, "own"), true),
        ((12, "a12"), (12, "a12"), true),
        ((12, "a12"), (27, "b27"), false),
        ((12, "c12"), (27, "b27"), false),
    ] {
        let body = comparison(source, target);
        assert_eq!(
            data(&center, "/users/compare-identity", body.clone()).await,
            json!({"sameUser": same}),
            "{body}"
        );
    }
    for (source, target, code) in [
        ((12, "unknown"), (27, "a27"), 401),
        ((12, "a12"), (27, "unknown"), 401),
        ((27, "a12"), (27, "a27"), 401),
        ((12, "own"), (27, "a27"), 401),
        ((0, "a12"), (27, "a27"), 400),
        ((12, "a12"), (-1, "a27"), 400),
    ] {
        let body = comparison(source, target);
        assert_eq!(rejection(&center, "/users/compare-identity", body.clone()).await, code, "{body}");
    }
    assert_eq!(rejection(&center, "/users/compare-identity", json!({"sourceAppId": 12})).await, 400);
    center.revoke_token("a12");
    assert_eq!(
        rejection(&center, "/users/compare-identity", comparison((12, "a12"), (27, "a27"))).await,
        401
    );
}

#[tokio::test]
async fn own_tokens_have_any_app_id_unless_the_own_one_is_a_number() {
    for (app_id, own, other) in [("test-app", 99, 42), ("42", 42, 42)] {
        let center = of_app(app_id).await;
        for id in [own, other] {
            let body = comparison((id, "own"), (27, "a27"));
            assert_eq!(data(&center, "/users/compare-identity", body).await, json!({"sameUser": true}));
        }
    }
    let center = of_app("42").await;
    center.add_app_token(42, "also-own", "alice");
    assert_eq!(data(&center, "/user/info", json!({"token": "also-own"})).await["id"], 7);
}

#[tokio::test]
async fn token_of_another_app_is_accepted_once_authorized() {
    let center = of_app("42").await;
    let token = json!({"token": "a12"});
    let authorization = json!({"sourceAppId": 12, "sourceToken": "a12"});
    assert_eq!(rejection(&center, "/user/info", token.clone()).await, 401);
    assert_eq!(data(&center, "/token/verify", token.clone()).await, json!({"valid": false}));
    for _ in 0..2 {
        let found = data(&center, "/users/authorize-by-token", authorization.clone()).await;
        assert_eq!(
            (&found["id"], &found["is_admin"], &found["feishuOpenId"]),
            (&json!(7), &json!(false), &json!("ou"))
        );
        assert_eq!(data(&center, "/user/info", token.clone()).await["id"], 7);
    }
    assert_eq!(rejection(&center, "/user/info", json!({"token": "a27"})).await, 401, "only that token");
    center.revoke_token("a12");
    assert_eq!(rejection(&center, "/user/info", token).await, 401);

    center.disable_user("bob");
    center.remove_user("carol");
    for (app_id, token, code) in [
        (12, "a12", 401),
        (12, "a27", 401),
        (27, "unknown", 401),
        (27, "b27", 403),
        (12, "c12", 404),
        (0, "a27", 400),
    ] {
        let body = json!({"sourceAppId": app_id, "sourceToken": token});
        assert_eq!(rejection(&center, "/users/authorize-by-token", body).await, code, "{app_id} {token}");
    }
    assert_eq!(rejection(&center, "/users/authorize-by-token", json!({"sourceAppId": 27})).await, 400);
}

//! Requests for another user to handlers that know nothing of that: ignored, or refused by `ActAsPolicy::refuse_elsewhere`.

use std::convert::Infallible;

use aigc_auth::impersonation::ActAsPolicy;
use aigc_auth::{
    ActAsUser, AuthLayer, CurrentUser, OptionalUser, RequireAdmin, RequirePermission, UserInfo, permissions,
};
use axum::Router;
use axum::middleware::from_extractor;
use axum::routing::{any, get};
use serde_json::json;

use crate::impersonation::support::{HEADER, center};
use crate::support::{self, Answer, client, serve};

permissions! { Write = "report:write"; }

fn name(user: &UserInfo) -> String {
    user.username().to_owned()
}

fn routes() -> Router {
    Router::new()
        .route("/current", any(|user: CurrentUser| async move { name(&user) }))
        .route("/option", get(|user: Option<CurrentUser>| async move { name(&user.unwrap()) }))
        .route("/optional", get(|OptionalUser(user): OptionalUser| async move { name(&user.unwrap()) }))
        .route("/permission", get(|user: RequirePermission<Write>| async move { name(&user) }))
        .route("/admin", get(|user: RequireAdmin| async move { name(&user) }))
        .route("/last", get(|_: CurrentUser, who: ActAsUser| async move { who.user_id().to_string() }))
        .route("/first", get(|who: ActAsUser, _: CurrentUser| async move { who.user_id().to_string() }))
        .route("/alone", get(|who: ActAsUser| async move { who.user_id().to_string() }))
        .route("/none", get(|| async { Ok::<_, Infallible>("root") }))
        .merge(
            Router::new()
                .route("/below", get(|user: CurrentUser| async move { name(&user) }))
                .route_layer(from_extractor::<ActAsUser>()),
        )
}

#[tokio::test]
async fn header_is_ignored_or_refused_where_no_handler_looks_for_it() {
    let center = center().await;
    let client = client(&center);
    let serve_with =
        |policy: ActAsPolicy| serve(routes().layer(AuthLayer::new(client.clone()).act_as(policy)));
    let (lenient, strict) =
        (serve_with(ActAsPolicy::new()).await, serve_with(ActAsPolicy::new().refuse_elsewhere()).await);
    let said = |answer: Answer| if answer.status == 200 { answer.body } else { answer.status.to_string() };
    let too_long = "7".repeat(300);
    for (path, target, ignored, refused) in [
        ("/current", "7", "root", "400"),
        ("/option", "7", "root", "400"),
        ("/optional", "7", "root", "400"),
        ("/permission", "7", "root", "400"),
        ("/admin", "7", "root", "400"),
        ("/last", "7", "7", "400"),
        ("/first", "7", "7", "7"),
        ("/below", "7", "root", "root"),
        ("/alone", "7", "7", "7"),
        ("/none", "7", "root", "root"),
        // Their own id, and none.
        ("/current", "1", "root", "root"),
        ("/current", "", "root", "root"),
        // Nothing that anybody could read.
        ("/current", &too_long, "root", "400"),
        // The refusals of `ActAsUser` come first.
        ("/first", "999", "404", "404"),
    ] {
        let headers = [("authorization", "Bearer root-token"), (HEADER, target)];
        let seen = support::get(lenient.address, path, &headers).await;
        assert_eq!(said(seen), ignored, "{path} for {target:?}, ignored");
        let seen = support::get(strict.address, path, &headers).await;
        assert_eq!(said(seen), refused, "{path} for {target:?}, refused");
    }
    // Who may not act as others at all is not told more than that.
    let headers = [("authorization", "Bearer alice-token"), (HEADER, "1")];
    let answer = support::request(strict.address, "DELETE", "/current", &headers).await;
    let message = "Acting as another user (X-Act-As-User-Id) is not possible here";
    assert_eq!(answer.json(), json!({"code": 400, "message": message, "data": null}));
    let headers = [("authorization", "Bearer alice-token")];
    assert_eq!(support::get(strict.address, "/current", &headers).await.body, "alice", "without the header");
}

use aigc_auth::{ActAsUser, AuthLayer, testing};
use axum::Router;
use axum::routing::get;
use tower_http::trace::TraceLayer;

use crate::support::{self, center, serve};
use crate::trace::support::Spans;

#[tokio::test]
async fn user_id_is_recorded_into_the_span_of_the_request_on_wish() {
    let center = center().await;
    let [alice, root] = ["alice", "root"].map(|name| testing::user(name).build().id().to_string());
    let client = support::client(&center);
    // Once without, and so without a word.
    for (records, declares) in [(true, true), (true, false), (false, true)] {
        let span = move |_: &http::Request<_>| {
            if declares {
                tracing::info_span!("request", user.id = tracing::field::Empty)
            } else {
                tracing::info_span!("request")
            }
        };
        let mut auth = AuthLayer::new(client.clone()).allow_anonymous();
        if records {
            auth = auth.record_user_id();
        }
        let routes =
            Router::new().route("/", get(|| async { "ok" })).route("/as", get(|_: ActAsUser| async { "ok" }));
        let app = serve(routes.layer(auth).layer(TraceLayer::new_for_http().make_span_with(span))).await;
        client.clear_cache();
        let spans = Spans::start();
        for (path, token, act_as, expected) in [
            ("/", "alice-token", None, &*alice),
            ("/", "alice-token", None, &*alice), // from the cache
            ("/", "nobody-token", None, ""),
            ("/as", "root-token", Some(&*alice), &*root),
        ] {
            let authorization = format!("Bearer {token}");
            let mut headers = vec![("authorization", &*authorization)];
            headers.extend(act_as.map(|id| ("x-act-as-user-id", id)));
            assert_eq!(support::get(app.address, path, &headers).await.status, 200, "{token}");
            let request = spans.all().into_iter().rev().find(|span| span.name == "request").unwrap();
            let expected = if records && declares { expected } else { "" };
            assert_eq!(request.field("user.id"), expected, "{path} {token} {records} {declares}");
        }
    }
}

//! The layer around a handler that waits, and whose body is sent in pieces.

use std::convert::Infallible;
use std::time::Duration;

use aigc_auth::{CurrentUser, OptionalUser};
use axum::Router;
use axum::body::Body;
use axum::routing::{get, post};
use bytes::Bytes;
use futures_util::stream;
use http::Request;
use http_body_util::BodyExt;
use tokio::task::yield_now;
use tower::ServiceExt;

use super::harness::drop_at_each_await;
use crate::stats::support::Rig;
use crate::support::until;

fn pieces(texts: &'static [&'static str]) -> Body {
    let pieces = stream::unfold(texts.iter(), |mut texts| async move {
        yield_now().await;
        let text = texts.next()?;
        Some((Ok::<_, Infallible>(Bytes::from_static(text.as_bytes())), texts))
    });
    Body::from_stream(pieces)
}

async fn slow(CurrentUser(user): CurrentUser) -> Body {
    yield_now().await;
    assert_eq!(user.username(), "alice");
    tokio::time::sleep(Duration::from_millis(1)).await;
    pieces(&["a", "b", "c"])
}

async fn upload(_: OptionalUser, body: Bytes) -> Body {
    yield_now().await;
    Body::from(body)
}

#[tokio::test]
async fn requests_that_are_dropped_are_recorded_once_at_most() {
    let rig = Rig::new().await;
    let layers = [("", rig.auth()), ("timed", rig.auth().time_bodies())];
    for (case, layer) in layers {
        let app = Router::new().route("/slow", get(slow)).route("/upload", post(upload)).layer(layer);
        for target in ["/slow", "/upload"] {
            let mut ended = 0;
            let before = rig.stats.snapshot().recorded;
            let mut asked = 0;
            let dropped = drop_at_each_await(
                target,
                async || {
                    let request =
                        Request::builder().uri(target).header("authorization", "Bearer alice-token");
                    let request = if target == "/upload" {
                        request.method("POST").body(pieces(&["x", "y"])).unwrap()
                    } else {
                        request.body(Body::empty()).unwrap()
                    };
                    let answer = app.clone().oneshot(request).await.unwrap();
                    let status = answer.status();
                    (status, answer.into_body().collect().await.unwrap().to_bytes())
                },
                async |drop, answer| {
                    asked += u64::from(drop.polls > 0);
                    if let Some((status, body)) = answer {
                        ended += 1;
                        let body = String::from_utf8_lossy(&body).into_owned();
                        let expected = if target == "/slow" { "abc" } else { "xy" };
                        assert_eq!((status.as_u16(), &*body), (200, expected), "{case} {target}");
                    }
                    let counts = rig.stats.flush(Duration::from_secs(20)).await;
                    let recorded = counts.recorded - before;
                    assert!(
                        recorded <= asked,
                        "{case} {target} {drop:?}: {recorded} records of {asked} requests"
                    );
                    assert_eq!((counts.recorded, counts.pending), (counts.delivered, 0), "{counts:?}");
                },
            )
            .await;
            assert!(dropped >= 4 && ended == 2, "{case} {target}: dropped at {dropped} places");
            let recorded = rig.stats.snapshot().recorded - before;
            assert!(recorded >= 2, "{case} {target}: {recorded}, those that ended among them");
        }
    }
    until("the center has them all", || rig.center.stats().len() as u64 == rig.stats.snapshot().recorded)
        .await;
}

//! What gRPC clients get: on the wire here, and by the clients themselves in `grpc/`.

use aigc_auth::error::{ErrorKind, ErrorResponder};
use aigc_auth::testing::Fault;
use aigc_auth::{ActAsUser, AuthError, AuthLayer};
use axum::Router;
use axum::routing::post;

use crate::layer::refusals::refusing;
use crate::support::{self, center, serve};

fn app(auth: AuthLayer) -> Router {
    let own = Router::new()
        .route("/target", post(|_: ActAsUser| async {}))
        .route("/odd", post(|| async { Err::<(), _>(AuthError::new(ErrorKind::InvalidRequest)) }));
    refusing(auth.clone()).merge(own.layer(auth))
}

#[tokio::test]
async fn grpc_calls_are_refused_in_the_head() {
    let center = center().await;
    let responder = ErrorResponder::new(|_| -> &'static str { panic!("a gRPC client could not read it") });
    let auth = || support::auth(&center).error_responder(responder.clone()).tell_missing_permission();
    let strict = serve(app(auth())).await;
    let open = serve(app(auth().allow_anonymous())).await;
    let (purge, root) = ("Permission is missing: report:purge", ("x-act-as-user-id", "99"));
    let other = ("x-other", "1");
    let bearer = r#"Bearer error="insufficient_scope", scope="report:purge""#;
    for (path, credential, header, code, message, challenge) in [
        (
            "/me",
            "",
            other,
            "16",
            "No bearer credential was sent: send `Authorization: Bearer <token>`",
            Some("Bearer"),
        ),
        (
            "/me",
            "Bearer unknown",
            other,
            "16",
            "The credential is invalid or has expired",
            Some(r#"Bearer error="invalid_token""#),
        ),
        ("/guarded", "Bearer alice-token", other, "7", purge, Some(bearer)),
        ("/extracted", "Bearer alice-token", other, "7", purge, Some(bearer)),
        ("/purge", "Bearer alice-token", other, "7", purge, Some(bearer)),
        ("/by-hand", "Bearer alice-token", other, "7", purge, Some(bearer)),
        ("/target", "Bearer root-token", root, "5", "There is no such user", None),
        ("/odd", "Bearer alice-token", other, "3", "The request is invalid", None),
    ] {
        for (sent, answered) in [
            ("application/grpc", "application/grpc"),
            ("application/grpc+proto", "application/grpc"),
            ("application/grpc-web+proto", "application/grpc-web"),
            ("application/grpc-web-text", "application/grpc-web-text"),
        ] {
            for app in [&strict, &open] {
                let headers = [("authorization", credential), ("content-type", sent), header];
                let answer = support::request(app.address, "POST", path, &headers).await;
                let what = format!("{path} as {credential}, {sent}");
                assert_eq!((answer.status, &*answer.body), (200, ""), "{what}");
                assert_eq!(answer.header("content-type"), Some(answered), "{what}");
                let seen = (answer.header("grpc-status"), answer.header("grpc-message"));
                assert_eq!(seen, (Some(code), Some(message)), "{what}");
                assert_eq!(answer.header("www-authenticate"), challenge, "{what}");
            }
        }
    }
    center.inject_fault(Fault::too_many_requests(7));
    for app in [&strict, &open] {
        let headers = [("authorization", "Bearer unseen"), ("content-type", "application/grpc")];
        let answer = support::request(app.address, "POST", "/me", &headers).await;
        assert_eq!((answer.status, answer.header("grpc-status")), (200, Some("14")));
        let retry = (answer.header("retry-after"), answer.header("grpc-retry-pushback-ms"));
        assert_eq!(retry, (Some("7"), Some("7000")));
    }
}

#[tokio::test]
async fn other_content_types_are_answered_as_ever() {
    let center = center().await;
    let app = serve(app(support::auth(&center))).await;
    for content_type in
        ["application/json", "application/grpcx", "application/connect+proto", "text/plain", ""]
    {
        for (path, credential, status) in [("/me", "", 401), ("/guarded", "Bearer alice-token", 403)] {
            let headers = [("authorization", credential), ("content-type", content_type)];
            let answer = support::request(app.address, "POST", path, &headers).await;
            assert_eq!((answer.status, answer.header("grpc-status")), (status, None), "{content_type}");
            assert_eq!(answer.header("content-type"), Some("application/json"), "{content_type}");
        }
    }
}

/// gRPC is `POST` only. Answered 200, a `GET` of anybody could fill a cache in front of the service with empty pages.
#[tokio::test]
async fn other_methods_are_answered_as_ever() {
    let center = center().await;
    let strict = serve(app(support::auth(&center))).await;
    let open = serve(app(support::auth(&center).allow_anonymous())).await;
    for content_type in ["application/grpc", "application/grpc-web+proto"] {
        for method in ["GET", "PUT", "DELETE", "OPTIONS"] {
            for (path, credential, status) in [
                ("/me", "", 401),
                ("/me", "Bearer unknown", 401),
                ("/guarded", "Bearer alice-token", 403),
                ("/purge", "Bearer alice-token", 403),
                ("/by-hand", "Bearer alice-token", 403),
            ] {
                for app in [&strict, &open] {
                    let headers = [("authorization", credential), ("content-type", content_type)];
                    let answer = support::request(app.address, method, path, &headers).await;
                    let seen = (answer.status, answer.header("grpc-status"), answer.header("content-type"));
                    assert_eq!(
                        seen,
                        (status, None, Some("application/json")),
                        "{method} {path} {credential}"
                    );
                }
            }
        }
    }
}

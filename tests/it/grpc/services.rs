//! `aigc_auth::grpc`: users, permissions and errors in services and interceptors.

use std::error::Error;
use std::time::Duration;

use aigc_auth::error::{ErrorKind, Language};
use aigc_auth::observer::Event;
use aigc_auth::testing::{EventLog, Fault};
use aigc_auth::{AuthError, AuthLayer, context, grpc};
use tonic::codegen::BoxStream;
use tonic::service::Routes;
use tonic::{Code, Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use crate::grpc::support::{connect, streaming, unary};
use crate::support::{self, App, center, serve};

/// A service that only those may use who may purge reports, and that says the rest by an error of the crate.
struct Purges;

#[tonic::async_trait]
impl Health for Purges {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let user = grpc::require(&request, "report:read")?;
        assert_eq!(context::current_username().as_deref(), Some(user.username()));
        user.require("report:purge")?;
        Ok(Response::new(HealthCheckResponse { status: ServingStatus::Serving.into() }))
    }

    type WatchStream = BoxStream<HealthCheckResponse>;

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let user = grpc::user(&request)?;
        Err(AuthError::new(ErrorKind::UnknownUser).with_detail(format!("sent by {}", user.username())).into())
    }
}

async fn serve_purges(auth: AuthLayer) -> App {
    serve(Routes::new(HealthServer::new(Purges)).into_axum_router().layer(auth)).await
}

/// A `Status` that is made of an error of the crate is a refusal as any other.
#[tokio::test]
async fn observer_is_told_of_each_status() {
    let center = center().await;
    let events = EventLog::new();
    let app = serve_purges(support::auth(&center).allow_anonymous().observer(events.clone())).await;
    let channel = connect(&format!("http://{}", app.address)).await;
    let (check, watch) = ("/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch");
    for (path, authorization, expected) in [
        (check, None, "missing_credential handler none -"),
        (check, Some("Basic x"), "missing_credential handler basic -"),
        (check, Some("Bearer nobody"), "invalid_credential handler bearer -"),
        (check, Some("Bearer bob-token"), "missing_permission handler bearer report:read"),
        (check, Some("Bearer alice-token"), "missing_permission handler bearer report:purge"),
        (watch, Some("Bearer alice-token"), "unknown_user handler bearer -"),
    ] {
        events.clear();
        let metadata: Vec<_> = authorization.into_iter().map(|value| ("authorization", value)).collect();
        let refused = match path == check {
            true => unary(&channel, path, &metadata).await,
            false => streaming(&channel, path, &metadata).await,
        };
        refused.unwrap_err();
        let told = events.events().into_iter().filter_map(|event| match event {
            Event::Refused(refused) => Some(format!(
                "{} {} {} {}",
                refused.kind.as_str(),
                refused.by.as_str(),
                refused.seen.as_str(),
                refused.needed.as_deref().unwrap_or("-")
            )),
            _ => None,
        });
        assert_eq!(told.collect::<Vec<_>>(), [expected], "{path} {authorization:?}");
    }
}

#[tokio::test]
async fn service_reads_user_and_fails_by_errors_of_the_crate() {
    let center = center().await;
    center.add_user(aigc_auth::testing::user("carol").permissions(["report:read", "report:purge"]));
    center.add_token("carol-token", "carol");
    let auth = support::auth(&center).allow_anonymous();
    let english = serve_purges(auth.clone().tell_missing_permission()).await;
    let chinese = serve_purges(auth.language(Language::Chinese)).await;
    let channels = [&english, &chinese].map(|app| format!("http://{}", app.address));
    let (check, watch) = ("/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch");
    for (at, url) in channels.iter().enumerate() {
        let channel = connect(url).await;
        let messages = |english: &'static str, chinese: &'static str| [english, chinese][at];
        let (carol, alice, bob) = ("Bearer carol-token", "Bearer alice-token", "Bearer bob-token");
        assert!(unary(&channel, check, &vec![("authorization", carol)]).await.is_ok());
        for (credential, code, message) in [
            (alice, Code::PermissionDenied, messages("Permission is missing: report:purge", "权限不足")),
            (bob, Code::PermissionDenied, messages("Permission is missing: report:read", "权限不足")),
            (
                "Basic x",
                Code::Unauthenticated,
                messages(
                    "`Authorization` has another scheme than `Bearer`: send `Authorization: Bearer <token>`",
                    "`Authorization` 的认证方案不是 `Bearer`，请发送 `Authorization: Bearer <token>`",
                ),
            ),
        ] {
            let status = unary(&channel, check, &vec![("authorization", credential)]).await.unwrap_err();
            assert_eq!((status.code(), status.message()), (code, message), "{credential}");
            assert!(status.metadata().contains_key("www-authenticate"), "{credential}");
        }
        let status = streaming(&channel, watch, &vec![("authorization", alice)]).await.unwrap_err();
        assert_eq!(
            (status.code(), status.message()),
            (Code::NotFound, messages("There is no such user", "用户不存在"))
        );
    }
    center.inject_fault(Fault::too_many_requests(7));
    let channel = connect(&channels[0]).await;
    let status = unary(&channel, check, &vec![("authorization", "Bearer unseen")]).await.unwrap_err();
    assert_eq!(
        (status.code(), status.metadata().get("retry-after").unwrap().to_str().unwrap()),
        (Code::Unavailable, "7")
    );
}

#[tokio::test]
async fn interceptor_guards_every_method() {
    fn readers(request: Request<()>) -> Result<Request<()>, Status> {
        grpc::require(&request, "report:read")?;
        Ok(request)
    }
    let center = center().await;
    let (_reporter, health) = tonic_health::server::health_reporter();
    let intercepted = tonic::service::interceptor::InterceptedService::new(health, readers);
    let app = serve(Routes::new(intercepted).into_axum_router().layer(support::auth(&center))).await;
    let channel = connect(&format!("http://{}", app.address)).await;
    for (path, streams) in [("/grpc.health.v1.Health/Check", false), ("/grpc.health.v1.Health/Watch", true)] {
        for (credential, expected) in
            [("Bearer alice-token", Code::Ok), ("Bearer bob-token", Code::PermissionDenied)]
        {
            let metadata = vec![("authorization", credential)];
            let seen = match streams {
                false => unary(&channel, path, &metadata).await,
                true => streaming(&channel, path, &metadata).await,
            };
            assert_eq!(
                seen.map_or_else(|status| status.code(), |()| Code::Ok),
                expected,
                "{path} as {credential}"
            );
        }
    }
}

#[test]
fn status_outside_a_layer() {
    let misplaced = grpc::user(&Request::new(())).unwrap_err();
    assert_eq!((misplaced.code(), misplaced.message()), (Code::Internal, "The service is misconfigured"));
    let error = AuthError::new(ErrorKind::Unavailable)
        .with_detail("hunter2")
        .with_retry_after(Duration::from_secs(9));
    let status = Status::from(error);
    assert_eq!(
        (status.code(), status.metadata().get("grpc-retry-pushback-ms").unwrap().to_str().unwrap()),
        (Code::Unavailable, "9000")
    );
    assert!(!status.message().contains("hunter2"), "details are for operators");
    assert!(status.source().unwrap().to_string().contains("hunter2"), "who find them here");
}

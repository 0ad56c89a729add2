//! Proxies that ask, gRPC, impersonation, tenants, OpenAPI.

use aigc_auth::error::ErrorResponder;
use aigc_auth::forward_auth::{ForwardAuth, Proxy};
use aigc_auth::impersonation::{ActAsAttempt, ActAsPolicy, AuditError, AuditSink};
use aigc_auth::layer::CredentialSource;
use aigc_auth::testing::{self, AuthCenter, Fault};
use aigc_auth::{ActAsUser, AuthLayer, CurrentUser, documented_routes};
use axum::Router;
use axum::routing::get;
use tonic::service::Routes;
use utoipa::Modify;
use utoipa_axum::router::OpenApiRouter;

use crate::canary::flight::{ANSWERS, AUDIT, DEBUG, Flight, OPENAPI};
use crate::support::{auth, get as get_from, serve};

/// Notes attempts.
struct Sink(Flight);

impl AuditSink for Sink {
    async fn record(&self, attempt: &ActAsAttempt) -> Result<(), AuditError> {
        self.0.show(attempt);
        self.0.put(AUDIT, format!("{attempt:?}"));
        Ok(())
    }
}

#[utoipa::path(get, path = "/me", responses((status = 200, description = "The user.")))]
async fn me(_: CurrentUser) {}

pub(super) async fn story(flight: &Flight) {
    let center = AuthCenter::builder().app_secret(flight.secret("app secret")).start().await;
    center.add_user(
        testing::user("carol")
            .id(7)
            .email(flight.secret("e-mail"))
            .phone(flight.secret("phone"))
            .nickname(flight.secret("nickname")),
    );
    center.add_user(testing::user("root").id(1).admin(true).email(flight.secret("actor's e-mail")));
    center.add_token(flight.secret("bearer token"), "carol");
    center.add_token(flight.secret("gRPC token"), "root");
    center.add_token(flight.secret("cookie"), "root");
    let layer = || {
        auth(&center).credentials_from([
            CredentialSource::authorization(),
            CredentialSource::cookie("session").insecure_any_origin(),
        ])
    };
    for proxy in [Proxy::Nginx, Proxy::Caddy, Proxy::Traefik, Proxy::Envoy] {
        let forward = ForwardAuth::new(layer(), proxy);
        flight.show(&forward);
        let app = serve(forward.router("/auth")).await;
        for name in ["bearer token", "unknown token"] {
            let bearer = format!("Bearer {}", flight.secret(name));
            let cookie = format!("session={}", flight.secret("cookie"));
            let target = format!("/x?token={}", flight.secret("query token"));
            let sets = [("authorization", &*bearer), ("cookie", &*cookie)];
            for (header, value) in sets {
                let headers = [
                    (header, value),
                    ("x-original-uri", &*target),
                    ("x-forwarded-uri", &*target),
                    ("x-original-method", "GET"),
                    ("x-forwarded-method", "GET"),
                ];
                flight.answer(&get_from(app.address, "/auth", &headers).await);
            }
        }
    }
    acting(flight, &center).await;
    grpc(flight, &center).await;
    let (router, mut document) = OpenApiRouter::<()>::new().routes(documented_routes!(me)).split_for_parts();
    drop(router);
    document.info.description = Some(Flight::plant(OPENAPI));
    layer().modify(&mut document);
    flight.put(OPENAPI, serde_json::to_string(&document).unwrap());
}

async fn acting(flight: &Flight, center: &AuthCenter) {
    let policy = ActAsPolicy::new().audit(Sink(flight.clone()));
    flight.show(&policy);
    let shown = flight.clone();
    let responder = ErrorResponder::new(move |refusal: &aigc_auth::error::Refusal<'_>| {
        shown.put(DEBUG, format!("{refusal:?}"));
        refusal.default_response()
    });
    flight.show(&responder);
    let layer: AuthLayer = auth(center).act_as(policy).error_responder(responder);
    let shown = flight.clone();
    let handler = |user: ActAsUser| async move {
        shown.show(&user);
        "ok"
    };
    let app = serve(Router::new().route("/", get(handler)).layer(layer)).await;
    let planted = Flight::plant(AUDIT);
    for target in ["7", "8", "1", &*planted, &*format!("{} {}", flight.secret("malformed token"), '\u{e9}')] {
        for fault in [None, Some(Fault::Html)] {
            center.clear_faults();
            fault.into_iter().for_each(|fault| center.inject_fault(fault));
            let bearer = format!("Bearer {}", flight.secret("gRPC token"));
            let headers = [
                ("authorization", &*bearer),
                ("x-act-as-user-id", target),
                ("x-impersonation-reason", "support"),
            ];
            if target.is_ascii() {
                flight.answer(&get_from(app.address, "/", &headers).await);
            }
        }
    }
    center.clear_faults();
}

async fn grpc(flight: &Flight, center: &AuthCenter) {
    let (_reporter, health) = tonic_health::server::health_reporter();
    let app = serve(Routes::new(health).into_axum_router().layer(auth(center))).await;
    let url = format!("http://{}", app.address);
    let channel = crate::grpc::support::connect(&url).await;
    for value in [
        format!("Bearer {}", flight.secret("gRPC token")),
        format!("Bearer {}", flight.secret("unknown token")),
        format!("{} x", flight.secret("malformed token")),
    ] {
        let value: &'static str = value.leak();
        let metadata = vec![("authorization", value)];
        if let Err(status) =
            crate::grpc::support::unary(&channel, "/grpc.health.v1.Health/Check", &metadata).await
        {
            flight.put(ANSWERS, format!("{status} {status:?} {:?}", status.metadata()));
        }
    }
}

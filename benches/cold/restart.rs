//! After a restart: all users are cold, and come at once. Each from an address of its own, through the layer.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use aigc_auth::{AuthClient, AuthLayer};
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use http::header::AUTHORIZATION;
use tokio::task::JoinSet;
use tower::{Layer, Service, service_fn};

use crate::center::{Center, token};
use crate::resident::{forget_peak, peak, resident};

fn request(id: u64) -> Request {
    let mut request = Request::new(Body::empty());
    let value = format!("Bearer {}", token(id)).parse().expect("a header");
    request.headers_mut().insert(AUTHORIZATION, value);
    let address = SocketAddr::from(((id as u32 + (10 << 24)).to_be_bytes(), 40_000));
    request.extensions_mut().insert(ConnectInfo(address));
    request
}

pub(crate) fn measure(is_bench: bool) {
    let users: u64 = if is_bench { 10_000 } else { 100 };
    let mut center = Center::start(Duration::from_millis(50), 10);
    let client = AuthClient::builder("app", "secret", center.url.as_str()).build().expect("a client");
    let auth = AuthLayer::new(client.clone());
    let ok = service_fn(|_: Request| async { Ok::<_, Infallible>(Response::new(Body::empty())) });
    let service = auth.layer(ok);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    // What a service has in any case.
    let requests: Vec<Request> = (0..users).map(request).collect();
    forget_peak();
    let (before, started) = (resident(), Instant::now());
    let served = runtime.block_on(async {
        let mut calls: JoinSet<bool> = requests
            .into_iter()
            .map(|request| {
                let mut service = service.clone();
                async move { service.call(request).await.is_ok_and(|response| response.status() == 200) }
            })
            .collect();
        let mut served = 0;
        while let Some(call) = calls.join_next().await {
            served += u64::from(call.expect("no panic"));
        }
        served
    });
    let took = started.elapsed();
    let mib = |bytes: u64| bytes.saturating_sub(before) as f64 / f64::from(1 << 20);
    let (most, after) = (mib(peak()), mib(resident()));
    let arrived = center.arrived();
    println!(
        "\n{users} users at once at a center of 50 ms: {served} served in {took:.2?}, {} calls, {} connections, \
         resident +{most:.1} MiB at most, +{after:.1} MiB after",
        arrived.calls, arrived.connections
    );
    // On a machine that is busy otherwise, some may have waited for a slot for three quarters of the timeout.
    assert!(served == arrived.calls && served > users / 2, "each user is one call");
}

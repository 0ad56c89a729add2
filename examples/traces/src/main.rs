//! A service that records spans by `tracing-opentelemetry` and prints them: of requests, of the lookups that they wait for, and of
//! the calls to the auth center, which go on with the trace.
//!
//! `cargo run -p traces` starts it with an auth center of its own and prints `curl` lines to try; settings as in
//! `examples/quickstart`.

use std::error::Error;
use std::net::SocketAddr;

use aigc_auth::testing;
use example_support::{connect_with, listen, shutdown_signal};
use tracing_subscriber::util::SubscriberInitExt;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (subscriber, provider) = traces::subscriber(opentelemetry_stdout::SpanExporter::default());
    subscriber.try_init()?;
    let add_users = |center: &testing::AuthCenter| {
        center.add_user(testing::user("alice"));
        center.add_token("alice-token", "alice");
    };
    let (client, center) = connect_with(add_users, |client| client.trace_headers(traces::inject)).await?;
    let shutdown = shutdown_signal();
    let (listener, address) = listen().await?;
    if center.is_some() {
        let parent = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        println!(
            "no AIGC_AUTH_* is set, so the auth center is one in this process. Try it twice: the second is cached."
        );
        println!("  curl -H '{parent}' -H 'Authorization: Bearer alice-token' http://{address}/me");
    }
    let service = traces::app(client).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).with_graceful_shutdown(shutdown).await?;
    provider.shutdown()?;
    println!("drained, good-bye");
    Ok(())
}

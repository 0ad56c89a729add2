//! What happens to the secrets.

mod builders;
mod calls;
mod environment;
mod layer;
mod other_doors;
mod outbound;
mod redis;
mod registry;
mod services;
mod sql;
mod tokens;
mod usage;
mod values;
mod webhooks;

use std::time::Instant;

use super::flight::Flight;

pub(super) use environment::set as set_environment;

/// All of it, one after another.
pub(super) async fn all(flight: &Flight) {
    environment::story(flight);
    timed("values", Box::pin(values::story(flight))).await;
    timed("builders", Box::pin(builders::story(flight))).await;
    timed("calls", Box::pin(calls::story(flight))).await;
    timed("layer", Box::pin(layer::story(flight))).await;
    timed("other_doors", Box::pin(other_doors::story(flight))).await;
    timed("tokens", Box::pin(tokens::story(flight))).await;
    timed("services", Box::pin(services::story(flight))).await;
    timed("webhooks", Box::pin(webhooks::story(flight))).await;
    timed("usage", Box::pin(usage::story(flight))).await;
    timed("outbound", Box::pin(outbound::story(flight))).await;
    timed("sql", Box::pin(sql::story(flight))).await;
    timed("registry", Box::pin(registry::story(flight))).await;
    timed("redis", Box::pin(redis::story(flight))).await;
}

async fn timed(name: &str, story: impl Future<Output = ()>) {
    let started = Instant::now();
    story.await;
    println!("{name}: {:?}", started.elapsed());
}

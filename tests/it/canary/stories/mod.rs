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
    timed("values", values::story(flight)).await;
    timed("builders", builders::story(flight)).await;
    timed("calls", calls::story(flight)).await;
    timed("layer", layer::story(flight)).await;
    timed("other_doors", other_doors::story(flight)).await;
    timed("tokens", tokens::story(flight)).await;
    timed("services", services::story(flight)).await;
    timed("webhooks", webhooks::story(flight)).await;
    timed("usage", usage::story(flight)).await;
    timed("outbound", outbound::story(flight)).await;
    timed("sql", sql::story(flight)).await;
    timed("registry", registry::story(flight)).await;
    timed("redis", redis::story(flight)).await;
}

async fn timed(name: &str, story: impl Future<Output = ()>) {
    let started = Instant::now();
    story.await;
    println!("{name}: {:?}", started.elapsed());
}

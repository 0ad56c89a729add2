//! Calls to other services, with credentials, through proxies that want some.

use std::time::Duration;

use aigc_auth::AuthClient;
use aigc_auth::context::{InContext, RequestContext};
use aigc_auth::credential::Credential;
use aigc_auth::outbound::OutboundClient;
use aigc_auth::stats::StatsCollector;
use aigc_auth::testing::AuthCenter;
use aigc_auth::{UserInfo, context};
use reqwest_middleware::ClientBuilder;

use crate::canary::echo::{Echo, MODES, Mode};
use crate::canary::flight::{Flight, USAGE};

pub(super) async fn story(flight: &Flight) {
    let center = AuthCenter::start().await;
    let app = crate::support::client(&center);
    let stats = StatsCollector::start(&app);
    let of_app =
        AuthClient::builder("canary-app", flight.secret("app secret"), "http://127.0.0.1:1").build().unwrap();
    let echo = Echo::start().await;
    let builder = OutboundClient::builder(&of_app)
        .trust_origin(echo.url())
        .timeout(Duration::from_millis(200))
        .with_stats(stats.clone())
        .default_credential(Credential::new(&flight.secret("outbound credential")).unwrap());
    flight.show(&builder);
    let outbound = flight.outcome(builder.build()).unwrap();
    let middleware = outbound.middleware();
    flight.show(&middleware);
    let by_middleware = ClientBuilder::new(outbound.http_client()).with(middleware).build();
    let context = RequestContext::builder()
        .user(UserInfo::builder(7, "carol").email(flight.secret("e-mail")).build())
        .credential(Credential::new(&flight.secret("bearer token")).unwrap());
    flight.show(&context);
    let context = context.build();
    flight.show(&context);
    let (password, query, form) =
        (flight.secret("URL password"), flight.secret("URL query"), flight.secret("form password"));
    let host = echo.url().replace("http://", "");
    for mode in MODES {
        echo.say(mode);
        for host in [&*host, "127.0.0.1:1", "no-such-host.invalid"] {
            let url = format!("http://me:{password}@{host}/x?token={query}#{query}");
            let request =
                outbound.post(&url).form(&[("password", &form)]).bearer_auth(flight.secret("service token"));
            flight.show(&request);
            flight.outcome(request.send().in_context(context.clone()).await.map(|_| ()));
            flight.outcome(outbound.get(&url).send().await.map(|_| ()));
            let _ = by_middleware.get(&url).send().in_context(context.clone()).await;
            // The others answer alike, whatever the mode.
            if mode != MODES[0] {
                break;
            }
        }
    }
    for url in [format!("http://me:{password}@[::1/?{query}"), format!("{password}:{query}"), query.clone()] {
        let request = outbound.get(&url).header("x-secret\n", &*form).header("x", format!("{form}\n"));
        flight.show(&request);
        flight.outcome(request.send().await.map(|_| ()));
    }
    echo.say(Mode::Page(407));
    proxies(flight, &of_app, &host).await;
    assert!(context::current().is_none());
    stats.flush(Duration::from_secs(10)).await;
    for request in center.requests().into_iter().filter(|request| request.endpoint.contains("stats")) {
        flight.put(USAGE, request.body.to_string());
    }
}

/// A proxy that says what it heard, and one that is not there.
async fn proxies(flight: &Flight, app: &AuthClient, host: &str) {
    let password = flight.secret("proxy password");
    for (place, target) in
        [(host, "http://b.example/"), (host, "https://b.example/"), ("127.0.0.1:1", "http://b.example/")]
    {
        let proxy = reqwest::Proxy::all(format!("http://me:{password}@{place}")).unwrap();
        let http = reqwest::Client::builder().proxy(proxy).redirect(reqwest::redirect::Policy::none());
        let http = http.build().unwrap();
        let builder = OutboundClient::builder(app).http_client(http.clone()).timeout(Duration::from_secs(2));
        flight.show(&builder);
        let outbound = flight.outcome(builder.build()).unwrap();
        flight.outcome(outbound.get(target).send().await.map(|_| ()));
        let builder =
            AuthClient::builder("canary-app", flight.secret("app secret"), target).http_client(http);
        flight.show(&builder);
        let client = flight.outcome(builder.timeout(Duration::from_millis(250)).build()).unwrap();
        flight.outcome(client.user_info(&flight.secret("bearer token")).await);
    }
}

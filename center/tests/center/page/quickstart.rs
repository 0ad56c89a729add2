//! The quickstart beside the center, with the lines that it prints for `.env` and nothing else. On Linux, where all of 127.0.0.0/8 is
//! there: unknown tokens of one address alone open no breaker (`docs/caching.md`).

use std::time::Duration;

use test_support::browser::Page;
use test_support::http::get_as;
use test_support::process::{Example, Program};
use test_support::stopwatch::Stopwatch;
use test_support::until_async;

use super::open_page::open;
use crate::support::{Center, directory, of_guide};

/// The center of the guide's fault drill, its console, and the quickstart, once it is subscribed; `None` where there is no Chromium.
async fn start() -> Option<(Center, Page, Example)> {
    let center = Center::start_in("--seed seed.toml", directory("seed.toml", &of_guide("toml"))).await;
    let mut page = open(&center).await?;
    let quickstart = Program::of_example("quickstart").await;
    let quickstart = quickstart.start_in("", directory(".env", &center.dot_env), &[]).await;
    let receiver = format!("http://{}/webhook/auth", quickstart.address);
    page.run(&format!("await section('services'); await row('{receiver}');")).await;
    Some((center, page, quickstart))
}

#[tokio::test]
async fn running_quickstart_refuses_a_user_within_a_second_of_the_click() {
    let Some((center, mut page, mut quickstart)) = start().await else { return };
    let at = quickstart.address;
    let link = quickstart.line_with("console").await;
    assert_eq!(link, format!("console of the auth center: {}", center.console_url()));
    let status = async |token: &str| get_as(at, token, "/reports").await.status;
    assert_eq!((status("alice-token").await, status("bob-token").await), (200, 403));
    let calls = async || center.events(0).await.iter().filter(|event| event["type"] == "call").count();
    let before = calls().await;
    assert_eq!(status("alice-token").await, 200);
    assert_eq!(calls().await, before, "alice is served from the cache");

    page.run("await section('users');").await;
    let clicked = Stopwatch::start();
    page.run(r#"await click('[aria-label="Disable: alice"]');"#).await;
    until_async("alice is refused", async || status("alice-token").await == 403).await;
    assert!(clicked.elapsed() < Duration::from_secs(1), "{:?}", clicked.elapsed());
    page.run(r#"await says('200 "taken"');"#).await;
    // What is known of a token that was rejected ends with the negative TTL.
    page.run(r#"await click('[aria-label="Enable: alice"]');"#).await;
    until_async("alice is let in", async || status("alice-token").await == 200).await;
    assert_eq!(get_as(at, "bob-token", "/me").await.body, "hello, bob\n", "bob is as before");

    quickstart.signal("TERM");
    assert!(quickstart.ended().await.1.success());
    page.run("await section('services'); await says('No webhook is registered.');").await;
}

#[tokio::test]
async fn outage_by_the_page_is_borne_by_the_quickstart_and_seen_in_the_timeline() {
    let Some((_center, mut page, quickstart)) = start().await else { return };
    let at = quickstart.address;
    let alice = async || get_as(at, "alice-token", "/me").await.status;
    let from = |last: u8| {
        let client =
            reqwest::Client::builder().no_proxy().local_address(std::net::IpAddr::from([127, 0, 0, last]));
        client.pool_max_idle_per_host(0).build().unwrap()
    };
    let clients: Vec<_> = (2..12).map(from).collect();
    let guest = async |number: usize| {
        let request = clients[number % clients.len()]
            .get(format!("http://{at}/me"))
            .bearer_auth(format!("guest-{number}"));
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!((alice().await, guest(0).await), (200, 401));
    let drill = async {
        page.run("await section('overview'); await until('calls', () => Number(document.querySelector('.tile dd').innerText) > 20);").await;
        page.run("(await named('Outage, 30 s')).click(); await says('Refuse connections at all endpoints and the log-in switched on, for 30 s'); await says('A fault is on');").await;
        until_async("nobody can tell who a guest is", async || guest(1).await == 503).await;
        page.run("await says('Reports: no calls arrive, since none are let in.');").await;
        assert_eq!((alice().await, guest(2).await), (200, 503), "alice is served from the cache");
        page.run("(await named('Switch off')).click(); await says('Fault at all endpoints and the log-in switched off'); await says('No fault is on');").await;
        page.run("await says('Reports: calls are answered again');").await;
        until_async("guests are unknown again", async || guest(3).await == 401).await;
        assert_eq!(alice().await, 200);
    };
    let guests = async {
        for number in 10.. {
            guest(number).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        () = drill => {}
        () = guests => {}
    }
}

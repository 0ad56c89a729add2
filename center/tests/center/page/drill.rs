//! A fault drill: an outage, a breaker that opens, the recovery.

use std::time::Duration;

use super::open_page::{open, reopen};
use crate::support::Center;

/// A service that calls twenty times a second, by our client and its circuit breaker.
#[tokio::test]
async fn outage_is_switched_on_and_off_and_seen_in_the_timeline() {
    let center = Center::start("").await;
    let Some(mut page) = open(&center).await else { return };
    let client = center.client();
    let service = tokio::spawn(async move {
        loop {
            let _ = client.list_groups().await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    page.run("await until('calls', () => Number(document.querySelector('.tile dd').innerText) > 20);").await;
    page.run("await click('[data-action=preset503]'); await says('HTTP status 503 at all endpoints and the log-in switched on, for 30 s'); await says('A fault is on');").await;
    page.run("await says('Orders <&>: calls stopped arriving'); await says('Its breaker seems open.');")
        .await;
    let picture = page.run("const path = (name) => document.querySelector('.chart ' + name).getAttribute('d'); return [path('.band'), path('path.bad'), path('.lane.quiet'), document.querySelector('.chart').getAttribute('aria-label')]").await;
    for at in 0..3 {
        assert!(picture[at].as_str().unwrap().starts_with('M'), "{picture}");
    }
    assert!(picture[3].as_str().unwrap().contains("failed"), "{picture}");
    page.run("await click('[data-action=off]'); await says('Fault at all endpoints and the log-in switched off'); await says('No fault is on');").await;
    page.run("await says('Orders <&>: calls are answered again');").await;
    service.abort();
    // A page that is opened afterwards is told the same.
    reopen(&mut page, &center).await;
    page.run("await says('calls stopped arriving'); await says('calls are answered again');").await;
    // And in Chinese.
    page.run("choose('#language', 'zh-CN'); await says('调用停止'); await says('后恢复正常');").await;
}

/// Calls that hang are told when they have ended: until then, nothing is concluded from their absence.
#[tokio::test]
async fn calls_that_hang_are_not_taken_for_an_open_breaker() {
    let center = Center::start("").await;
    let Some(mut page) = open(&center).await else { return };
    let client = center.client_builder().timeout(Duration::from_secs(4)).build().unwrap();
    let service = tokio::spawn(async move {
        loop {
            let _ = client.list_groups().await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    page.run("await until('calls', () => Number(document.querySelector('.tile dd').innerText) > 20);").await;
    page.run("(await named('Hang, 30 s')).click(); await says('Hang at all endpoints and the log-in switched on, for 30 s');").await;
    let failed = "[...document.querySelectorAll('.tile')].find((tile) => tile.innerText.includes('Failed')).querySelector('dd')";
    page.run(&format!("await until('a call has ended', () => Number({failed}.innerText) > 0);")).await;
    let marks = page.run("return document.querySelector('[aria-label=Timeline] table').innerText").await;
    let marks = marks.as_str().unwrap();
    assert!(!marks.contains("no calls arrive") && !marks.contains("calls stopped"), "{marks}");
    page.run("(await named('Switch off')).click(); await says('Orders <&>: calls are answered again');")
        .await;
    service.abort();
}

#[tokio::test]
async fn faults_of_one_endpoint_have_their_time() {
    let center = Center::start("").await;
    let Some(mut page) = open(&center).await else { return };
    page.run("const form = document.querySelector('form.grid'); const [endpoint, status] = form.querySelectorAll('input'); endpoint.value = '/user/info'; choose('form.grid select', 'code'); form.querySelector('button').click(); await says('Business code 500 at /user/info switched on, for 30 s');").await;
    assert!(center.client().user_info("token").await.is_err());
    assert!(center.client().verify_token("token").await.is_ok());
    page.run("await section('calls'); const row_ = await row('/user/info'); if (!row_.innerText.includes('/user/info')) throw row_; choose('.filters select', 'ok'); await until('the other one', () => { const rows = document.querySelectorAll('tbody tr'); return rows.length === 1 && rows[0].innerText.includes('/token/verify'); });").await;
}

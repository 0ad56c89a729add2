//! Users, and the services that are told of them.

use std::time::Duration;

use aigc_auth::webhook::{self, WebhookConfig};
use aigc_auth::{AuthLayer, CurrentUser, Secret};
use axum::Router;
use axum::routing::get;
use serde_json::json;
use test_support::http::{self, serve};
use test_support::stopwatch::Stopwatch;
use test_support::until_async;

use super::open_page::{open, press, reopen};
use crate::support::Center;

async fn me(user: CurrentUser) -> String {
    user.username().to_owned()
}

/// Also by `..`, which browsers take for a folder where it is in a path.
#[tokio::test]
async fn user_of_any_name_is_edited_and_deleted() {
    let center = Center::start("").await;
    for name in ["..", "a/b?c#d"] {
        let query: String =
            form_urlencoded::Serializer::new(String::new()).append_pair("name", name).finish();
        center.change("POST", &format!("/api/users?{query}"), json!({"nickname": "The Parent"})).await;
        let Some(mut page) = open(&center).await else { return };
        page.run("await section('users'); (await row('The Parent')).querySelector('[data-action=toggle]').click(); await until('disabled', () => [...document.querySelectorAll('tbody tr')].some((row) => row.innerText.includes('The Parent') && row.innerText.includes('disabled')));").await;
        page.run("(await row('The Parent')).querySelector('[data-action=remove]').click(); (await find('dialog[open] .danger')).click(); await until('gone', () => !document.body.innerText.includes('The Parent'));").await;
        let (_, state) = center.api("GET", "/api/state", None).await;
        assert_eq!(state["tables"]["users"].as_array().unwrap().len(), 3, "{name}");
    }
}

/// A service as the quickstart, that has asked to be told.
#[tokio::test]
async fn disabled_user_is_refused_by_a_running_service_within_a_second() {
    let center = Center::start("").await;
    let Some(mut page) = open(&center).await else { return };
    let client = center.client();
    let secret = Secret::from("a secret of a service");
    let config = WebhookConfig::new(secret.clone()).unwrap().invalidate(client.clone());
    let told = |_: webhook::UserEvent| async { Ok::<_, webhook::HandlerError>(json!({"thanks": true})) };
    let app = Router::new().route("/me", get(me)).layer(AuthLayer::new(client.clone()));
    let app = serve(app.merge(webhook::router(config, told))).await;
    let url = format!("http://{}/webhook/auth", app.address);
    let status = async |token: &str| {
        http::get(app.address, "/me", &[("authorization", &format!("Bearer {token}"))]).await.status
    };
    page.run("await section('users'); (await row('alice')).querySelector('[data-action=toggle]').click(); await says('No webhook is registered'); (await until('on again', () => [...document.querySelectorAll('tbody tr')].find((row) => row.innerText.includes('disabled') && row.innerText.includes('Alice')))).querySelector('[data-action=toggle]').click();").await;
    client.register_webhook(url.as_str(), ["user.updated", "user.deleted"], &secret).await.unwrap();
    until_async("alice is active again", async || status("token").await == 200).await;

    // The name alone: what has been clicked is answered by what the receiver said.
    page.run("const active = () => [...document.querySelectorAll('tbody tr')].find((row) => row.innerText.includes('Alice') && row.innerText.includes('active')); (await until('active', active)).querySelector('[data-action=toggle]').click();").await;
    let clicked = Stopwatch::start();
    until_async("the service refuses alice", async || status("token").await == 403).await;
    assert!(clicked.elapsed() < Duration::from_secs(1), "{:?}", clicked.elapsed());
    page.run(r#"await says('200 {"thanks":true}');"#).await;
    assert_eq!(status("bob-token").await, 200, "bob is as before");

    // Deleted, by keyboard alone: the question is answered by Enter on its button.
    page.run("(await row('bob')).querySelector('[data-action=remove]').focus();").await;
    press(&mut page, "Enter").await;
    page.run("await find('dialog[open]');").await;
    press(&mut page, "Escape").await;
    let back = page.run("await until('closed', () => !document.querySelector('dialog')); return document.activeElement.dataset.action").await;
    assert_eq!(back, "remove", "the focus is back");
    press(&mut page, "Enter").await;
    page.run("(await find('dialog[open] button.danger')).focus();").await;
    press(&mut page, "Enter").await;
    page.run("await until('bob is gone', () => !document.querySelector('dialog') && ![...document.querySelectorAll('tbody .main b')].some((name) => name.innerText === 'bob'));").await;
    until_async("the service does not know bob", async || status("bob-token").await == 401).await;
}

#[tokio::test]
async fn users_groups_and_credentials_are_made_and_edited() {
    let center = Center::start("").await;
    let Some(mut page) = open(&center).await else { return };
    page.run(
        "await section('users'); await click('[data-action=add-user]'); await find('dialog[open]'); \
         const field = (label) => { const found = [...document.querySelectorAll('dialog label')].find((one) => one.innerText.trim() === label); return found.control; }; \
         field('Name').value = 'dave'; field('Permissions').value = 'a:read\\n  b:write  \\n'; field('ops').checked = true; \
         await click('dialog button.primary'); await row('dave'); \
         (await row('dave')).querySelector('[data-action=edit]').click(); await find('dialog[open]'); \
         field('Nickname').value = 'David'; field('Permissions').value = 'a:read'; await click('dialog button.primary'); await row('David');",
    )
    .await;
    let issued = page
        .run(
            "await section('credentials'); await click('.card .primary'); await find('dialog[open]'); \
             document.querySelector('dialog input').value = 'dave'; await click('dialog button.primary'); await row('dave'); return true",
        )
        .await;
    assert_eq!(issued, true);
    let (_, state) = center.api("GET", "/api/state", None).await;
    let tokens = state["tables"]["tokens"].as_array().unwrap();
    let token =
        tokens.iter().find(|token| token["value"]["username"] == "dave").unwrap()["key"].as_str().unwrap();
    let dave = center.client().user_info(token).await.unwrap();
    assert_eq!(dave.nickname(), Some("David"));
    assert!(dave.has_permission("a:read") && !dave.has_permission("b:write") && dave.has_group("ops"));
    // What the center does not accept is said, and the dialog stays.
    page.run(
        "await section('users'); await click('[data-action=add-user]'); await find('dialog[open]'); \
         document.querySelector('dialog input').value = 'dave'; await click('dialog button.primary'); await says('there is a user `dave` already'); \
         await find('dialog[open]');",
    )
    .await;
    reopen(&mut page, &center).await;
    page.run(
        "await section('services'); await row('orders'); \
         (await row('orders')).querySelector('[data-action=configure]').click(); await find('dialog[open]'); \
         const area = document.querySelector('dialog textarea'); area.value = '{'; await click('dialog button.primary'); await says('not JSON'); \
         area.value = '{\"limit\": 77}'; await click('dialog button.primary'); await says('{\"limit\":77}');",
    )
    .await;
    let (_, state) = center.api("GET", "/api/state", None).await;
    assert_eq!(state["tables"]["configs"][0]["value"]["value"], json!({"limit": 77}));
}

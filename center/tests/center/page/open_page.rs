use serde_json::json;
use test_support::browser::Page;

use crate::support::Center;

/// What tests say of a page: all of it waits until it is so, at most 10 s.
const HELPERS: &str = r##"
window.until = async (what, so) => {
    for (let tries = 0; tries < 500; tries++) {
        const found = so();
        if (found) return found;
        await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error("in vain: " + what + "\n" + document.body.innerText.slice(0, 3000));
};
window.find = (selector) => until(selector, () => {
    const found = document.querySelector(selector);
    return found && found.checkVisibility() && !found.disabled && found;
});
window.click = async (selector) => (await find(selector)).click();
/** A button, by the name that people see. */
window.named = (name) => until(name, () => [...document.querySelectorAll("button")].find((one) => one.innerText.trim() === name && !one.disabled));
window.says = (text) => until(text, () => document.body.innerText.includes(text));
window.section = async (name) => {
    location.hash = "/" + name;
    await until(name, () => document.querySelector(`nav a[href="#/${name}"][aria-current]`));
};
/** The row of a table that has this text. */
window.row = (text) => until("a row of " + text, () => [...document.querySelectorAll("tbody tr")].find((row) => row.innerText.includes(text)));
window.choose = (selector, value) => {
    const control = document.querySelector(selector);
    control.value = value;
    control.dispatchEvent(new Event("change", { bubbles: true }));
};
"##;

/// Opens the console of a center by its printed URL; `None` where there is no Chromium.
pub(super) async fn open(center: &Center) -> Option<Page> {
    let Some(mut page) = Page::open().await else {
        eprintln!("skipped: there is no chromium; tests/run.sh installs it");
        return None;
    };
    // Without it, scripts for documents to come are forgotten.
    page.call("Page.enable", json!({})).await;
    page.call("Page.addScriptToEvaluateOnNewDocument", json!({ "source": HELPERS })).await;
    resize(&mut page, 1440, 900).await;
    page.go(&center.console_url()).await;
    live(&mut page).await;
    Some(page)
}

/// Loads the page again, as the tab that it is.
pub(super) async fn reopen(page: &mut Page, center: &Center) {
    page.go(&format!("{}/", center.console_origin())).await;
    live(page).await;
}

async fn live(page: &mut Page) {
    page.run("await find('nav a[aria-current]'); await find('.badge[data-tone=ok]');").await;
}

pub(super) async fn resize(page: &mut Page, width: u32, height: u32) {
    let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
    page.call("Emulation.setDeviceMetricsOverride", metrics).await;
}

/// Presses a key, as a person does: `Tab`, `Enter`, `Escape`.
pub(super) async fn press(page: &mut Page, key: &str) {
    let code = match key {
        "Tab" => 9,
        "Enter" => 13,
        "Escape" => 27,
        _ => panic!("unknown key {key}"),
    };
    for kind in ["rawKeyDown", "char", "keyUp"] {
        // Only Enter is a letter, too.
        if kind == "char" && key != "Enter" {
            continue;
        }
        let mut event = json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code });
        if key == "Enter" && kind == "char" {
            event["text"] = json!("\r");
        }
        page.call("Input.dispatchKeyEvent", event).await;
    }
}

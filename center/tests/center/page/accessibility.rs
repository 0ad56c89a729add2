//! Every section at both widths, in both themes and languages, by axe.

use std::path::Path;

use serde_json::json;

use super::open_page::{open, resize};
use crate::support::Center;

#[tokio::test]
async fn no_section_has_a_serious_finding_or_is_wider_than_the_screen() {
    let Some(home) = std::env::var_os("AIGC_AUTH_CONSOLE_NPM") else {
        eprintln!("skipped: AIGC_AUTH_CONSOLE_NPM is not set; tests/run.sh installs axe-core and sets it");
        return;
    };
    let axe = std::fs::read_to_string(Path::new(&home).join("node_modules/axe-core/axe.min.js")).unwrap();
    let center = Center::start("").await;
    let Some(mut page) = open(&center).await else { return };
    let client = center.client();
    let _ = client.user_info("token").await;
    let _ = client.user_info("unknown").await;
    center.change("PATCH", "/api/users/bob", json!({"permissions": ["a".repeat(100), "b:c"]})).await;
    let fault = json!({"endpoint": "/users/list", "fault": {"kind": "hang"}, "seconds": 600});
    center.change("POST", "/api/faults", fault).await;
    page.run(&axe).await;
    for (width, theme, language) in
        [(1440, "light", "en"), (1440, "dark", "zh-CN"), (360, "light", "zh-CN"), (360, "dark", "en")]
    {
        resize(&mut page, width, 800).await;
        page.run(&format!("choose('#theme', '{theme}'); choose('#language', '{language}');")).await;
        for (section, button) in [
            ("overview", ""),
            ("calls", ""),
            ("users", ""),
            ("users", "[data-action=edit]"),
            ("users", "[data-action=remove]"),
            ("credentials", ""),
            ("credentials", ".primary"),
            ("usage", ""),
            ("services", ""),
            ("services", "[data-action=configure]"),
        ] {
            let open = if button.is_empty() { String::new() } else { format!("await click('{button}');") };
            let seen = page
                .run(&format!(
                    "await section('{section}'); {open} \
                     await new Promise((resolve) => setTimeout(resolve, 300)); \
                     const {{ violations, passes }} = await axe.run(); \
                     document.querySelector('dialog')?.close(); \
                     const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth; \
                     return {{ wide, passes: passes.length, found: violations.map(({{ id, impact, nodes }}) => [id, impact, nodes[0].html]) }};"
                ))
                .await;
            let place = format!("{section} {button} at {width}, {theme}, {language}: {seen}");
            assert!(seen["passes"].as_u64().unwrap() > 15, "{place}");
            assert_eq!((&seen["found"], &seen["wide"]), (&json!([]), &json!(0)), "{place}");
        }
    }
}

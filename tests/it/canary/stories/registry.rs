//! A registered service, whose configuration has secrets in it.

use std::time::Duration;

use aigc_auth::registry::Registration;
use aigc_auth::testing::AuthCenter;
use serde_json::json;
use test_support::process::Directory;

use crate::canary::echo::{Echo, MODES, Mode};
use crate::canary::flight::{FILES, Flight};
use crate::support::{client_with, until};

pub(super) async fn story(flight: &Flight) {
    let center = AuthCenter::builder().app_secret(flight.secret("app secret")).start().await;
    let secret = flight.secret("configuration");
    center.set_config("orders", json!({ "database": { "password": secret }, "keys": [secret] }));
    let directory = Directory::new("canary-registry");
    let file = directory.0.join("config.json");
    let builder = || Registration::builder("orders").port(8000).ips(["10.0.0.1".parse().unwrap()]);
    flight.show(&builder());
    flight.outcome(builder().service());
    let client = client_with(&center, |builder| builder.observer(flight.clone()));
    let registration = flight.outcome(builder().config_file(&file).start(&client)).unwrap();
    until("it has its configuration", || registration.config().value["keys"] == json!([secret])).await;
    flight.show(&registration.config());
    flight.show(&registration);
    flight.outcome(registration.shutdown(Duration::from_secs(5)).await);
    until("it is in the file", || file.exists()).await;
    flight.put(FILES, std::fs::read(&file).unwrap());
    // A file of another service, and one that is none.
    for text in [
        format!("{{\"name\": \"bills\", \"environment\": \"pro\", \"config\": {{\"key\": \"{secret}\"}}}}"),
        format!("{{\"config\": \"{secret}"),
    ] {
        std::fs::write(&file, text).unwrap();
        flight.outcome(builder().config_file(&file).start(&client));
    }
    flight.put(FILES, Flight::plant(FILES));
    let echo = Echo::start().await;
    for mode in MODES.into_iter().filter(|mode| *mode != Mode::Hang) {
        echo.say(mode);
        let client = echo.client(&flight.secret("app secret")).observer(flight.clone()).build().unwrap();
        let registration = flight.outcome(builder().start(&client)).unwrap();
        flight.show(&registration.state());
        flight.outcome(registration.shutdown(Duration::from_millis(300)).await);
    }
}

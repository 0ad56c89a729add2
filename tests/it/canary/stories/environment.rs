//! Settings from the environment, and secrets from files that it names.

use std::process::Command;

use ::canary::word;
use aigc_auth::registry::Registration;
use aigc_auth::user_sync::SyncConfig;
use aigc_auth::webhook::WebhookConfig;
use aigc_auth::{AuthClient, AuthClientBuilder};
use test_support::process::Directory;

use crate::canary::flight::Flight;

/// Gives them to the process in which [`story`] is to run.
pub(in crate::canary) fn set(command: &mut Command, directory: &Directory) {
    let file = directory.0.join("secret");
    std::fs::write(&file, format!("{}\n", word("secret in a file"))).unwrap();
    command.envs([
        ("AIGC_AUTH_APP_ID", "canary-app"),
        ("AIGC_AUTH_APP_SECRET_FILE", file.to_str().unwrap()),
        ("AIGC_AUTH_BASE_URL", "http://127.0.0.1:1"),
        ("AIGC_AUTH_WEBHOOK_SECRET", &word("secret in the environment")),
        ("AIGC_AUTH_WEBHOOK_URL", &format!("htp://me:{}@a", word("URL password"))),
        // The secret in place of the file that it is in.
        ("AIGC_AUTH_SYNC_PASSWORD_FILE", &word("first password")),
        ("AIGC_AUTH_SYNC_ENABLED", "perhaps"),
    ]);
}

pub(super) fn story(flight: &Flight) {
    for name in ["secret in a file", "secret in the environment", "URL password", "first password"] {
        flight.secret(name);
    }
    let client = flight.outcome(AuthClient::from_env()).unwrap();
    flight.outcome(AuthClientBuilder::from_env());
    assert!(flight.outcome(WebhookConfig::from_env()).is_some());
    assert!(flight.outcome(SyncConfig::from_env()).is_none());
    flight.outcome(Registration::auto(&client));
    flight.outcome(aigc_auth::webhook::Subscription::from_env(&client));
}

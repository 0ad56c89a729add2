//! What a client is built from, and what is rejected.

use std::path::PathBuf;

use aigc_auth::error::ErrorKind;
use aigc_auth::testing::{self, AuthCenter, Fault};
use aigc_auth::{AuthClient, UserId};
use http::HeaderValue;
use serde_json::{Value, json};

use crate::support::rig::{APP_SECRET, Rig, Seen, TOKEN};
use crate::support::tls::redirecting_http_client;
use crate::support::{Canned, Log, test_process};

#[tokio::test]
async fn base_url_path_is_joined_with_or_without_slash() {
    let answer = |path: &str, _: &Value| {
        assert_eq!(path, "/some/where/sdk/user/info");
        json!({"code": 0, "data": {"id": 7, "username": "alice"}})
    };
    let canned = Canned::start(answer).await;
    for path in ["/some/where", "/some/where/", "/some/where//", "/some/where/sdk", "/some/where/sdk/"] {
        let url = format!("http://{}{path}", canned.address);
        let log = Log::start();
        let client = AuthClient::builder("test-app", APP_SECRET, url).build().unwrap();
        let warned = log.take().matches("AIGC_AUTH_BASE_URL) ends in /sdk").count();
        assert_eq!(warned, usize::from(path.contains("sdk")), "{path}");
        assert_eq!(client.user_info(TOKEN).await.unwrap().username(), "alice", "{path}");
    }
    let canned = Canned::start(|path, _| {
        assert_eq!(path, "/sdk/user/info");
        json!({"code": 0, "message": null, "data": {"id": "7", "username": "alice"}})
    })
    .await;
    for path in ["", "/"] {
        let url = format!("http://{}{path}", canned.address);
        let client = AuthClient::builder("test-app", APP_SECRET, url).build().unwrap();
        assert_eq!(client.user_info(TOKEN).await.unwrap().id(), &UserId::from("7"), "{path}");
    }
    let (headers, body) = &canned.requests()[0];
    assert_eq!(
        (&headers["x-app-id"], body),
        (&HeaderValue::from_static("test-app"), &json!({"token": TOKEN}))
    );
}

#[tokio::test]
async fn custom_http_client_is_used_and_its_redirects_rejected() {
    let rig = Rig::with(|builder| builder.http_client(redirecting_http_client())).await;
    assert_eq!(rig.ask(TOKEN).await, Seen::user("alice"));
    assert_eq!(rig.center.requests()[0].headers["user-agent"], "mine");

    // It follows a redirect, even to a center that would say yes; its answer is rejected.
    let elsewhere = AuthCenter::start().await;
    elsewhere.add_user(testing::user("mallory"));
    elsewhere.add_token("other", "mallory");
    rig.center.inject_fault(Fault::Redirect(format!("{}/sdk/user/info", elsewhere.url())));
    let error = rig.client.user_info("other").await.unwrap_err();
    assert_eq!(elsewhere.calls("/user/info"), 1);
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.detail().unwrap().contains("redirect"), "{error}");
    assert_eq!(rig.ask("other").await, Seen::unavailable(1));
}

#[test]
fn debug_and_errors_hide_app_secret() {
    let builder = AuthClient::builder("my-app", "hunter2", "https://auth.example.com/a");
    let client = builder.clone().build().unwrap();
    let shown = format!("{builder:?} {client:?} {:?}", aigc_auth::AuthLayer::new(client.clone()));
    assert!(!shown.contains("hunter2") && shown.contains("my-app"), "{shown}");
    let error = AuthClient::builder("my-app", "hunt\ner2", "https://auth.example.com/a").build().unwrap_err();
    assert!(!format!("{error} {error:?}").contains("er2"), "{error:?}");
    for url in ["https://u:hunter2@auth.example.com", "https://auth.example.com?token=hunter2", "hunter2"] {
        let builder = AuthClient::builder("my-app", "s", url);
        let error = builder.clone().build().unwrap_err();
        assert!(!format!("{builder:?} {error} {error:?}").contains("hunter2"), "{builder:?} {error:?}");
    }
}

#[test]
fn invalid_settings_fail_with_reason() {
    let url = "https://auth.example.com";
    for (id, secret, url, why) in [
        ("", "s", url, "must not be empty"),
        ("a", "", url, "must not be empty"),
        ("a\nb", "s", url, "AIGC_AUTH_APP_ID"),
        ("a", "s\u{0}", url, "AIGC_AUTH_APP_SECRET"),
        ("a", "s", "", "AIGC_AUTH_BASE_URL"),
        (
            "a",
            "s",
            "auth.example.com",
            "(AIGC_AUTH_BASE_URL) has no scheme: it must start with https:// or http://",
        ),
        ("a", "s", "auth.example.com/aigc-auth", "has no scheme"),
        ("a", "s", "auth.example.com:8443", "has no scheme"),
        ("a", "s", "/aigc-auth", "is not a URL"),
        ("a", "s", "ftp://auth.example.com", "must start with https:// or http://"),
        ("a", "s", "https://u:p@auth.example.com", "user name or password"),
        ("a", "s", "https://auth.example.com?a=b", "without `?` or `#`"),
    ] {
        let error = AuthClient::builder(id, secret, url).build().unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
}

/// Runs in a process of its own, whose environment and working directory are a test's to choose.
#[test]
fn child_process_builds_from_env() {
    if std::env::var_os("AIGC_AUTH_TEST_CHILD").is_none() {
        return;
    }
    match AuthClient::from_env() {
        Ok(client) => println!("built {client:?}"),
        Err(error) => println!("failed {error}; {error:?}"),
    }
}

#[test]
fn from_env_reads_variables_then_dotenv() {
    let all = [
        ("AIGC_AUTH_APP_ID", "app-of-env"),
        ("AIGC_AUTH_APP_SECRET", "hunter2"),
        ("AIGC_AUTH_BASE_URL", "https://auth.example.com/of-env"),
    ];
    let without = |name| all.into_iter().filter(|(other, _)| *other != name).collect::<Vec<_>>();
    let with = |name, value| without(name).into_iter().chain([(name, value)]).collect::<Vec<_>>();
    let file = "AIGC_AUTH_APP_ID=app-of-file\nAIGC_AUTH_APP_SECRET='hunter2'\n\
                export AIGC_AUTH_BASE_URL=\"https://auth.example.com/of-file\"\n";
    let cases = [
        (all.to_vec(), None, vec!["built", "app-of-env", "auth.example.com/of-env"]),
        (vec![], Some(file), vec!["built", "app-of-file", "auth.example.com/of-file"]),
        (without("AIGC_AUTH_APP_ID"), Some(file), vec!["built", "app-of-file", "auth.example.com/of-env"]),
        (with("AIGC_AUTH_APP_ID", " "), Some(file), vec!["built", "app-of-file"]),
        (
            vec![],
            None,
            vec![
                "failed 3 settings are missing or wrong: AIGC_AUTH_APP_ID is not set; AIGC_AUTH_APP_SECRET is not set, nor is \
                 AIGC_AUTH_APP_SECRET_FILE; AIGC_AUTH_BASE_URL is not set: looked in the environment and in ",
                ".env, which does not exist",
            ],
        ),
        (
            vec![("AIGC_AUTH_APP_SECRET_FILE", "absent"), ("AIGC_AUTH_BASE_URL", "auth.example.com")],
            Some("X=1"),
            vec![
                "failed 3 settings are missing or wrong: the file of AIGC_AUTH_APP_SECRET_FILE cannot be read as text: No such file",
                "(AIGC_AUTH_BASE_URL) has no scheme",
                "AIGC_AUTH_APP_ID is not set: looked in",
                "which does not set it",
            ],
        ),
        (
            with("AIGC_AUTH_APP_ID", "a\u{7}b"),
            None,
            vec!["failed the app id (AIGC_AUTH_APP_ID) has characters"],
        ),
        (
            without("AIGC_AUTH_APP_SECRET"),
            Some("X=1"),
            vec!["failed AIGC_AUTH_APP_SECRET is not set", ".env", "does not set it"],
        ),
        (without("AIGC_AUTH_BASE_URL"), None, vec!["failed AIGC_AUTH_BASE_URL is not set"]),
        (with("AIGC_AUTH_APP_ID", ""), None, vec!["failed AIGC_AUTH_APP_ID is not set"]),
        (with("AIGC_AUTH_BASE_URL", "auth"), None, vec!["failed", "AIGC_AUTH_BASE_URL", "has no scheme"]),
        (all.to_vec(), Some("AIGC_AUTH_APP_SECRET='hunter2"), vec!["failed cannot read", ".env"]),
    ];
    let root = std::env::temp_dir().join(format!("aigc-auth-from-env-{}", std::process::id()));
    let children: Vec<_> = cases
        .into_iter()
        .enumerate()
        .map(|(n, (variables, file, parts))| {
            let directory: PathBuf = root.join(n.to_string());
            std::fs::create_dir_all(&directory).unwrap();
            if let Some(file) = file {
                std::fs::write(directory.join(".env"), file).unwrap();
            }
            let mut command = test_process(module_path!(), "child_process_builds_from_env");
            command.current_dir(directory).env("AIGC_AUTH_TEST_CHILD", "1");
            all.iter().for_each(|(name, _)| {
                command.env_remove(name);
            });
            command.envs(variables.clone()).stdout(std::process::Stdio::piped());
            (command.spawn().unwrap(), variables, parts)
        })
        .collect();
    for (child, variables, parts) in children {
        let output = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
        for part in parts {
            assert!(output.contains(part), "{variables:?}: {part} is not in {output}");
        }
        assert!(!output.contains("hunter2"), "{output}");
    }
    std::fs::remove_dir_all(root).unwrap();
}

use std::collections::HashMap;
use std::process::Output;

use aigc_auth::{AuthClient, AuthClientBuilder};
use reqwest::redirect::Policy;
use serde_json::Value;
use test_support::process::{Directory, Example, PATIENCE, Program};
use tokio::time::timeout;

pub(crate) const PROGRAM: Program = Program(env!("CARGO_BIN_EXE_aigc-auth-center"));

/// Two apps; alice, bob with a password, and carol who is disabled.
pub(crate) const SEED: &str = r#"
[[apps]]
id = "42"
secret = "test-secret"
name = "Orders <&>"
redirect_uris = ["http://127.0.0.1:3000/callback", "http://localhost:3000/callback?from=center"]
post_logout_redirect_uris = ["http://127.0.0.1:3000/bye"]

[[apps]]
id = "9"
secret = "secret of nine"

[[groups]]
code = "ops"
id = 3
name = "Operations"

[[users]]
username = "alice"
id = 7
nickname = "Alice"
email = "alice@example.com"
roles = ["editor"]
permissions = ["report:read"]
groups = ["ops"]
is_admin = true

[[users]]
username = "bob"
password = "correct horse"

[[users]]
username = "carol"
status = "disabled"

[[tokens]]
token = "token"
user = "alice"

[[tokens]]
token = "theirs"
user = "alice"
app = "9"

[[tokens]]
token = "bob-token"
user = "bob"
expires_in = 3600

[[access_keys]]
key = "ak_alice"
type = "user"
user = "alice"

[configs.orders]
limit = 5
"#;

/// A center that runs until this is dropped.
pub(crate) struct Center {
    pub(crate) example: Example,
    /// Without a path.
    pub(crate) url: String,
    console: String,
    token: String,
    /// The lines for `.env`, as they are printed.
    pub(crate) dot_env: String,
    pub(crate) env: HashMap<String, String>,
    pub(crate) http: reqwest::Client,
}

/// Writes a file into a new directory.
pub(crate) fn directory(name: &str, text: &str) -> Directory {
    let directory = Directory::new("center");
    std::fs::write(directory.0.join(name), text).unwrap();
    directory
}

/// The code block of this language in the guide.
pub(crate) fn of_guide(language: &str) -> String {
    let guide = include_str!("../../../docs/local-center.md");
    let block = guide.split(&format!("```{language}\n")).nth(1).unwrap();
    block.split("```").next().unwrap().to_owned()
}

/// Runs the program where it does not start. Returns what it complains of.
pub(crate) async fn complaint(arguments: &str, directory: &Directory) -> String {
    let output = PROGRAM.command(arguments, directory, &[]).output();
    let Output { status, stdout, stderr } = timeout(PATIENCE, output).await.unwrap().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(!status.success() && !stdout.contains("listening"), "{stdout} {stderr}");
    stderr.trim_end().to_owned()
}

impl Center {
    /// Starts one with [`SEED`] and these further arguments.
    pub(crate) async fn start(arguments: &str) -> Self {
        let directory = directory("seed.toml", SEED);
        Self::start_in(&format!("--seed seed.toml {arguments}"), directory).await
    }

    pub(crate) async fn start_in(arguments: &str, directory: Directory) -> Self {
        let example = PROGRAM.start_in(&format!("--port 0 {arguments}"), directory, &[]).await;
        Self::of(example).await
    }

    pub(crate) async fn of(mut example: Example) -> Self {
        let console = example.line_with("console: ").await;
        let (console, token) = console.strip_prefix("console: ").unwrap().split_once("/#token=").unwrap();
        let (console, token) = (console.to_owned(), token.to_owned());
        example.line_with("# .env of a service:").await;
        let (mut dot_env, mut env) = (String::new(), HashMap::new());
        loop {
            let line = example.line_with("").await;
            let Some((name, value)) = line.split_once('=') else { break };
            dot_env += &format!("{line}\n");
            env.insert(name.to_owned(), value.trim_matches('\'').to_owned());
        }
        example.line_with("# tokens and access keys").await;
        // Another test has installed it already, or this one does.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().redirect(Policy::none()).no_proxy().build().unwrap();
        Self { url: format!("http://{}", example.address), example, console, token, dot_env, env, http }
    }

    /// The console's URL as it is printed, with its token.
    pub(crate) fn console_url(&self) -> String {
        format!("{}/#token={}", self.console, self.token)
    }

    pub(crate) fn console_origin(&self) -> String {
        self.console.clone()
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// A client as a service makes it of the printed lines.
    pub(crate) fn client_builder(&self) -> AuthClientBuilder {
        let of = |name: &str| self.env[&format!("AIGC_AUTH_{name}")].clone();
        AuthClient::builder(of("APP_ID"), of("APP_SECRET"), of("BASE_URL"))
    }

    pub(crate) fn client(&self) -> AuthClient {
        self.client_builder().build().unwrap()
    }

    /// Calls the console's API. Returns the status and the body.
    pub(crate) async fn api(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let request = self.api_request(method, path).bearer_auth(&self.token);
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (status, response.json().await.unwrap_or_default())
    }

    /// A request to the API, without its token.
    pub(crate) fn api_request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method.parse().unwrap(), format!("{}{path}", self.console))
    }

    /// Calls the API where it changes something.
    #[track_caller]
    pub(crate) fn change(&self, method: &str, path: &str, body: Value) -> impl Future<Output = Value> {
        let caller = std::panic::Location::caller();
        async move {
            let (status, answer) = self.api(method, path, Some(body)).await;
            assert!((200..300).contains(&status), "{caller}: {method} {path}: {status} {answer}");
            answer
        }
    }

    /// The events after the one with this id.
    pub(crate) async fn events(&self, after: u64) -> Vec<Value> {
        let path = format!("/api/events?after={after}");
        let mut response = self.api_request("GET", &path).bearer_auth(&self.token).send().await.unwrap();
        let mut text = String::new();
        while !text.contains("\n\n") {
            let chunk = timeout(PATIENCE, response.chunk()).await.unwrap().unwrap().unwrap();
            text += std::str::from_utf8(&chunk).unwrap();
        }
        let data = text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
        let data: Value = serde_json::from_str(data).unwrap();
        assert_eq!(data["missed"], 0);
        data["events"].as_array().unwrap().clone()
    }
}

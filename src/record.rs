//! The port between those who serve requests and those who keep count of them.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::credential::Credential;

pub(crate) mod mask;

/// Takes note of requests that were served, as usage statistics do.
///
/// `StatsCollector` is one; implement it to count requests your own way, and give it to
/// [`AuthLayer::with_stats`](crate::AuthLayer::with_stats).
pub trait Record: Send + Sync + 'static {
    /// Takes note of a request. Called on the request's path: queue it and return, never wait.
    fn record(&self, served: Box<dyn Served>);
}

/// A request that was served, as handles to what is known of it: to be written out off the request's path.
pub trait Served: Send {
    /// What the request was made with. Without one, nobody can be billed for it.
    fn credential(&self) -> Option<&Credential>;

    /// Whether the credential was accepted; strangers can make as many requests with others as they like.
    fn is_verified(&self) -> bool {
        true
    }

    /// The HTTP status that was answered.
    fn status(&self) -> u16;

    /// Writes it out.
    fn into_record(self: Box<Self>) -> ApiRecord;
}

/// A call to an API, as the auth center is told of it. Serialises to the seven fields of the auth center; the
/// credential is not among them.
///
/// ```
/// use std::time::Duration;
///
/// use aigc_auth::{ApiRecord, Credential};
///
/// // A job that runs for a user who is not logged in.
/// let record = ApiRecord::new("POST", "/task/run")
///     .status(200)
///     .took(Duration::from_millis(1500))
///     .credential(Credential::new("the-token-of-the-job")?)
///     .username("zhangsan");
/// let json = serde_json::to_value(&record).unwrap();
/// assert_eq!(json["response_time"], 1.5);
/// assert_eq!(json["request_params"]["headers"]["X-Match-Username"], "zhangsan");
/// # Ok::<(), aigc_auth::AuthError>(())
/// ```
#[derive(Clone, Serialize)]
#[must_use]
pub struct ApiRecord {
    api_path: String,
    api_method: String,
    status_code: u16,
    response_time: f64,
    error_message: Option<String>,
    request_params: Option<RequestParams>,
    response_headers: Option<Map<String, Value>>,
    #[serde(skip)]
    credential: Option<Credential>,
}

#[derive(Clone, Default, Serialize)]
struct RequestParams {
    headers: Map<String, Value>,
    query_params: Map<String, Value>,
    view_params: Map<String, Value>,
    request_body: Value,
    form_params: Map<String, Value>,
}

impl ApiRecord {
    /// A call of this method to this path, without its query; a call to another service has the path
    /// `scheme://host/path`. Status 200 and no time at all, until set.
    pub fn new(method: impl Into<String>, path: impl Into<String>) -> Self {
        Self {
            api_path: path.into(),
            api_method: method.into(),
            status_code: 200,
            response_time: 0.0,
            error_message: None,
            request_params: None,
            response_headers: None,
            credential: None,
        }
    }

    /// Sets the HTTP status. 3xx are not reported.
    pub fn status(mut self, status: u16) -> Self {
        self.status_code = status;
        self
    }

    /// Sets how long the call took.
    pub fn took(mut self, time: Duration) -> Self {
        self.response_time = time.as_secs_f64();
        self
    }

    /// Sets the token or access key that the call was made with. Defaults to the current request's.
    pub fn credential(mut self, credential: Credential) -> Self {
        self.credential = Some(credential);
        self
    }

    /// Says what went wrong.
    pub fn error_message(mut self, message: impl Into<String>) -> Self {
        self.error_message = Some(message.into());
        self
    }

    /// Sets the user that the call is billed to (`X-Match-Username`), for jobs that run without his log-in.
    pub fn username(self, username: impl Into<String>) -> Self {
        self.request_header("X-Match-Username", username)
    }

    /// Adds a header of the request. Leave out those that hold a secret.
    pub fn request_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.params_mut().headers.insert(name.into(), Value::String(value.into()));
        self
    }

    /// Sets the query; values of parameters whose name speaks of a secret (`password`, `token`, …) are masked.
    pub fn query(mut self, query: &str) -> Self {
        self.params_mut().query_params = mask::form(query.as_bytes());
        self
    }

    /// Adds a parameter of the path.
    pub fn path_param(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let (name, value) = (name.into(), value.into());
        let value = if mask::hides(&name, &value) { mask::MASK.to_owned() } else { value };
        self.params_mut().view_params.insert(name, Value::String(value));
        self
    }

    /// Sets the body; fields whose name speaks of a secret are masked.
    pub fn request_body(mut self, mut body: Value) -> Self {
        mask::json(&mut body);
        self.params_mut().request_body = body;
        self
    }

    /// Sets the body to a text: JSON is masked as such, any other text that speaks of a secret is masked whole.
    pub fn request_text(mut self, text: &str) -> Self {
        self.params_mut().request_body = mask::text(text);
        self
    }

    /// Sets the fields of a form; those whose name speaks of a secret are masked.
    pub fn form(mut self, form: &[u8]) -> Self {
        self.params_mut().form_params = mask::form(form);
        self
    }

    /// Adds a header of the response. The auth center makes billing rules from `X-Match-Dynamic`, `X-Match-Cost`,
    /// `X-Match-Path` and `X-Match-Rule`.
    pub fn response_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let headers = self.response_headers.get_or_insert_default();
        headers.insert(name.into(), Value::String(value.into()));
        self
    }

    pub(crate) fn has_credential(&self) -> bool {
        self.credential.is_some()
    }

    fn params_mut(&mut self) -> &mut RequestParams {
        self.request_params.get_or_insert_default()
    }
}

impl Served for ApiRecord {
    fn credential(&self) -> Option<&Credential> {
        self.credential.as_ref()
    }

    fn status(&self) -> u16 {
        self.status_code
    }

    fn into_record(self: Box<Self>) -> ApiRecord {
        *self
    }
}

impl fmt::Debug for ApiRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What a request carried is for the auth center, not for logs.
        f.debug_struct("ApiRecord")
            .field("api_method", &self.api_method)
            .field("api_path", &self.api_path)
            .field("status_code", &self.status_code)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_seven_fields() {
        let bare = ApiRecord::new("GET", "/me");
        assert_eq!(
            serde_json::to_value(&bare).unwrap(),
            json!({
                "api_path": "/me", "api_method": "GET", "status_code": 200, "response_time": 0.0,
                "error_message": null, "request_params": null, "response_headers": null,
            })
        );
        let full = ApiRecord::new("POST", "/users/7")
            .status(500)
            .took(Duration::from_micros(1_250))
            .error_message("the handler panicked")
            .credential(Credential::new("hunter2").unwrap())
            .request_header("user-agent", "curl/8")
            .query("page=1&Access_Token=hunter2&q=%E7%88%B1")
            .path_param("id", "7")
            .request_body(json!({"name": "x", "nested": [{"password": "hunter2"}]}))
            .response_header("x-match-cost", "0.0035");
        let json = serde_json::to_value(&full).unwrap();
        assert_eq!(
            json,
            json!({
                "api_path": "/users/7", "api_method": "POST", "status_code": 500, "response_time": 0.00125,
                "error_message": "the handler panicked",
                "request_params": {
                    "headers": {"user-agent": "curl/8"},
                    "query_params": {"page": "1", "Access_Token": "***", "q": "爱"},
                    "view_params": {"id": "7"},
                    "request_body": {"name": "x", "nested": [{"password": "***"}]},
                    "form_params": {},
                },
                "response_headers": {"x-match-cost": "0.0035"},
            })
        );
        assert!(!json.to_string().contains("hunter2") && !format!("{full:?}").contains("hunter2"));
    }
}

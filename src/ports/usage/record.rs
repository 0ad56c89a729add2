//! The port between the layer, which serves requests, and recorders of usage.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use http::Method;
use serde::Serialize;
use serde_json::{Map, Value};

use super::cut::{self, cut};
use super::mask;
use super::sizes::{size_of_fields, size_of_value};
use super::texts::Texts;
use crate::types::credential::Credential;
use crate::types::tenant::Tenant;
use crate::types::user::UserInfo;

/// Records served requests, for billing or metrics.
///
/// `StatsCollector` implements it. Implement it to count requests your own way, and pass it to
/// [`AuthLayer::with_stats`](crate::AuthLayer::with_stats).
pub trait Record: Send + Sync + 'static {
    /// Records a request. Called on the request's path: queue it and return, never wait.
    fn record(&self, served: Box<dyn Served>);
}

/// A request that was served: handles to its parts, to be turned into a record off the request's path.
pub trait Served: Send {
    /// The credential of the request. Without one, there is no user to bill.
    fn credential(&self) -> Option<&Credential>;

    /// Whether the credential was verified. Unauthenticated callers can send any number of invalid ones.
    fn is_verified(&self) -> bool {
        true
    }

    /// Whether the caller is a [service](crate::service::ServiceIdentity): there is no user to bill, and its token is for this
    /// service alone. Defaults to `false`.
    fn is_of_service(&self) -> bool {
        false
    }

    /// The HTTP status of the response.
    fn status(&self) -> u16;

    /// About how many bytes the record keeps in memory until it is built, so that those that wait can be bounded.
    /// Defaults to 0.
    fn size_hint(&self) -> usize {
        0
    }

    /// Builds the record.
    fn into_record(self: Box<Self>) -> ApiRecord;
}

/// A call to an API, as it is reported to the auth center. Serializes to the seven fields of the auth center, without the
/// credential.
///
/// The method, the path, the error message, the query as a whole, and each header and path parameter are cut to 1 KiB, on
/// a character's boundary; a value that was cut ends in `…[cut]`. Bodies and forms stay as they are.
///
/// ```
/// use std::time::Duration;
///
/// use aigc_auth::credential::Credential;
/// use aigc_auth::usage::ApiRecord;
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
    pub(super) api_path: String,
    pub(super) api_method: Cow<'static, str>,
    pub(super) status_code: u16,
    pub(super) response_time: f64,
    pub(super) error_message: Option<String>,
    pub(super) request_params: Option<RequestParams>,
    pub(super) response_headers: Option<Texts>,
    #[serde(skip)]
    credential: Option<Credential>,
    #[serde(skip)]
    user: Option<UserInfo>,
}

#[derive(Clone, Default, Serialize)]
pub(super) struct RequestParams {
    pub(super) headers: Texts,
    pub(super) query_params: Map<String, Value>,
    pub(super) view_params: Texts,
    pub(super) request_body: Value,
    pub(super) form_params: Map<String, Value>,
}

impl ApiRecord {
    /// Creates the record of a call of this method to this path, without its query. A call to another service has the
    /// path `scheme://host/path`. Defaults to status 200 and a duration of 0.
    pub fn new(method: impl Into<String>, path: impl Into<String>) -> Self {
        Self {
            api_path: cut(path),
            api_method: Cow::Owned(cut(method)),
            status_code: 200,
            response_time: 0.0,
            error_message: None,
            request_params: None,
            response_headers: None,
            credential: None,
            user: None,
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

    /// Sets the error message.
    pub fn error_message(mut self, message: impl Into<String>) -> Self {
        self.error_message = Some(cut(message));
        self
    }

    /// Sets the user that the call is billed to (`X-Match-Username`), for jobs that run without a login.
    pub fn username(self, username: impl Into<String>) -> Self {
        self.request_header("X-Match-Username", username)
    }

    /// Adds a header of the request. Values of cookies, and of headers that are named like a secret (`Authorization`,
    /// `X-Api-Key`, …), are masked.
    pub fn request_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let (name, value) = mask::header(name.into(), value.into());
        self.params_mut().headers.insert(Cow::Owned(cut(name)), cut(value));
        self
    }

    /// The same for a name that is known, and so is neither copied nor cut.
    pub(crate) fn known_request_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.params_mut().headers.insert(Cow::Borrowed(name), cut(value));
        self
    }

    /// Sets the method. The names of those that most calls have are copied for none.
    pub(crate) fn of_method(mut self, method: &Method) -> Self {
        self.api_method = match *method {
            Method::GET => Cow::Borrowed("GET"),
            Method::POST => Cow::Borrowed("POST"),
            Method::PUT => Cow::Borrowed("PUT"),
            Method::PATCH => Cow::Borrowed("PATCH"),
            Method::DELETE => Cow::Borrowed("DELETE"),
            Method::HEAD => Cow::Borrowed("HEAD"),
            _ => Cow::Owned(cut(method.as_str())),
        };
        self
    }

    /// Sets the query; the values of parameters that are named like a secret (`password`, `token`, …) are masked. Of a
    /// query over 1 KiB, the parameters after that are left out; if there is none to end in `…[cut]`, it is a parameter
    /// itself.
    pub fn query(mut self, query: &str) -> Self {
        self.params_mut().query_params = mask::form(query.as_bytes(), cut::MAX_LEN);
        self
    }

    /// Adds a parameter of the path.
    pub fn path_param(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let (name, value) = (name.into(), value.into());
        let value = if mask::hides(&name, &value) { mask::MASK.to_owned() } else { value };
        self.params_mut().view_params.insert(Cow::Owned(cut(name)), cut(value));
        self
    }

    /// Sets the body; fields that are named like a secret are masked.
    pub fn request_body(mut self, mut body: Value) -> Self {
        mask::json(&mut body);
        self.params_mut().request_body = body;
        self
    }

    /// Sets the body to a text: JSON is masked as such, any other text that mentions a secret is masked whole.
    pub fn request_text(mut self, text: &str) -> Self {
        self.params_mut().request_body = mask::text(text);
        self
    }

    /// Sets the fields of a form; those that are named like a secret are masked.
    pub fn form(mut self, form: &[u8]) -> Self {
        self.params_mut().form_params = mask::form(form, usize::MAX);
        self
    }

    /// Adds a header of the response. The auth center makes billing rules from `X-Match-Dynamic`, `X-Match-Cost`,
    /// `X-Match-Path` and `X-Match-Rule`. Masked as those of the request.
    pub fn response_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let (name, value) = mask::header(name.into(), value.into());
        let headers = self.response_headers.get_or_insert_default();
        headers.insert(Cow::Owned(cut(name)), cut(value));
        self
    }

    /// Sets whose credential it is, for people who look at a record that was refused.
    pub(crate) fn of_user(mut self, user: Option<&UserInfo>) -> Self {
        self.user = user.cloned();
        self
    }

    /// Sets whose data the call was about, as it was looked up. A record that names an organisation already keeps it.
    pub(crate) fn of_tenant(mut self, tenant: Option<Tenant>) -> Self {
        let Some(tenant) = tenant.filter(|_| !self.names_org()) else { return self };
        if let Some(team) = tenant.team_id() {
            self = self.known_request_header("x-team-id", team.as_str());
        }
        self.known_request_header("x-org-id", tenant.org_id().as_str())
    }

    fn names_org(&self) -> bool {
        let params = self.request_params.as_ref();
        params.is_some_and(|params| params.headers.names().any(|name| name.eq_ignore_ascii_case("x-org-id")))
    }

    #[cfg(any(feature = "stats", feature = "test-util"))]
    pub(crate) fn user(&self) -> Option<&UserInfo> {
        self.user.as_ref()
    }

    pub(crate) fn has_credential(&self) -> bool {
        self.credential.is_some()
    }

    fn params_mut(&mut self) -> &mut RequestParams {
        self.request_params.get_or_insert_default()
    }
}

impl RequestParams {
    fn size(&self) -> usize {
        let maps = [&self.query_params, &self.form_params];
        self.headers.size()
            + self.view_params.size()
            + maps.into_iter().map(size_of_fields).sum::<usize>()
            + size_of_value(&self.request_body)
    }
}

impl Served for ApiRecord {
    fn credential(&self) -> Option<&Credential> {
        self.credential.as_ref()
    }

    fn status(&self) -> u16 {
        self.status_code
    }

    fn size_hint(&self) -> usize {
        let params = self.request_params.as_ref().map_or(0, RequestParams::size);
        let response_headers = self.response_headers.as_ref().map_or(0, Texts::size);
        let texts = self.api_path.len() + self.error_message.as_ref().map_or(0, String::len);
        let credential = self.credential.as_ref().map_or(0, |credential| credential.as_bytes().len());
        texts + credential + params + response_headers
    }

    fn into_record(self: Box<Self>) -> ApiRecord {
        *self
    }
}

impl fmt::Debug for ApiRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The content of a request is for the auth center, not for logs.
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

    #[test]
    fn long_values_are_cut_to_one_kibibyte() {
        let long = "x".repeat(12 * 1024);
        let record = ApiRecord::new(&*long, &*long)
            .error_message(&*long)
            .request_header("user-agent", &*long)
            .request_header(&*long, "")
            .username(&*long)
            .query(&format!("q={long}&r={long}"))
            .path_param("id", &*long)
            .response_header("x-match-cost", &*long);
        let json = serde_json::to_value(&record).unwrap();
        let cut = format!("{}…[cut]", "x".repeat(1024 - "…[cut]".len()));
        for pointer in [
            "/api_path",
            "/api_method",
            "/error_message",
            "/request_params/headers/user-agent",
            "/request_params/headers/X-Match-Username",
            "/request_params/view_params/id",
            "/response_headers/x-match-cost",
        ] {
            assert_eq!(json.pointer(pointer), Some(&json!(cut)), "{pointer}");
        }
        let query = &json["request_params"]["query_params"];
        assert!(query["q"].as_str().unwrap().ends_with("x…[cut]") && query.get("r").is_none(), "{query}");
        assert!(json.to_string().len() < 10 * 1024, "{}", json.to_string().len());
    }
}

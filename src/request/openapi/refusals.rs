//! How refusals are answered.

use std::collections::BTreeMap;

use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Components, Content, Header, Ref, RefOr, Response};
use utoipa::{IntoResponses, PartialSchema};

use super::operation::{ACT_AS, ORG, TEAM, parameter};
use super::problem::Problem;

/// The form of refusals' bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Envelope,
    Problem,
    /// One that a document cannot know.
    Custom,
}

/// A refusal, with the statuses that it may have.
struct Refusal {
    status: &'static str,
    name: &'static str,
    description: &'static str,
    header: Option<fn() -> (&'static str, Header)>,
}

const UNAUTHENTICATED: Refusal = Refusal {
    status: "401",
    name: "Unauthenticated",
    description: "No credential was sent, or it is invalid or has expired.",
    header: Some(challenge),
};
const DENIED: Refusal = Refusal {
    status: "403",
    name: "Denied",
    description: "The caller is known, and not allowed. Where a permission is missing, the challenge says so.",
    header: Some(scope),
};
const UNAVAILABLE: Refusal = Refusal {
    status: "503",
    name: "Unavailable",
    description: "The credential cannot be verified right now, whoever sent it. Signing in again does not help.",
    header: Some(retry_after),
};
const INVALID: Refusal = Refusal {
    status: "400",
    name: "InvalidHeader",
    description: "A header about the user to act as, the organisation or the team cannot be read, or one that is needed is missing.",
    header: None,
};
const UNKNOWN_USER: Refusal = Refusal {
    status: "404",
    name: "UnknownUser",
    description: "There is no such user to act as.",
    header: None,
};

fn text(description: &str) -> HeaderBuilder {
    HeaderBuilder::new()
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .description(Some(description))
}

fn challenge() -> (&'static str, Header) {
    let header = text("How to authenticate (RFC 6750 section 3). With `error` if a credential was sent.");
    ("WWW-Authenticate", header.example(Some(r#"Bearer error="invalid_token""#.into())).build())
}

fn scope() -> (&'static str, Header) {
    let header =
        text("Only where a permission is missing, with the `scope` that has it if it is a single one.");
    let example = r#"Bearer error="insufficient_scope", scope="report:read""#;
    ("WWW-Authenticate", header.example(Some(example.into())).build())
}

fn retry_after() -> (&'static str, Header) {
    let seconds =
        ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).maximum(Some(60)).examples([1]);
    let header =
        HeaderBuilder::new().schema(Some(seconds)).description(Some("When to try again, in seconds."));
    ("Retry-After", header.build())
}

/// An envelope without data.
fn envelope() -> ObjectBuilder {
    let code =
        ObjectBuilder::new().schema_type(Type::Integer).description(Some("The status, or -1 in an outage."));
    let message = ObjectBuilder::new().schema_type(Type::String).description(Some("For the caller."));
    ObjectBuilder::new()
        .property("code", code)
        .property("message", message)
        .property("data", ObjectBuilder::new().schema_type(Type::Null))
        .required("code")
        .required("message")
        .required("data")
}

impl Refusal {
    fn response(&self, form: Form) -> Response {
        let mut response = ResponseBuilder::new().description(self.description);
        if let Some((name, header)) = self.header.map(|header| header()) {
            response = response.header(name, header);
        }
        match form {
            Form::Envelope => response.content("application/json", Content::new(Some(envelope()))),
            Form::Problem => {
                response.content("application/problem+json", Content::new(Some(Problem::schema())))
            }
            Form::Custom => response,
        }
        .build()
    }

    /// Its name among the components. Layers of several forms may share a document.
    fn component(&self, form: Form) -> String {
        match form {
            Form::Envelope => self.name.to_owned(),
            Form::Problem => format!("{}Problem", self.name),
            Form::Custom => format!("{}Custom", self.name),
        }
    }

    /// Adds it to an operation. What the operation says of this status stays, and gets the headers that it lacks.
    fn add(&self, operation: &mut Operation, components: &mut Components, form: Form) {
        match operation.responses.responses.get_mut(self.status) {
            Some(RefOr::T(own)) => {
                let ours = self.response(form);
                for (name, header) in ours.headers {
                    own.headers.entry(name).or_insert(header);
                }
                if own.content.is_empty() {
                    own.content = ours.content;
                }
            }
            Some(RefOr::Ref(_)) => {}
            None => {
                let name = self.component(form);
                let reference = Ref::from_response_name(&name);
                components.responses.entry(name).or_insert_with(|| self.response(form).into());
                operation.responses.responses.insert(self.status.to_owned(), reference.into());
            }
        }
    }
}

/// Adds the refusals of an operation that needs a credential.
pub(crate) fn add(operation: &mut Operation, components: &mut Components, form: Form) {
    for refusal in [UNAUTHENTICATED, DENIED, UNAVAILABLE] {
        refusal.add(operation, components, form);
    }
    if [ACT_AS, ORG, TEAM].iter().any(|name| parameter(operation, name).is_some()) {
        INVALID.add(operation, components, form);
    }
    if parameter(operation, ACT_AS).is_some() {
        UNKNOWN_USER.add(operation, components, form);
    }
}

type Documented = BTreeMap<String, RefOr<Response>>;

macro_rules! responses {
    ($($(#[$doc:meta])* $name:ident: $($refusal:ident),+;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub enum $name {}

        impl IntoResponses for $name {
            fn responses() -> Documented {
                [$($refusal),+]
                    .map(|refusal| (refusal.status.to_owned(), refusal.response(Form::Envelope).into()))
                    .into()
            }
        }
    )+};
}

responses! {
    /// The answer 401 with its challenge, to be named in `#[utoipa::path(responses(…))]`.
    Unauthenticated: UNAUTHENTICATED;
    /// The answer 403, to be named in `#[utoipa::path(responses(…))]`.
    Denied: DENIED;
    /// The answer 503 with `Retry-After`, to be named in `#[utoipa::path(responses(…))]`.
    Unavailable: UNAVAILABLE;
    /// The answers 401, 403 and 503 with their headers, to be named in `#[utoipa::path(responses(…))]` where no
    /// [`AuthLayer`](crate::AuthLayer) adds them to the document.
    ///
    /// ```
    /// use aigc_auth::openapi::Refusals;
    /// use aigc_auth::{CurrentUser, UserInfo};
    /// use axum::Json;
    ///
    /// #[utoipa::path(get, path = "/me", security(("bearer" = [])), responses((status = 200, description = "The user.", body = UserInfo), Refusals))]
    /// async fn me(user: CurrentUser) -> Json<UserInfo> {
    ///     Json(user.into_inner())
    /// }
    /// ```
    Refusals: UNAUTHENTICATED, DENIED, UNAVAILABLE;
}

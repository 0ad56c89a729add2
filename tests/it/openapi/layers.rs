use aigc_auth::error::{Envelope, ErrorResponder};
use aigc_auth::layer::CredentialSource;
use aigc_auth::openapi::{BearerScheme, Problem, Refusals};
use aigc_auth::permission::{Action, Code};
use aigc_auth::tenant::{CurrentTenant, OrgId, TeamId, TenantPolicy};
use aigc_auth::user::UserGroup;
use aigc_auth::{AuthLayer, CurrentUser, OptionalUser, UserId, UserInfo, documented_routes};
use serde_json::{Value, json};
use test_support::openapi::validate;
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;

use super::support::{ByActions, ByScopes, Service};

#[utoipa::path(get, path = "/me", responses((status = 200, description = "The user.", body = Envelope<UserInfo>)))]
async fn me(_: CurrentUser) {}

#[utoipa::path(get, path = "/greet", responses((status = 200, description = "Done.")))]
async fn greet(_: OptionalUser) {}

#[utoipa::path(get, path = "/health", responses((status = 200, description = "Done.")))]
async fn health() {}

#[utoipa::path(get, path = "/public/{id}", params(("id" = String, Path)), responses((status = 200, description = "Done.")))]
async fn public() {}

#[utoipa::path(get, path = "/{tenant}/public", params(("tenant" = String, Path)), responses((status = 200, description = "Done.")))]
async fn not_public() {}

#[utoipa::path(get, path = "/socket", responses((status = 101, description = "A WebSocket.")))]
async fn socket(_: CurrentUser) {}

#[utoipa::path(get, path = "/events", responses((status = 200, description = "Events.", content_type = "text/event-stream", body = String)))]
async fn events(_: CurrentUser) {}

#[utoipa::path(get, path = "/own", responses(
    (status = 401, description = "Log in at https://login.example.com."),
    (status = 403, description = "Ask your team.", body = String, headers(("X-Team" = String))),
))]
async fn own(_: CurrentUser) {}

#[utoipa::path(get, path = "/tenant", responses((status = 200, description = "Done.")))]
async fn tenant(_: CurrentTenant) {}

fn routes() -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(documented_routes!(me))
        .routes(documented_routes!(greet))
        .routes(documented_routes!(health))
        .routes(documented_routes!(public))
        .routes(documented_routes!(not_public))
        .routes(documented_routes!(socket))
        .routes(documented_routes!(events))
        .routes(documented_routes!(own))
        .routes(documented_routes!(tenant))
}

fn layer() -> AuthLayer {
    AuthLayer::tokens_only(ByScopes).tenants(TenantPolicy::new(ByActions(&[])))
}

fn document(auth: AuthLayer) -> Value {
    let document = Service::new(routes(), auth).document.0;
    validate(std::slice::from_ref(&document));
    document
}

/// The names of the schemes that an operation takes; `-` for none.
fn schemes(document: &Value, path: &str) -> Vec<String> {
    let security = document["paths"][path]["get"]["security"].as_array();
    let name = |one: &Value| one.as_object().unwrap().keys().next().map_or("-", |name| name).to_owned();
    security.into_iter().flatten().map(name).collect()
}

#[test]
fn each_source_of_credentials_is_a_scheme() {
    let auth = layer().credentials_from([
        CredentialSource::authorization(),
        CredentialSource::cookie("__Host-session!"),
        CredentialSource::header("X-Access-Token"),
        CredentialSource::query("access_token"),
        CredentialSource::websocket_protocol(),
    ]);
    let document = document(auth);
    let found = &document["components"]["securitySchemes"];
    for (name, expected) in [
        ("bearer", json!({ "type": "http", "scheme": "bearer" })),
        ("cookie-__Host-session_", json!({ "type": "apiKey", "in": "cookie", "name": "__Host-session!" })),
        ("header-x-access-token", json!({ "type": "apiKey", "in": "header", "name": "x-access-token" })),
        ("query-access_token", json!({ "type": "apiKey", "in": "query", "name": "access_token" })),
        (
            "protocol-Sec-WebSocket-Protocol",
            json!({ "type": "apiKey", "in": "header", "name": "Sec-WebSocket-Protocol" }),
        ),
    ] {
        let mut scheme = found[name].clone();
        let description = scheme.as_object_mut().unwrap().remove("description").unwrap();
        assert!(!description.as_str().unwrap().is_empty());
        assert_eq!(scheme, expected, "{name}");
    }
    assert_eq!(found.as_object().unwrap().len(), 5);
    // What scripts cannot set headers on is read of these alone.
    let usual = ["bearer", "cookie-__Host-session_", "header-x-access-token"];
    let all = [&usual[..], &["query-access_token", "protocol-Sec-WebSocket-Protocol"]].concat();
    assert_eq!(schemes(&document, "/me"), usual);
    assert_eq!(schemes(&document, "/socket"), all);
    assert_eq!(schemes(&document, "/events"), all);
}

#[test]
fn no_source_is_no_open_door() {
    let document = document(layer().credentials_from([CredentialSource::websocket_protocol()]));
    assert_eq!(schemes(&document, "/me"), ["protocol-Sec-WebSocket-Protocol"]);
    assert_eq!(document["components"]["securitySchemes"].as_object().unwrap().len(), 1);
}

#[test]
fn excluded_paths_are_open_and_only_those() {
    let exclude = |auth: AuthLayer, at: &str| {
        auth.exclude_path(&format!("{at}/health")).exclude_prefix(&format!("{at}/public"))
    };
    let closed = document(layer());
    let open = document(exclude(layer(), ""));
    let mut nested = routes().into_openapi();
    exclude(layer(), "/api/v1").modify_nested("/api/v1/", &mut nested);
    let nested = serde_json::to_value(nested).unwrap();
    for (path, is_open) in [
        ("/health", true),
        ("/public/{id}", true),
        ("/{tenant}/public", false),
        ("/me", false),
        ("/greet", false),
    ] {
        assert_eq!(schemes(&closed, path), ["bearer"], "{path}");
        for document in [&open, &nested] {
            let operation = &document["paths"][path]["get"];
            assert_eq!(operation.get("security").is_none(), is_open, "{path}");
            assert_eq!(operation["responses"].get("401").is_none(), is_open, "{path}");
        }
    }
}

#[test]
fn anonymous_requests_are_an_alternative_where_no_handler_refuses_them() {
    let document = document(layer().allow_anonymous());
    for (path, expected, is_refused) in [
        ("/me", &["bearer"][..], true),
        ("/greet", &["-", "bearer"], false),
        ("/health", &["-", "bearer"], false),
    ] {
        assert_eq!(schemes(&document, path), expected, "{path}");
        assert_eq!(document["paths"][path]["get"]["responses"].get("503").is_some(), is_refused, "{path}");
    }
}

#[test]
fn refusals_have_the_form_of_the_layer() {
    for (responder, media, properties, name) in [
        (ErrorResponder::envelope(), "application/json", &["code", "data", "message"][..], "Denied"),
        (
            ErrorResponder::problem(),
            "application/problem+json",
            &["code", "detail", "status", "title", "type"],
            "DeniedProblem",
        ),
        (ErrorResponder::new(|refusal| refusal.default_response()), "", &[], "DeniedCustom"),
    ] {
        let document = document(layer().error_responder(responder));
        let responses = &document["paths"]["/me"]["get"]["responses"];
        assert_eq!(responses["403"]["$ref"], format!("#/components/responses/{name}"));
        for (status, header) in
            [("401", "WWW-Authenticate"), ("403", "WWW-Authenticate"), ("503", "Retry-After")]
        {
            let response = document.pointer(&responses[status]["$ref"].as_str().unwrap()[1..]).unwrap();
            assert!(response["headers"].get(header).is_some(), "{response}");
            let schema = &response["content"][media]["schema"]["properties"];
            let found: Vec<_> = schema.as_object().into_iter().flatten().map(|(name, _)| name).collect();
            assert_eq!(found, properties, "{status}");
        }
    }
}

/// Two layers with answers of two forms, in one document.
#[test]
fn documents_of_several_layers_merge() {
    let mut one: OpenApiRouter = OpenApiRouter::new().routes(documented_routes!(me));
    let mut other: OpenApiRouter =
        OpenApiRouter::new().routes(documented_routes!(own)).routes(documented_routes!(greet));
    layer().modify(one.get_openapi_mut());
    layer().error_responder(ErrorResponder::problem()).modify(other.get_openapi_mut());
    let document = serde_json::to_value(one.merge(other).into_openapi()).unwrap();
    validate(std::slice::from_ref(&document));
    let responses = document["components"]["responses"].as_object().unwrap();
    assert!(responses.contains_key("Unavailable") && responses.contains_key("UnavailableProblem"));
    assert_eq!(
        document["paths"]["/greet"]["get"]["responses"]["503"]["$ref"],
        "#/components/responses/UnavailableProblem"
    );
}

#[test]
fn what_an_operation_says_of_refusals_stays() {
    let document = document(layer());
    let responses = &document["paths"]["/own"]["get"]["responses"];
    assert_eq!(responses["401"]["description"], "Log in at https://login.example.com.");
    assert!(responses["401"]["headers"].get("WWW-Authenticate").is_some());
    assert!(responses["401"]["content"].get("application/json").is_some());
    assert_eq!(responses["403"]["description"], "Ask your team.");
    let headers: Vec<_> = responses["403"]["headers"].as_object().unwrap().keys().collect();
    assert_eq!(headers, ["WWW-Authenticate", "X-Team"]);
    assert_eq!(responses["403"]["content"].as_object().unwrap().keys().collect::<Vec<_>>(), ["text/plain"]);
    assert_eq!(responses["503"]["$ref"], "#/components/responses/Unavailable");
}

#[test]
fn tenant_headers_have_the_names_of_the_layer() {
    let policy = TenantPolicy::new(ByActions(&[])).org_header("X-Company").team_header("X-Crew");
    let document = document(layer().tenants(policy));
    let parameters = document["paths"]["/tenant"]["get"]["parameters"].as_array().unwrap();
    let names: Vec<_> = parameters.iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["x-company", "x-crew", "X-Act-As-User-Id"]);
    assert!(document["paths"]["/tenant"]["get"]["responses"].get("400").is_some());
}

#[test]
fn documents_without_a_layer() {
    #[utoipa::path(get, path = "/user", security(("bearer" = [])), responses((status = 200, description = "The users.", body = Vec<UserInfo>), Refusals))]
    #[allow(dead_code)]
    async fn user() {}

    #[derive(OpenApi)]
    #[openapi(
        paths(user),
        modifiers(&BearerScheme),
        components(schemas(Envelope<UserInfo>, Problem, UserId, UserGroup, OrgId, TeamId, Action, Code))
    )]
    struct Api;

    let document = serde_json::to_value(Api::openapi()).unwrap();
    validate(std::slice::from_ref(&document));
    let responses = &document["paths"]["/user"]["get"]["responses"];
    assert_eq!(responses["401"]["headers"]["WWW-Authenticate"]["schema"]["type"], "string");
    assert_eq!(responses["503"]["headers"]["Retry-After"]["schema"]["maximum"], 60);
    let schemas = &document["components"]["schemas"];
    let envelope = &schemas["Envelope_UserInfo"];
    assert_eq!(envelope["properties"]["data"]["properties"]["id"]["$ref"], "#/components/schemas/UserId");
    assert_eq!(envelope["required"], json!(["code", "message", "data"]));
    assert_eq!(schemas["OrgId"]["type"], "string");
    assert_eq!(
        schemas["UserId"]["oneOf"],
        json!([{ "type": "integer", "format": "int64" }, { "type": "string" }])
    );
}

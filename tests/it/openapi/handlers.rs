use std::collections::BTreeSet;

use aigc_auth::extract::RequestInfo;
use aigc_auth::permission::{Admin, AllOf, AnyOf, Requirement, Requires};
use aigc_auth::service::{CurrentService, RequireService};
use aigc_auth::tenant::{CurrentTenant, RequireOrg, TenantPolicy};
use aigc_auth::{
    ActAsUser, AuthError, AuthLayer, CurrentUser, OptionalUser, Permission, RequireAdmin, RequireGroup,
    RequirePermission, RequireRole, UserInfo, documented_routes, groups, openapi, org_actions, permissions,
    requirement_of, roles,
};
use axum::Json;
use axum::extract::{Path, Query};
use axum::middleware::from_extractor;
use serde_json::{Value, json};
use test_support::openapi::validate;
use utoipa_axum::router::OpenApiRouter;

use super::support::{ByActions, ByScopes, Service, token};

permissions! {
    /// Read reports.
    Read = "report:read";
    /// Write
    /// reports.
    Write = "report:write";
    Publish = "report:publish";
}
roles! {
    /// May edit.
    Editor = "editor";
}
groups! { Operations = "ops"; }
org_actions! {
    enum OrgRole { Owner = "owner", Member = "member" }
    /// Give it another name.
    RenameOrg = "RENAME_ORG": Owner;
    ViewOrg = "VIEW_ORG": Member;
}

/// A rule that is no code.
struct Staff;

impl Permission for Staff {
    fn is_granted(_: &UserInfo) -> bool {
        false
    }

    fn describe(f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("staff")
    }
}

#[utoipa::path(get, path = "/user", responses((status = 200, description = "The users.", body = UserInfo)))]
async fn user(user: CurrentUser) -> Json<UserInfo> {
    Json(user.into_inner())
}

#[utoipa::path(get, path = "/permission", responses((status = 200, description = "Done.")))]
async fn permission(_: RequirePermission<Read>) {}

/// Has a comment of its own.
#[utoipa::path(post, path = "/permission", responses((status = 200, description = "Done.")))]
async fn all(_: RequirePermission<AllOf<(Read, Write)>>, Query(_): Query<Value>) {}

#[utoipa::path(delete, path = "/permission", responses((status = 200, description = "Done.")))]
async fn any(_: RequestInfo, _: RequirePermission<AnyOf<(Write, Admin)>>) {}

type Either = AnyOf<(Write, Publish)>;

#[utoipa::path(get, path = "/nested/{id}", params(("id" = u64, Path)), responses((status = 200, description = "Done.")))]
async fn nested(Path(_): Path<u64>, _: RequirePermission<AllOf<(Read, Either)>>) {}

#[utoipa::path(get, path = "/several", responses((status = 200, description = "Done.")))]
async fn several(_: RequireRole<Editor>, _: RequireGroup<Operations>, _: RequirePermission<Read>) {}

#[utoipa::path(get, path = "/admin", responses((status = 200, description = "Done.")))]
async fn admin(_: RequireAdmin) {}

#[utoipa::path(get, path = "/org", responses((status = 200, description = "Done.")))]
async fn org(_: RequireOrg<RenameOrg>) {}

#[utoipa::path(put, path = "/org", responses((status = 200, description = "Done.")))]
async fn org_both(_: RequireOrg<AllOf<(RenameOrg, ViewOrg)>>) {}

#[utoipa::path(get, path = "/act-as", responses((status = 200, description = "Done.")))]
async fn act_as(_: ActAsUser) {}

#[utoipa::path(get, path = "/nobody", responses((status = 200, description = "Done.")))]
async fn nobody() {}

#[utoipa::path(get, path = "/optional", responses((status = 200, description = "Done.")))]
async fn optional(_: OptionalUser) {}

#[utoipa::path(get, path = "/either", responses((status = 200, description = "Done.")))]
async fn either(_: Option<CurrentUser>) {}

mod elsewhere {
    use super::*;

    #[utoipa::path(get, path = "/elsewhere", responses((status = 200, description = "Done.")))]
    pub(super) async fn handler(_: RequirePermission<Publish>) {}
}

fn routes() -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(documented_routes!(user))
        .routes(documented_routes!(permission, all, any))
        .routes(documented_routes!(nested))
        .routes(documented_routes!(several))
        .routes(documented_routes!(admin))
        .routes(documented_routes!(org, org_both))
        .routes(documented_routes!(act_as))
        .routes(documented_routes!(nobody))
        .routes(documented_routes!(optional))
        .routes(documented_routes!(either,))
        .routes(documented_routes!(elsewhere::handler))
}

fn layer() -> AuthLayer {
    let tenants = TenantPolicy::new(ByActions(OrgRole::actions()));
    AuthLayer::tokens_only(ByScopes).tenants(tenants).tell_missing_permission()
}

/// The alternatives of an operation, by the one scheme; `None` for none at all.
fn alternatives(operation: &Value) -> Vec<Option<BTreeSet<String>>> {
    let security = operation["security"].as_array().unwrap().iter();
    let one = |requirement: &Value| {
        let scopes = requirement.get("bearer")?.as_array().unwrap().iter();
        Some(scopes.map(|scope| scope.as_str().unwrap().to_owned()).collect())
    };
    security.map(one).collect()
}

#[tokio::test]
async fn what_a_document_asks_for_is_what_handlers_check() {
    for auth in [layer(), layer().allow_anonymous()] {
        let service = Service::new(routes(), auth);
        let mut answers = vec![];
        let (mut let_in, mut denied) = (0, 0);
        for (method, path, operation) in service.document.operations() {
            let at = path.replace("{id}", "7");
            let alternatives = alternatives(operation);
            assert!(!alternatives.is_empty(), "{method} {path} would be open");
            let is_open = alternatives.contains(&None);
            for credential in [None, Some("unknown"), Some("disabled"), Some("outage")] {
                let (status, headers, body) = service.ask(&method, &at, credential).await;
                let may_pass = credential.is_none() || operation["responses"].get("401").is_none();
                assert!(status != 200 || (is_open && may_pass), "{method} {path} {credential:?}");
                if status == 200 {
                    continue;
                }
                assert!(credential.is_some() || !is_open, "{method} {path} needs no credential: {status}");
                answers.push(service.document.expects(operation, status, &headers, &body));
            }
            let enough = alternatives.iter().flatten();
            for scopes in enough.clone() {
                let (status, ..) = service.ask(&method, &at, Some(&token(scopes))).await;
                assert_eq!(status, 200, "{method} {path} with {scopes:?}");
                let_in += 1;
                // Of what is documented, nothing can be left away.
                for left in scopes {
                    let rest: BTreeSet<_> = scopes.iter().filter(|scope| *scope != left).cloned().collect();
                    if enough.clone().any(|other| other.is_subset(&rest)) {
                        continue;
                    }
                    let (status, headers, body) = service.ask(&method, &at, Some(&token(&rest))).await;
                    assert_eq!(status, 403, "{method} {path} without {left}");
                    answers.push(service.document.expects(operation, status, &headers, &body));
                    // The refusal and the document name it alike.
                    let message = body["message"].as_str().unwrap();
                    let needed = message.strip_prefix("Permission is missing: ").expect(message);
                    if !path.starts_with("/org") && path != "/several" {
                        let description = operation["description"].as_str().unwrap();
                        assert!(description.contains(&format!("Requires `{needed}`.")), "{description}");
                    }
                    denied += 1;
                }
            }
        }
        validate(&[json!({ "document": service.document.0, "answers": answers })]);
        assert!(let_in >= 16 && denied >= 14, "{let_in} were let in, {denied} were not");
    }
}

#[test]
fn operations_say_what_their_handlers_require() {
    let service = Service::new(routes(), layer());
    for (method, path, security, description) in [
        ("GET", "/user", json!([[]]), ""),
        (
            "GET",
            "/permission",
            json!([["report:read"]]),
            "Requires `report:read`.\n\n- `report:read`: Read reports.",
        ),
        (
            "POST",
            "/permission",
            json!([["report:read", "report:write"]]),
            "Requires `(report:read and report:write)`.\n\n- `report:read`: Read reports.\n- `report:write`: Write reports.",
        ),
        (
            "DELETE",
            "/permission",
            json!([["report:write"], ["the admin flag"]]),
            "Requires `(report:write or the admin flag)`.\n\n- `report:write`: Write reports.",
        ),
        (
            "GET",
            "/nested/{id}",
            json!([["report:read", "report:write"], ["report:read", "report:publish"]]),
            "Requires `(report:read and (report:write or report:publish))`.\n\n- `report:read`: Read reports.\n\
             - `report:write`: Write reports.",
        ),
        (
            "GET",
            "/several",
            json!([["role editor", "group ops", "report:read"]]),
            "Requires `(role editor and group ops and report:read)`.\n\n- `report:read`: Read reports.\n\
             - `role editor`: May edit.",
        ),
        (
            "GET",
            "/org",
            json!([["in the organisation: RENAME_ORG"]]),
            "Requires `in the organisation: RENAME_ORG`.\n\n- `in the organisation: RENAME_ORG`: Give it another name. \
             of the roles owner",
        ),
        ("GET", "/nobody", json!([[]]), ""),
        ("GET", "/elsewhere", json!([["report:publish"]]), "Requires `report:publish`."),
    ] {
        let operations = service.document.operations();
        let (.., operation) = operations.iter().find(|(m, p, _)| m == method && p == path).unwrap();
        let found: Vec<_> =
            operation["security"].as_array().unwrap().iter().map(|one| one["bearer"].clone()).collect();
        assert_eq!(json!(found), security, "{method} {path}");
        let found = operation["description"].as_str().unwrap_or_default();
        assert_eq!(found.trim(), description, "{method} {path}");
    }
    let summary = &service.document.0["paths"]["/permission"]["post"]["summary"];
    assert_eq!(summary, "Has a comment of its own.");
}

/// The same route twice, but for one argument's type.
#[test]
fn another_extractor_is_another_document() {
    mod before {
        use super::*;
        #[utoipa::path(get, path = "/x", responses((status = 200, description = "Done.")))]
        pub(super) async fn handler(_: RequirePermission<Read>) {}
    }
    mod after {
        use super::*;
        #[utoipa::path(get, path = "/x", responses((status = 200, description = "Done.")))]
        pub(super) async fn handler(_: RequirePermission<Write>) {}
    }
    let security = |routes| {
        let service = Service::new(OpenApiRouter::new().routes(routes), layer());
        service.document.0["paths"]["/x"]["get"]["security"].clone()
    };
    assert_eq!(security(documented_routes!(before::handler)), json!([{ "bearer": ["report:read"] }]));
    assert_eq!(security(documented_routes!(after::handler)), json!([{ "bearer": ["report:write"] }]));
}

#[test]
fn requirements_are_read_from_signatures() {
    async fn none() {}
    async fn own(_: Json<Value>, _: RequestInfo) {}
    async fn result(_: Result<CurrentUser, AuthError>) {}
    async fn service(_: CurrentService) {}
    async fn scope(_: RequireService<Read>) {}
    async fn tenant(_: CurrentTenant, _: ActAsUser) {}
    async fn maybe_tenant(_: Option<CurrentTenant>) {}
    async fn rule(_: RequirePermission<Staff>) {}
    #[expect(clippy::too_many_arguments, reason = "as many as axum takes")]
    async fn last(
        (): (),
        (): (),
        (): (),
        (): (),
        (): (),
        (): (),
        (): (),
        (): (),
        (): (),
        (): (),
        (): (),
        (): (),
        (): (),
        (): (),
        (): (),
        _: RequirePermission<Read>,
    ) {
    }
    for (requirement, expected) in [
        (requirement_of!(none), "nothing"),
        (requirement_of!(own), "nothing"),
        (requirement_of!(result), "nothing"),
        (requirement_of!(optional), "nothing"),
        (requirement_of!(either), "a user, if a credential was sent"),
        (requirement_of!(service), "a service"),
        (requirement_of!(scope), "(a service and report:read)"),
        (requirement_of!(tenant), "(a member of the organisation and a user)"),
        (requirement_of!(maybe_tenant), "a member of the organisation, if a credential was sent"),
        (requirement_of!(rule), "staff"),
        (requirement_of!(last), "report:read"),
        (requirement_of!(elsewhere::handler), "report:publish"),
    ] {
        assert_eq!(requirement.to_string(), expected);
    }
    assert_eq!(
        serde_json::to_value(requirement_of!(permission)).unwrap(),
        json!({ "permission": { "code": "report:read", "description": "Read reports." } })
    );
    assert_eq!(requirement_of!(admin), Requirement::Admin);
}

#[test]
fn headers_that_extractors_read_are_parameters() {
    let service = Service::new(routes(), layer());
    let names = |path: &str| {
        let parameters = service.document.0["paths"][path]["get"]["parameters"].as_array();
        parameters.into_iter().flatten().map(|one| one["name"].as_str().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(names("/user"), [""; 0]);
    assert_eq!(names("/nested/{id}"), ["id"]);
    assert_eq!(names("/act-as"), ["X-Act-As-User-Id"]);
    assert_eq!(names("/org"), ["X-Org-Id", "X-Team-Id", "X-Act-As-User-Id"]);
    for (path, statuses) in [
        ("/user", &["200", "401", "403", "503"][..]),
        ("/act-as", &["200", "400", "401", "403", "404", "503"]),
        ("/org", &["200", "400", "401", "403", "404", "503"]),
    ] {
        let responses = service.document.0["paths"][path]["get"]["responses"].as_object().unwrap();
        assert_eq!(responses.keys().collect::<Vec<_>>(), statuses, "{path}");
    }
}

/// A guard around a router, and no extractor in its handlers.
#[tokio::test]
async fn guards_are_documented_beside_handlers() {
    let mut routes: OpenApiRouter =
        OpenApiRouter::new().routes(documented_routes!(nobody)).routes(documented_routes!(permission));
    routes = routes.route_layer(from_extractor::<RequireAdmin>());
    openapi::require(routes.get_openapi_mut(), &RequireAdmin::requirement());
    let service = Service::new(routes, layer());
    let security = |path: &str| service.document.0["paths"][path]["get"]["security"].clone();
    assert_eq!(security("/nobody"), json!([{ "bearer": ["the admin flag"] }]));
    assert_eq!(security("/permission"), json!([{ "bearer": ["report:read", "the admin flag"] }]));
    for (scopes, status) in
        [(&["report:read"][..], 403), (&["the admin flag"], 403), (&["report:read", "the admin flag"], 200)]
    {
        let scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
        assert_eq!(service.ask("GET", "/permission", Some(&token(&scopes))).await.0, status, "{scopes:?}");
    }
}

//! Describe a layer in OpenAPI.

use utoipa::Modify;
use utoipa::openapi::OpenApi;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::SecurityRequirement;

use super::layer::AuthLayer;
use super::sources::CredentialSource;
use super::sources::scheme::Scheme;
use super::sources::search::Sources;
use crate::request::openapi;

/// Describes what the layer does to the operations of a document, which are those that it is around.
///
/// Adds a security scheme for each [source](CredentialSource) of credentials; the `security` of each operation, with the scopes that [`documented_routes!`](crate::documented_routes) or a
/// `#[utoipa::path]` gave it; and the answers 401, 403 and 503 with their headers, and 400 and 404 where a header asks for
/// another user or a tenant, in the form of the layer's [`ErrorResponder`](crate::error::ErrorResponder). What an operation says of
/// these statuses already stays.
///
/// Excluded paths are left as they are. With [`allow_anonymous`](AuthLayer::allow_anonymous), a credential is optional except where a
/// handler requires a user. Answers to faults of the service (500) and to oversized credentials (431) are left out.
///
/// Modify the document of the routes below the layer before others are merged into it: see
/// [`documented_routes!`](crate::documented_routes). Of a router that is nested, [`modify_nested`](AuthLayer::modify_nested).
impl Modify for AuthLayer {
    fn modify(&self, api: &mut OpenApi) {
        self.modify_nested("", api);
    }
}

impl AuthLayer {
    /// Describes the layer, as [`Modify`] does, in the document of a router that will be nested at this path: the paths that the
    /// layer excludes are full ones, and those of the document are not yet.
    pub fn modify_nested(&self, at: &str, api: &mut OpenApi) {
        let config = self.config();
        let form = config.settings.refusals.responder.form();
        let mut components = api.components.take().unwrap_or_default();
        let schemes: Vec<_> = self.schemes().collect();
        for scheme in &schemes {
            components.add_security_scheme(&scheme.name, scheme.scheme.clone());
        }
        for (path, operation) in openapi::of_document(api) {
            if config.excluded_paths.contain_route(&format!("{}{path}", at.trim_end_matches('/'))) {
                continue;
            }
            // Of a handler that says nothing, `allow_anonymous` lets everybody in, whatever they sent.
            if !config.allow_anonymous || operation.security.is_some() {
                openapi::add(operation, &mut components, form);
            }
            operation.security = Some(security(operation, &schemes, config.allow_anonymous));
            if let Some(policy) = &config.settings.tenants {
                openapi::rename_tenant_headers(operation, policy.headers());
            }
        }
        api.components = Some(components);
    }

    /// The schemes of the layer's sources.
    fn schemes(&self) -> impl Iterator<Item = Scheme> {
        let sources = self.sources();
        let authorization = sources.is_none_or(|sources| sources.authorization);
        let others = sources.into_iter().flat_map(Sources::others).map(CredentialSource::scheme);
        authorization.then(Scheme::bearer).into_iter().chain(others)
    }
}

/// The alternatives of an operation: each scheme that it reads, with the scopes that its handler requires.
fn security(operation: &Operation, schemes: &[Scheme], allows_anonymous: bool) -> Vec<SecurityRequirement> {
    let mut read: Vec<_> = schemes.iter().filter(|scheme| scheme.is_read_of(operation)).collect();
    if read.is_empty() {
        // An empty list would say that it is open.
        read = schemes.iter().collect();
    }
    let anonymous = allows_anonymous && openapi::is_optional(operation);
    let scopes = openapi::scopes(operation);
    let required = scopes.iter().flat_map(|scopes| {
        read.iter().map(|scheme| SecurityRequirement::new(&scheme.name, scopes.iter().cloned()))
    });
    anonymous.then(SecurityRequirement::default).into_iter().chain(required).collect()
}

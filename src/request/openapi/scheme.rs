//! The usual way to send a credential.

use utoipa::Modify;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

/// The name of the scheme in documents.
pub(crate) const BEARER: &str = "bearer";

/// Adds the security scheme `bearer`, `Authorization: Bearer …`, to a document, where no [`AuthLayer`](crate::AuthLayer) is at hand.
///
/// ```
/// use aigc_auth::openapi::BearerScheme;
/// use utoipa::OpenApi;
///
/// #[derive(OpenApi)]
/// #[openapi(modifiers(&BearerScheme), security(("bearer" = [])))]
/// struct Api;
///
/// let api = serde_json::to_value(Api::openapi()).unwrap();
/// assert_eq!(api["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct BearerScheme;

impl Modify for BearerScheme {
    fn modify(&self, api: &mut OpenApi) {
        api.components.get_or_insert_default().add_security_scheme(BEARER, bearer());
    }
}

/// `Authorization: Bearer …`.
pub(crate) fn bearer() -> SecurityScheme {
    let description = "A user's token, or an access key (`ak_…`).";
    SecurityScheme::Http(
        HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(description)).build(),
    )
}

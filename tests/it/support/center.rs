//! Clients and layers of an auth center.

use aigc_auth::testing::AuthCenter;
use aigc_auth::{AuthClient, AuthClientBuilder, AuthLayer};

pub(crate) fn client(center: &AuthCenter) -> AuthClient {
    client_with(center, |builder| builder)
}

/// A client of this center, with these settings.
pub(crate) fn client_with(
    center: &AuthCenter,
    configure: impl FnOnce(AuthClientBuilder) -> AuthClientBuilder,
) -> AuthClient {
    let builder = AuthClient::builder(center.app_id(), center.app_secret(), center.url());
    configure(builder).build().unwrap()
}

/// The layer of a service that trusts this center.
pub(crate) fn auth(center: &AuthCenter) -> AuthLayer {
    AuthLayer::new(client(center))
}

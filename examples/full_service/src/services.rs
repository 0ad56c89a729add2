//! Services as callers: which may call this one, and how it calls others in its own name.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};

use aigc_auth::error::BuildError;
use aigc_auth::jwt::{Algorithm, JwtVerifier};
use aigc_auth::outbound::OutboundClient;
use aigc_auth::service::{RequireService, ServiceKey, ServiceSigner, ServiceVerifier, WithServices};
use aigc_auth::{AuthClient, AuthLayer, CurrentUser, documented_routes, permissions};
use axum::extract::State;
use axum::http::StatusCode;
use example_support::variable;
use utoipa_axum::router::OpenApiRouter;

use crate::documents::{self, layered};
use crate::handlers::failed;

permissions! {
    /// Only services have it, by the scopes of their tokens.
    pub TopUp = "credits:top_up";
}

/// This service's name: services call it by this audience, and it calls them as `service:full-service`.
const NAME: &str = "full-service";

/// Signs this service's tokens by `SERVICE_KEY`, a private key in PEM that all replicas have, or by a key of this process.
pub(crate) fn signer() -> Result<ServiceSigner, BuildError> {
    let key = match variable("SERVICE_KEY") {
        Some(pem) => ServiceKey::from_pem(pem)?,
        None => ServiceKey::generate(Algorithm::EdDsa)?,
    };
    ServiceSigner::builder(NAME, key).build()
}

/// Users and services may ask; `/credits` is for services, whatever users may do.
pub(crate) fn router(
    client: &AuthClient,
    signer: &ServiceSigner,
    address: SocketAddr,
) -> Result<OpenApiRouter, BuildError> {
    // Where those publish their keys who may call: here it is this service itself.
    let keys = JwtVerifier::from_jwks(format!("{}/.well-known/jwks.json", own_url(address)));
    // Its own address, with nobody between; other services' key sets are at `https://`.
    let services = ServiceVerifier::builder(keys.insecure_plain_http(), NAME).build()?;
    let auth = AuthLayer::new(WithServices::new(client.clone(), services));
    Ok(layered(documents::routes().routes(documented_routes!(credits)), auth)
        // GET /.well-known/jwks.json: after the layer, for others fetch it without a credential.
        .merge(signer.jwks_router().into()))
}

#[utoipa::path(post, path = "/credits", responses((status = 200, description = "What was topped up.", body = String)))]
async fn credits(service: RequireService<TopUp>) -> String {
    format!("topped up for the service {}\n", service.name())
}

/// Builds the client that calls another service in this one's own name: here it is this one.
pub(crate) fn outbound(
    client: &AuthClient,
    signer: &ServiceSigner,
    address: SocketAddr,
) -> Result<OutboundClient, Box<dyn Error>> {
    let there = own_url(address);
    let token = signer.for_audience(NAME).scopes(["credits:top_up"]);
    Ok(OutboundClient::builder(client).trust_origin(&there).service_token(&there, token).build()?)
}

/// What [`top_up`] calls by, and where.
#[derive(Clone)]
pub(crate) struct AsService {
    pub(crate) outbound: OutboundClient,
    pub(crate) address: SocketAddr,
}

/// Calls as the service, for a user who could not call it themselves.
#[utoipa::path(post, path = "/top-up", responses((status = 200, description = "What was topped up.", body = String), (status = 502, description = "It does not answer.")))]
pub(crate) async fn top_up(
    _: CurrentUser,
    State(AsService { outbound, address }): State<AsService>,
) -> Result<(StatusCode, String), StatusCode> {
    let url = format!("{}/credits", own_url(address));
    let answer = outbound.post(url).send().await.map_err(|error| failed(&error))?;
    let status = answer.status();
    Ok((status, answer.text().await.map_err(|error| failed(&error))?))
}

/// The URL by which this process reaches itself.
fn own_url(mut address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        address.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    format!("http://{address}")
}

//! Requests whose tokens are verified locally.

use aigc_auth::AuthLayer;
use aigc_auth::jwt::{JwtVerifier, JwtVerifierBuilder};
use aigc_auth::revocation::MemoryRevocations;
use aigc_auth::service::{ServiceVerifier, WithServices};

use super::request::{headers, ready};
use super::support::Case;
use super::token;
use super::{
    WITH_JWT, WITH_JWT_AND_HEADERS, WITH_REVOCATION_AND_HEADERS, naming_tenant, of_tenant, of_user,
    request_case,
};

/// A verifier of tokens, which are cached.
fn jwt() -> JwtVerifierBuilder {
    JwtVerifier::from_secret(token::SECRET)
}

/// A verifier of services, of whom none calls.
fn services() -> ServiceVerifier {
    let keys = JwtVerifier::from_jwks("https://127.0.0.1:9/jwks.json");
    ServiceVerifier::builder(keys, "orders").build().expect("a verifier")
}

pub(crate) fn cases() -> Vec<Case> {
    let signed = token::hs256(token::SUBJECT);
    let with_jwt = headers(Some(&signed));
    let naming_with_jwt = naming_tenant(&with_jwt);
    let users = || jwt().build().expect("a key");
    let local = || AuthLayer::tokens_only(users());
    let both = || AuthLayer::tokens_only(WithServices::new(users(), services()));
    let revoking = jwt().revocations(MemoryRevocations::new()).build().expect("a key");
    // The id that the verifier has cached: a request that comes first has the membership looked up by it.
    let verified = ready(revoking.user_info(&signed)).expect("a user");
    let revoking = || AuthLayer::tokens_only(revoking.clone());
    vec![
        request_case(WITH_JWT, of_user(local()), with_jwt.clone(), 200),
        request_case(WITH_JWT_AND_HEADERS, of_user(local()), naming_with_jwt.clone(), 200),
        request_case("… revocation", of_user(revoking()), with_jwt.clone(), 200),
        request_case(
            "… revocation, CurrentTenant, by default",
            of_tenant(revoking(), verified.id()),
            with_jwt.clone(),
            200,
        ),
        request_case(WITH_REVOCATION_AND_HEADERS, of_tenant(revoking(), verified.id()), naming_with_jwt, 200),
        request_case("… a layer of users and services", of_user(both()), with_jwt, 200),
    ]
}

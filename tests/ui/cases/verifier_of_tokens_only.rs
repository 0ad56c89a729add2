use aigc_auth::credential::BearerToken;
use aigc_auth::{AuthError, AuthLayer, UserInfo, Verify};

struct Tokens;

impl Verify<BearerToken> for Tokens {
    async fn verify(&self, _: BearerToken) -> Result<UserInfo, AuthError> {
        Ok(UserInfo::builder(1, "alice").build())
    }
}

fn main() {
    let _ = AuthLayer::new(Tokens);
}

//! Bind credentials to what a claim names.

use super::claim_path::ClaimPath;
use super::claims_mapping::ClaimsMapping;

impl ClaimsMapping {
    /// Binds credentials that have this claim to the organisation in it, a text or an integer: see
    /// [`UserInfoBuilder::bound_to`](crate::user::UserInfoBuilder::bound_to). Without the claim, a credential is bound to none.
    pub fn org_claim(mut self, path: impl Into<String>) -> Self {
        self.tenant.org = Some(ClaimPath::new(path));
        self
    }

    /// Binds credentials that have this claim to the team in it, too: a text or an integer, beside the
    /// [`org_claim`](Self::org_claim).
    pub fn team_claim(mut self, path: impl Into<String>) -> Self {
        self.tenant.team = Some(ClaimPath::new(path));
        self
    }
}

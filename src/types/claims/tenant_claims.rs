//! Read the organisation and the team that a credential is bound to.

use serde_json::{Map, Value};

use super::claim_path::ClaimPath;
use super::shown::type_of;
use crate::types::error::{AuthError, ErrorKind};
use crate::types::tenant::binding::TenantBinding;

/// Where the organisation and the team are read.
#[derive(Clone, Debug, Default)]
pub(super) struct TenantClaims {
    pub(super) org: Option<ClaimPath>,
    pub(super) team: Option<ClaimPath>,
}

impl TenantClaims {
    /// Reads the binding. A claim that is there and cannot be read is an error: the credential would be bound to nothing.
    pub(super) fn binding(&self, claims: &Map<String, Value>) -> Result<Option<TenantBinding>, AuthError> {
        let (org, team) = (id(self.org.as_ref(), claims)?, id(self.team.as_ref(), claims)?);
        match (org, team) {
            (None, None) => Ok(None),
            (Some(org), None) => Ok(Some(TenantBinding::to_org(org))),
            (Some(org), Some(team)) => Ok(Some(TenantBinding::to_org(org).and_team(team))),
            (None, Some(_)) => {
                Err(rejected("the token is bound to a team, and to no organisation".to_owned()))
            }
        }
    }
}

fn id(path: Option<&ClaimPath>, claims: &Map<String, Value>) -> Result<Option<String>, AuthError> {
    let Some(path) = path else { return Ok(None) };
    match path.of(claims) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(id)) if !id.is_empty() => Ok(Some(id.clone())),
        Some(Value::Number(id)) if id.is_i64() || id.is_u64() => Ok(Some(id.to_string())),
        Some(other) => Err(rejected(format!(
            "malformed `{}` claim: expected a non-empty string or an integer, found {}",
            path.as_str(),
            type_of(other)
        ))),
    }
}

fn rejected(detail: String) -> AuthError {
    AuthError::new(ErrorKind::InvalidCredential).with_detail(detail)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn binding_is_read_or_the_token_is_rejected() {
        let claims = TenantClaims {
            org: Some(ClaimPath::new("/app_metadata/org")),
            team: Some(ClaimPath::new("team")),
        };
        let org = TenantBinding::to_org;
        for (org_claim, team_claim, expected) in [
            (json!("acme"), json!(null), Ok(Some(org("acme")))),
            (json!(7), json!("design"), Ok(Some(org("7").and_team("design")))),
            (json!(-7), json!(null), Ok(Some(org("-7")))),
            (json!(u64::MAX), json!(null), Ok(Some(org("18446744073709551615")))),
            (json!(null), json!(null), Ok(None)),
            (json!("acme"), json!(""), Err(())),
            (json!(null), json!("design"), Err(())),
            (json!(""), json!(null), Err(())),
            (json!(["acme"]), json!(null), Err(())),
            (json!({"id": "acme"}), json!(null), Err(())),
            (json!(true), json!(null), Err(())),
            (json!(1.5), json!(null), Err(())),
        ] {
            let all = json!({"app_metadata": {"org": org_claim}, "team": team_claim});
            let binding = claims.binding(all.as_object().unwrap());
            assert_eq!(binding.map_err(|error| assert_eq!(error.status().as_u16(), 401)), expected, "{all}");
        }
        assert_eq!(claims.binding(&Map::new()).ok(), Some(None));
        assert_eq!(
            TenantClaims::default().binding(json!({"team": []}).as_object().unwrap()).ok(),
            Some(None)
        );
    }
}

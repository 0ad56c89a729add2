//! What a requirement means in a document's terms: alternatives, each a list of scopes.

use utoipa::openapi::path::Operation;
use utoipa::openapi::security::SecurityRequirement;

use super::scheme::BEARER;
use crate::types::requirement::Requirement;

/// More alternatives than this are not spelled out: `AllOf` of several `AnyOf` multiplies them.
const MOST_ALTERNATIVES: usize = 16;

/// The alternatives that fulfil a requirement, each with the names of all that it takes. At least one: an operation without
/// any would be open in a document.
///
/// Where there are too many, or none that anybody could fulfil, it is one without names.
pub(super) fn alternatives(requirement: &Requirement) -> Vec<Vec<String>> {
    let found = found(requirement).filter(|alternatives| !alternatives.is_empty());
    found.unwrap_or_else(|| vec![vec![]])
}

fn found(requirement: &Requirement) -> Option<Vec<Vec<String>>> {
    let alternatives = match requirement {
        single if single.is_of_caller() => vec![vec![]],
        Requirement::AllOf(members) => {
            members.iter().map(found).try_fold(vec![vec![]], |all, member| combine(&all, &member?))?
        }
        Requirement::AnyOf(members) => members
            .iter()
            .map(found)
            .collect::<Option<Vec<_>>>()?
            .into_iter()
            .flatten()
            .fold(vec![], distinct),
        single => vec![vec![single.to_string()]],
    };
    (alternatives.len() <= MOST_ALTERNATIVES).then_some(alternatives)
}

/// One of each.
fn combine(all: &[Vec<String>], member: &[Vec<String>]) -> Option<Vec<Vec<String>>> {
    let pairs = all.iter().flat_map(|one| member.iter().map(move |other| (one, other)));
    let combined = pairs.map(|(one, other)| one.iter().chain(other).cloned().fold(vec![], distinct));
    let combined = combined.fold(vec![], distinct);
    (combined.len() <= MOST_ALTERNATIVES).then_some(combined)
}

fn distinct<T: PartialEq>(mut all: Vec<T>, one: T) -> Vec<T> {
    if !all.contains(&one) {
        all.push(one);
    }
    all
}

/// The scopes of each alternative that an operation has already, by whatever scheme; of an operation that says nothing, one
/// alternative without scopes.
pub(crate) fn scopes(operation: &Operation) -> Vec<Vec<String>> {
    let mut all = vec![];
    for requirement in operation.security.iter().flatten() {
        // It has no getters.
        if let Ok(serde_json::Value::Object(schemes)) = serde_json::to_value(requirement) {
            let scopes = schemes.values().filter_map(|scopes| scopes.as_array());
            let scopes: Vec<_> =
                scopes.flatten().filter_map(|scope| scope.as_str().map(str::to_owned)).collect();
            if !schemes.is_empty() {
                all = distinct(all, scopes);
            }
        }
    }
    if all.is_empty() { vec![vec![]] } else { all }
}

/// Whether an operation may be called without a credential, as far as its handler says.
pub(crate) fn is_optional(operation: &Operation) -> bool {
    operation.security.as_ref().is_none_or(|security| security.contains(&SecurityRequirement::default()))
}

/// Adds what callers need to what the operation has, under the name of the usual scheme.
pub(super) fn add(operation: &mut Operation, requirement: &Requirement) {
    let mut names_caller = matches!(requirement, Requirement::AnyOf(members) if members.is_empty());
    let mut needs_caller = names_caller;
    requirement.visit(&mut |single| {
        names_caller = true;
        needs_caller |= !matches!(single, Requirement::OptionalUser | Requirement::OptionalMember);
    });
    if !names_caller {
        return;
    }
    let is_optional = !needs_caller && is_optional(operation);
    let all = combine(&scopes(operation), &alternatives(requirement)).unwrap_or_else(|| vec![vec![]]);
    let required = all.into_iter().map(|scopes| SecurityRequirement::new(BEARER, scopes));
    let anonymous = is_optional.then(SecurityRequirement::default);
    operation.security = Some(anonymous.into_iter().chain(required).collect());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::code::Code;

    fn code(code: &'static str) -> Requirement {
        Requirement::Permission(Code::new(code, ""))
    }

    #[test]
    fn alternatives_spell_out_what_is_enough() {
        use Requirement::{Admin, AllOf, AnyOf, Service, User};
        let any = |codes: &[&'static str]| AnyOf(codes.iter().copied().map(code).collect());
        let wide = || any(&["a", "b", "c", "d", "e"]);
        for (requirement, expected) in [
            (User, vec![vec![]]),
            (code("a"), vec![vec!["a"]]),
            (Admin, vec![vec!["the admin flag"]]),
            (AllOf(vec![]), vec![vec![]]),
            // Never an empty list, which means that it is open.
            (any(&[]), vec![vec![]]),
            (AllOf(vec![code("a"), any(&[])]), vec![vec![]]),
            (AllOf(vec![code("a"), code("b"), code("a")]), vec![vec!["a", "b"]]),
            (any(&["a", "b", "a"]), vec![vec!["a"], vec!["b"]]),
            (AllOf(vec![code("a"), any(&["b", "c"])]), vec![vec!["a", "b"], vec!["a", "c"]]),
            (
                AllOf(vec![any(&["a", "b"]), any(&["a", "c"])]),
                vec![vec!["a"], vec!["a", "c"], vec!["b", "a"], vec!["b", "c"]],
            ),
            (
                AnyOf(vec![AllOf(vec![code("a"), code("b")]), Admin]),
                vec![vec!["a", "b"], vec!["the admin flag"]],
            ),
            (AllOf(vec![Service, code("a")]), vec![vec!["a"]]),
            // 25 of them.
            (AllOf(vec![wide(), any(&["f", "g", "h", "i", "j"])]), vec![vec![]]),
            (AllOf((0..32).map(|_| AllOf(vec![wide(), Admin])).collect()), vec![vec![]]),
        ] {
            assert_eq!(alternatives(&requirement), expected, "{requirement}");
        }
    }
}

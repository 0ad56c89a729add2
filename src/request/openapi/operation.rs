//! Describe what an operation requires.

use std::collections::BTreeMap;
use std::fmt::Write;

use http::HeaderName;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Required};

use super::security;
use crate::types::requirement::Requirement;

/// The headers by which a caller says more, under the names that they have unless a layer sets others.
pub(super) const ACT_AS: &str = "X-Act-As-User-Id";
pub(super) const ORG: &str = "X-Org-Id";
pub(super) const TEAM: &str = "X-Team-Id";

/// Says what an operation requires: in its security, its description and its parameters.
pub(super) fn describe(operation: &mut Operation, requirement: &Requirement) {
    security::add(operation, requirement);
    let text = text(requirement);
    if !text.is_empty() {
        let description = operation.description.get_or_insert_default();
        let gap = if description.is_empty() { "" } else { "\n\n" };
        description.push_str(gap);
        description.push_str(&text);
    }
    requirement.visit(&mut |single| match single {
        Requirement::ActingUser => header(operation, ACT_AS, "Of an admin: the id of the user to act as."),
        Requirement::Member
        | Requirement::OptionalMember
        | Requirement::OrgAction(_)
        | Requirement::TeamAction(_) => {
            header(operation, ORG, "The organisation that the request is about.");
            header(operation, TEAM, "The team of it, if the request is about one.");
            header(operation, ACT_AS, "Of an admin: the id of the user to act as.");
        }
        _ => {}
    });
}

/// What to read of it: the rights, and what they are for.
fn text(requirement: &Requirement) -> String {
    let (mut rights, mut is_service) = (BTreeMap::new(), false);
    requirement.visit(&mut |single| match single {
        Requirement::Service => is_service = true,
        Requirement::Permission(code) | Requirement::Role(code) | Requirement::Group(code) => {
            rights.insert(single.to_string(), code.description.to_owned());
        }
        Requirement::OrgAction(action) | Requirement::TeamAction(action) => {
            let roles = format!("of the roles {}", action.roles.join(", "));
            let gap = if action.description.is_empty() { "" } else { " " };
            rights.insert(single.to_string(), format!("{}{gap}{roles}", action.description));
        }
        single if single.is_of_caller() => {}
        single => {
            rights.insert(single.to_string(), String::new());
        }
    });
    let mut text = if is_service { "For services only. ".to_owned() } else { String::new() };
    let is_unsatisfiable = matches!(requirement, Requirement::AnyOf(members) if members.is_empty());
    if !rights.is_empty() || is_unsatisfiable {
        let _ = write!(text, "Requires `{}`.", without_caller(requirement));
    }
    let mut described = rights.iter().filter(|(_, description)| !description.is_empty()).peekable();
    if described.peek().is_some() {
        text.push('\n');
    }
    for (right, description) in described {
        let _ = write!(text, "\n- `{right}`: {description}");
    }
    text.trim_end().to_owned()
}

/// The requirement without what is said of the caller otherwise.
fn without_caller(requirement: &Requirement) -> Requirement {
    let rest = |members: &[Requirement]| -> Vec<_> {
        members.iter().filter(|member| !member.is_of_caller()).map(without_caller).collect()
    };
    match requirement {
        Requirement::AllOf(members) => match &*rest(members) {
            [single] => single.clone(),
            several => Requirement::AllOf(several.to_vec()),
        },
        Requirement::AnyOf(members) => Requirement::AnyOf(rest(members)),
        single => single.clone(),
    }
}

/// Adds a header that may be sent, unless the operation has it.
fn header(operation: &mut Operation, name: &str, description: &str) {
    if parameter(operation, name).is_some() {
        return;
    }
    let header = ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .build();
    operation.parameters.get_or_insert_default().push(RefOr::T(header));
}

/// Gives the headers of the organisation and the team the names that a layer has for them.
pub(crate) fn rename_tenant_headers(operation: &mut Operation, names: [&HeaderName; 2]) {
    for (usual, name) in [ORG, TEAM].into_iter().zip(names) {
        if let Some(header) = parameter(operation, usual)
            && !usual.eq_ignore_ascii_case(name.as_str())
        {
            header.name = name.to_string();
        }
    }
}

/// The header of this name among an operation's parameters.
pub(super) fn parameter<'a>(operation: &'a mut Operation, name: &str) -> Option<&'a mut Parameter> {
    operation.parameters.iter_mut().flatten().find_map(|parameter| match parameter {
        RefOr::T(parameter)
            if matches!(parameter.parameter_in, ParameterIn::Header)
                && parameter.name.eq_ignore_ascii_case(name) =>
        {
            Some(parameter)
        }
        _ => None,
    })
}

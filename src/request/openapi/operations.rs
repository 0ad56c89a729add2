//! The operations of a document.

use utoipa::openapi::OpenApi;
use utoipa::openapi::path::{Operation, PathItem, Paths};

/// All operations, with their paths.
pub(crate) fn of_document(api: &mut OpenApi) -> impl Iterator<Item = (&str, &mut Operation)> {
    of_paths(&mut api.paths)
}

pub(super) fn of_paths(paths: &mut Paths) -> impl Iterator<Item = (&str, &mut Operation)> {
    paths.paths.iter_mut().flat_map(|(path, item)| of_item(item).map(|operation| (&**path, operation)))
}

fn of_item(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem {
        get, put, post, delete, options, head, patch, trace, query, additional_operations, ..
    } = item;
    let named = [get, put, post, delete, options, head, patch, trace, query];
    named.into_iter().flatten().chain(additional_operations.values_mut())
}

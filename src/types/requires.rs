use crate::types::requirement::Requirement;

/// An extractor that requires something of callers, and says what. All extractors of this crate implement it.
///
/// Implement it for an extractor of your own that calls one of these inside, so that documents of its handlers say what it
/// requires:
///
/// ```
/// use aigc_auth::permission::{Requirement, Requires};
/// use aigc_auth::{CurrentUser, requirement_of};
///
/// /// Calls `CurrentUser` inside.
/// struct Company(String);
///
/// impl Requires for Company {
///     fn requirement() -> Requirement {
///         CurrentUser::requirement()
///     }
/// }
///
/// async fn invoices(_: Company) {}
///
/// assert_eq!(requirement_of!(invoices), Requirement::User);
/// ```
pub trait Requires {
    /// Returns what callers need for it.
    fn requirement() -> Requirement;
}

/// A handler that decides itself about what was rejected.
impl<T: Requires, E> Requires for Result<T, E> {
    fn requirement() -> Requirement {
        Requirement::AllOf(Vec::new())
    }
}

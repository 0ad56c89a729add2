//! Read what a handler requires from the types of its arguments.

use std::fmt;
use std::marker::PhantomData;

use crate::types::requirement::Requirement;
use crate::types::requires::Requires;

/// Returns the [`Requirement`](crate::permission::Requirement) of a handler: what its arguments require together.
///
/// It is read from the function's signature by the compiler. Arguments of types without
/// [`Requires`](crate::permission::Requires), such as `Json<T>`, require nothing; so do extractors of your own, unless they
/// implement it.
///
/// ```
/// use aigc_auth::{RequirePermission, permissions, requirement_of};
/// use axum::Json;
///
/// permissions! {
///     pub WriteReports = "report:write";
/// }
///
/// async fn write(_: RequirePermission<WriteReports>, Json(text): Json<String>) -> String {
///     text
/// }
///
/// assert_eq!(requirement_of!(write).to_string(), "report:write");
/// ```
#[macro_export]
macro_rules! requirement_of {
    ($handler:path) => {{
        #[allow(unused_imports)]
        use $crate::__handler::{Known as _, Unknown as _};
        let of = $crate::__handler::arguments(&$handler);
        #[allow(clippy::needless_borrow)]
        $crate::__handler::all([
            (&of.0).requirement(),
            (&of.1).requirement(),
            (&of.2).requirement(),
            (&of.3).requirement(),
            (&of.4).requirement(),
            (&of.5).requirement(),
            (&of.6).requirement(),
            (&of.7).requirement(),
            (&of.8).requirement(),
            (&of.9).requirement(),
            (&of.10).requirement(),
            (&of.11).requirement(),
            (&of.12).requirement(),
            (&of.13).requirement(),
            (&of.14).requirement(),
            (&of.15).requirement(),
        ])
    }};
}

/// The type of an argument.
pub struct Argument<T>(PhantomData<fn() -> T>);

impl<T> fmt::Debug for Argument<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Argument")
    }
}

/// In place of arguments that a handler does not have.
#[derive(Debug)]
pub enum Absent {}

/// An argument that says what it requires.
pub trait Known {
    /// Returns what it requires.
    fn requirement(&self) -> Option<Requirement>;
}

impl<T: Requires> Known for Argument<T> {
    fn requirement(&self) -> Option<Requirement> {
        Some(T::requirement())
    }
}

/// Any other argument: found only where `Known` is not, for it takes one more reference.
pub trait Unknown {
    /// Returns nothing.
    fn requirement(&self) -> Option<Requirement> {
        None
    }
}

impl<T> Unknown for &Argument<T> {}

/// A function that axum takes for a handler.
pub trait HasArguments<Arguments> {
    /// Sixteen times an `Argument`, as many as handlers may have.
    type Types;

    /// Returns them.
    fn types() -> Self::Types;
}

macro_rules! handlers {
    // One more argument with each step, and one place less that stays empty.
    (@ [$($argument:ident)*] [$($rest:ident)*] [$($absent:ident)*]) => {
        impl<Function, Future, $($argument),*> HasArguments<($($argument,)*)> for Function
        where
            Function: FnOnce($($argument),*) -> Future,
        {
            type Types = ($(Argument<$argument>,)* $(Argument<$absent>,)*);

            fn types() -> Self::Types {
                ($(Argument::<$argument>(PhantomData),)* $(Argument::<$absent>(PhantomData),)*)
            }
        }
        handlers! { @next [$($argument)*] [$($rest)*] [$($absent)*] }
    };
    (@next [$($argument:ident)*] [$first:ident $($rest:ident)*] [$filled:ident $($absent:ident)*]) => {
        handlers! { @ [$($argument)* $first] [$($rest)*] [$($absent)*] }
    };
    (@next [$($argument:ident)*] [] []) => {};
}
handlers! { @ []
    [A B C D E F G H I J K L M N O P]
    [Absent Absent Absent Absent Absent Absent Absent Absent Absent Absent Absent Absent Absent Absent Absent Absent]
}

/// The types of a handler's arguments.
pub fn arguments<H: HasArguments<Arguments>, Arguments>(_: &H) -> H::Types {
    H::types()
}

/// What arguments require together.
pub fn all(arguments: [Option<Requirement>; 16]) -> Requirement {
    let mut known: Vec<_> = arguments.into_iter().flatten().collect();
    match known.len() {
        1 => known.remove(0),
        _ => Requirement::AllOf(known),
    }
}

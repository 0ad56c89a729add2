//! Combine requirements by `AllOf` and `AnyOf`.

/// Implements a trait of requirements on `$of` for combinations of up to eight members, by its `is_granted`,
/// `describe` and `requirement`.
macro_rules! combinations {
    ($trait:ident, $of:ty) => {
        combinations! { $trait, $of:
            A;
            A B;
            A B C;
            A B C D;
            A B C D E;
            A B C D E F;
            A B C D E F G;
            A B C D E F G H;
        }
    };
    ($trait:ident, $of:ty: $($first:ident $($member:ident)*;)*) => {$(
        impl<$first: $trait, $($member: $trait),*> $trait for AllOf<($first, $($member,)*)> {
            fn is_granted(of: &$of) -> bool {
                $first::is_granted(of) $(&& $member::is_granted(of))*
            }

            fn describe(f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("(")?;
                $first::describe(f)?;
                $(f.write_str(" and ")?; $member::describe(f)?;)*
                f.write_str(")")
            }

            fn requirement() -> Requirement {
                Requirement::AllOf(vec![$first::requirement(), $($member::requirement()),*])
            }
        }

        impl<$first: $trait, $($member: $trait),*> $trait for AnyOf<($first, $($member,)*)> {
            fn is_granted(of: &$of) -> bool {
                $first::is_granted(of) $(|| $member::is_granted(of))*
            }

            fn describe(f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("(")?;
                $first::describe(f)?;
                $(f.write_str(" or ")?; $member::describe(f)?;)*
                f.write_str(")")
            }

            fn requirement() -> Requirement {
                Requirement::AnyOf(vec![$first::requirement(), $($member::requirement()),*])
            }
        }
    )*};
}
pub(crate) use combinations;

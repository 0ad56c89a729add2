use crate::types::error::BuildError;

/// Defines an enum whose variants have a name at the auth center, and are parsed from an environment variable.
macro_rules! string_enum {
    (
        $(#[$doc:meta])*
        $enum:ident, $variable:literal, $default:ident { $($(#[$of:meta])* $variant:ident = $name:literal),+ $(,)? }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $enum {
            $($(#[$of])* $variant,)+
        }

        impl Default for $enum {
            fn default() -> Self {
                Self::$default
            }
        }

        impl $enum {
            /// Returns the name at the auth center.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// Parses the value of the environment variable, in any case.
            pub(super) fn parse(text: &str) -> Result<Self, BuildError> {
                match text.to_ascii_lowercase().as_str() {
                    $($name => Ok(Self::$variant),)+
                    _ => {
                        let names = [$($name),+].join(", ");
                        Err(BuildError::new(format!(concat!($variable, " is `{}`, and must be one of: {}"), text, names)))
                    }
                }
            }
        }
    };
}

string_enum! {
    /// The type of a service.
    ServiceType, "AIGC_SERVICE_TYPE", Other {
        /// A website.
        Website = "website",
        /// A plugin.
        Plugin = "plugin",
        /// An MCP server.
        Mcp = "mcp",
        /// Any other service. The default.
        Other = "other",
    }
}

string_enum! {
    /// The environment that an instance of a service runs in.
    Environment, "AIGC_SERVICE_ENV", Pro {
        /// Tests.
        Test = "test",
        /// Staging, before production.
        Pre = "pre",
        /// Production. The default.
        Pro = "pro",
    }
}

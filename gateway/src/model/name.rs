//! How is a noun named? Each by a type of its own, so that none is taken for another.

/// Makes a type of names: text that is cheap to clone.
macro_rules! name {
    ($(#[$meta:meta])* $type:ident, $noun:literal) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub struct $type(std::sync::Arc<str>);

        impl $type {
            #[doc = concat!("The ", $noun, " called `name`.")]
            #[must_use]
            pub fn new(name: &str) -> Self {
                Self(std::sync::Arc::from(name))
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

pub(in crate::model) use name;

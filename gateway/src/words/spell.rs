//! How is a word that is one of a few written? One list for reading it and for showing it.

/// Gives `FromStr` and `Display` to a type whose values are plain words.
macro_rules! spell {
    ($type:ty { $($text:literal => $value:path),+ $(,)? }) => {
        impl std::str::FromStr for $type {
            type Err = $crate::words::Misread;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok($value),)+
                    _ => Err($crate::words::Misread::default()),
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(match self { $($value => $text,)+ })
            }
        }
    };
}

pub(in crate::words) use spell;

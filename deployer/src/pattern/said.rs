//! How are the gateway's words said in code? By methods of the same names, whose values are written as the
//! words write them.

use std::time::Duration;

use metaparticle_gateway::words::unit;

/// A value that a word may have: a time, a number, or the text of the word.
pub trait Word {
    /// As the word writes it.
    fn written(self) -> String;
}

impl Word for Duration {
    fn written(self) -> String {
        unit::show_time(self)
    }
}

impl Word for &str {
    fn written(self) -> String {
        self.to_owned()
    }
}

impl Word for u32 {
    fn written(self) -> String {
        self.to_string()
    }
}

impl Word for f64 {
    fn written(self) -> String {
        self.to_string()
    }
}

/// Methods that say words of the gateway.
macro_rules! say {
    ($type:ident { $($(#[$about:meta])* $method:ident: $word:literal)* }) => {
        impl $type {
            $(
                $(#[$about])*
                #[doc = concat!("\n\nThe gateway's word `", $word, "`.")]
                pub fn $method(mut self, value: impl Word) -> Self {
                    self.0.say($word, value.written());
                    self
                }
            )*
        }
    };
}

/// What every pattern may say.
macro_rules! say_common {
    ($($type:ident)*) => { $(
        say!($type {
            /// From a request's head to the head of its answer.
            timeout: "timeout"
            /// Attempts after the first, of what may be sent twice.
            retries: "retries"
            /// Which replica is the best one, where several would do.
            balance: "balance"
            /// Bytes of a body.
            max_body: "max-body"
            /// Leaves in flight for this service, in one process.
            max_concurrency: "max-concurrency"
        });

        impl $type {
            /// Who is outside may ask it: at `/`, or where it is not the only public one, at `/NAME`.
            pub fn public(mut self) -> Self {
                self.0.front.get_or_insert_default();
                self
            }

            /// Public, at this path and all below it.
            pub fn at(mut self, path: &str) -> Self {
                self.0.front.get_or_insert_default().path = Some(path.to_owned());
                self
            }

            /// Public, for those who ask for this host.
            pub fn host(mut self, host: &str) -> Self {
                self.0.front.get_or_insert_default().host = Some(host.to_owned());
                self
            }

            /// Any word of the gateway, as an annotation has it, without the prefix.
            pub fn word(mut self, name: &'static str, value: impl Word) -> Self {
                self.0.say(name, value.written());
                self
            }
        }
    )* };
}

/// Settings of what runs: where `$field` has them.
macro_rules! say_settings {
    ($($type:ident: $($field:tt).+;)*) => { $(
        impl $type {
            /// A setting, read with [`Context::setting`](crate::context::Context::setting), and an environment
            /// variable in the pods. No other variable of whoever deploys is copied.
            pub fn env(mut self, name: &str, value: &str) -> Self {
                self.$($field).+.push((name.to_owned(), Setting::Value(value.to_owned())));
                self
            }

            /// A setting that is not written down: in the pods from `KEY` of the Secret, both named as
            /// `"SECRET/KEY"`; locally from the environment variable `name`.
            pub fn secret(mut self, name: &str, from: &str) -> Self {
                self.$($field).+.push((name.to_owned(), Setting::Secret(from.to_owned())));
                self
            }
        }
    )* };
}

pub(in crate::pattern) use {say, say_common, say_settings};

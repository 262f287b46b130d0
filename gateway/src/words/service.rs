//! What language does a replica speak?

use crate::words::spell::spell;

/// The protocol that a service's replicas speak (`protocol` in a file; `appProtocol` on Kubernetes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Protocol {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2 with prior knowledge, without TLS.
    H2c,
    /// HTTP/1.1 over TLS.
    Https,
}

spell!(Protocol { "http1" => Self::Http1, "h2c" => Self::H2c, "https" => Self::Https });

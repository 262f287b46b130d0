//! What language does a replica speak?

/// The protocol that a service's replicas speak (`protocol` in a file; `appProtocol` on Kubernetes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Protocol {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2 with prior knowledge, without TLS.
    H2c,
}

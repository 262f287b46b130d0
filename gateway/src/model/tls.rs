//! How does a replica that speaks TLS prove what it is?

/// What is asked of a service's replicas before anything is sent to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The name that their certificates have; none is the address of each.
    pub name: Option<Box<str>>,
    /// Whose word is taken.
    pub trust: Authorities,
}

/// Whose word for a certificate is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authorities {
    /// That of those whom this system trusts.
    System,
    /// Nobody's: whoever answers is believed.
    Unasked,
    /// That of those in a PEM file.
    File(Box<str>),
    /// That of these certificates, in DER; of none, where none is known yet.
    These(Box<[Box<[u8]>]>),
}

//! Which certificate do all show? One for loopback that is made for this run.

use std::path::PathBuf;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::CertificateDer;

use crate::process::Folder;

/// A certificate and its key, in the files that gateways want them in.
#[derive(Debug)]
pub(crate) struct Certificate {
    pub(crate) chain: PathBuf,
    pub(crate) key: PathBuf,
    /// Both, in one file.
    pub(crate) both: PathBuf,
    pub(crate) der: CertificateDer<'static>,
    _folder: Folder,
}

impl Certificate {
    pub(crate) fn make() -> anyhow::Result<Self> {
        let folder = Folder::new("certificate")?;
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()])?;
        let (chain, key) = (cert.pem(), signing_key.serialize_pem());
        Ok(Self {
            both: folder.write("both.pem", &format!("{chain}{key}"))?,
            chain: folder.write("chain.pem", &chain)?,
            key: folder.write("key.pem", &key)?,
            der: cert.der().clone(),
            _folder: folder,
        })
    }
}

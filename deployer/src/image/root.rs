//! What does every program expect to find? Users with names, how hosts are looked up, a folder for what is
//! temporary, and the authorities whose certificates are believed.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::layer::Tree;
use super::{Certificates, Fault, read};

/// Where the authorities stand: Debian's place, where most libraries look.
pub(super) const AUTHORITIES: &str = "etc/ssl/certs/ca-certificates.crt";

const PASSWD: &str = "root:x:0:0:root:/root:/sbin/nologin\n\
    nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n\
    nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n";
const GROUP: &str = "root:x:0:\nnobody:x:65534:\nnonroot:x:65532:\n";
const NSSWITCH: &str = "passwd: files\ngroup: files\nhosts: files dns\n";

pub(super) fn tree(certificates: &Certificates) -> Result<Tree, Fault> {
    let mut tree = Tree::default();
    tree.file("etc/passwd", 0o644, PASSWD);
    tree.file("etc/group", 0o644, GROUP);
    tree.file("etc/nsswitch.conf", 0o644, NSSWITCH);
    tree.folder("tmp", 0o1777);
    match certificates {
        Certificates::Mozilla => tree.file(AUTHORITIES, 0o644, mozilla()),
        Certificates::File(path) => tree.file(AUTHORITIES, 0o644, read(path)?),
        Certificates::None => {}
    }
    Ok(tree)
}

fn mozilla() -> String {
    let mut bundle = String::new();
    for certificate in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
        let text = BASE64_STANDARD.encode(certificate);
        bundle.push_str("-----BEGIN CERTIFICATE-----\n");
        let lines = text.as_bytes().chunks(64).map(String::from_utf8_lossy);
        lines.for_each(|line| {
            bundle.push_str(&line);
            bundle.push('\n');
        });
        bundle.push_str("-----END CERTIFICATE-----\n");
    }
    bundle
}

//! Is TLS spoken, with the protocol that the client chooses and the certificate of today?

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::client::{Client, ask};
use crate::curl::curl;
use crate::replica::{Replica, Told, full};
use crate::world::{Folder, Gateway, soon, web};

/// A certificate for `localhost` that vouches for itself.
struct Certificate {
    der: CertificateDer<'static>,
    chain: String,
    key: String,
}

impl Certificate {
    fn new() -> Self {
        let names = vec!["localhost".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
        let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        Self { der: made.cert.der().clone(), chain, key }
    }

    fn write(&self, folder: &Folder) {
        folder.write("key.pem", &self.key);
        folder.write("chain.pem", &self.chain);
    }
}

/// A gateway that shows `certificate`, and the replica behind it.
async fn start(certificate: &Certificate) -> (Gateway, Replica, Told) {
    let (replica, told) = Replica::telling().await;
    let folder = Folder::new();
    certificate.write(&folder);
    let (chain, key) = (folder.path("chain.pem"), folder.path("key.pem"));
    let (chain, key) = (chain.to_string_lossy(), key.to_string_lossy());
    let listen = ["--tls-listen", "127.0.0.1:0", "--tls-certificate", &chain, "--tls-key", &key];
    let flags = [&listen[..], &["--drain-delay", "10ms"]].concat();
    let gateway = Gateway::serve_with(&web("", &[replica.address]), folder, &flags).await;
    (gateway, replica, told)
}

/// Shakes hands, offering `protocols` and trusting `certificates`.
async fn shake(
    address: SocketAddr,
    protocols: &[&str],
    certificates: &[&Certificate],
) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate.der.clone()).expect("a certificate");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut config = config.expect("versions").with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let stream = TcpStream::connect(address).await.expect("a gateway that accepts");
    let name = ServerName::try_from("localhost").expect("a name");
    let connector = TlsConnector::from(Arc::new(config));
    soon("a handshake", connector.connect(name, stream)).await.expect("a handshake")
}

fn shown(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    let certificates = stream.get_ref().1.peer_certificates().expect("a certificate");
    certificates[0].clone().into_owned()
}

#[tokio::test]
async fn the_client_chooses_the_protocol() {
    let certificate = Certificate::new();
    let (gateway, _replica, _told) = start(&certificate).await;
    let address = gateway.secure.expect("an address");
    for (offered, chosen) in
        [(&["h2", "http/1.1"][..], Some("h2")), (&["http/1.1"], Some("http/1.1")), (&[], None)]
    {
        let stream = shake(address, offered, &[&certificate]).await;
        assert_eq!(stream.get_ref().1.alpn_protocol(), chosen.map(str::as_bytes), "{offered:?}");
    }
}

#[tokio::test]
async fn a_replica_learns_that_it_was_tls() {
    let certificate = Certificate::new();
    let (gateway, _replica, mut told) = start(&certificate).await;
    let address = gateway.secure.expect("an address");
    let stream = shake(address, &["h2"], &[&certificate]).await;
    let mut client = Client::http2_over(stream).await;
    assert_eq!(client.whole(ask("GET", "/", full(""))).await.0, 200);
    let seen = told.next().await;
    assert_eq!(seen.header("x-forwarded-proto"), Some("https"));
    assert_eq!(seen.header("forwarded"), Some("for=127.0.0.1;proto=https"));
}

#[tokio::test]
async fn curl_trusts_it() {
    let certificate = Certificate::new();
    let (gateway, _replica, _told) = start(&certificate).await;
    let chain = gateway.folder().path("chain.pem");
    let chain = chain.to_string_lossy();
    let url = format!("https://localhost:{}/", gateway.secure.expect("an address").port());
    for (flag, version) in [("--http2", "2"), ("--http1.1", "1.1")] {
        let format = "%{http_version} %{http_code}";
        let said = curl(&["--cacert", &chain, flag, "--write-out", format, &url]).await;
        assert_eq!(said, format!("ok\n{version} 200"));
    }
}

#[tokio::test]
async fn a_new_certificate_is_shown_and_a_wrong_one_is_not() {
    let (first, second) = (Certificate::new(), Certificate::new());
    let (mut gateway, _replica, _told) = start(&first).await;
    let address = gateway.secure.expect("an address");
    let both = [&first, &second];
    let old = shake(address, &["h2"], &both).await;
    assert_eq!(shown(&old), first.der);
    gateway.folder().write("chain.pem", "this is no certificate\n");
    gateway.says("the last certificate is shown on").await;
    assert_eq!(shown(&shake(address, &["h2"], &both).await), first.der);
    second.write(gateway.folder());
    gateway.says("the certificate was read again").await;
    assert_eq!(shown(&shake(address, &["h2"], &both).await), second.der);
    // Who had shaken hands before is served on.
    let mut client = Client::http2_over(old).await;
    assert_eq!(client.whole(ask("GET", "/", full(""))).await.0, 200);
}

#[tokio::test]
async fn who_speaks_no_tls_does_not_hinder_the_next() {
    let certificate = Certificate::new();
    let (gateway, _replica, mut told) = start(&certificate).await;
    let address = gateway.secure.expect("an address");
    let mut raw = crate::client::Raw::connect(address).await;
    raw.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    raw.closed().await;
    told.nothing_more();
    shake(address, &["h2"], &[&certificate]).await;
}

#[tokio::test]
async fn who_rests_is_told_that_nothing_more_comes() {
    let certificate = Certificate::new();
    let (gateway, _replica, _told) = start(&certificate).await;
    let address = gateway.secure.expect("an address");
    let mut stream = shake(address, &["http/1.1"], &[&certificate]).await;
    gateway.terminate().await;
    // Without the word that TLS has for it, this would be an error.
    let end = soon("the connection's end", stream.read(&mut [0])).await;
    assert_eq!(end.expect("an end that was said"), 0);
}

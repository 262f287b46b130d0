//! Are replicas that speak TLS asked only when they are the right ones, and over few connections?

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use http::Response;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;

use crate::client::{Client, ask};
use crate::replica::{Replica, full};
use crate::world::{Folder, Gateway, web};

/// A replica that speaks TLS and answers with what it is sent.
struct Secure {
    replica: Replica,
    /// How often hands were shaken.
    shaken: Arc<AtomicUsize>,
    /// The authority of its certificate.
    authority: String,
}

impl Secure {
    async fn start() -> Self {
        let names = vec!["replica.example".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .expect("a certificate and its key");
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let shaken = Arc::<AtomicUsize>::default();
        let count = Arc::clone(&shaken);
        let replica = Replica::raw(move |stream| {
            let (acceptor, count) = (acceptor.clone(), Arc::clone(&count));
            async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                count.fetch_add(1, Relaxed);
                let service = service_fn(async |request: http::Request<Incoming>| {
                    let whole = request.into_body().collect().await?.to_bytes();
                    Ok::<_, hyper::Error>(Response::new(full(whole)))
                });
                let builder = Builder::new(TokioExecutor::new());
                builder.serve_connection(TokioIo::new(stream), service).await.ok();
            }
        })
        .await;
        Self { replica, shaken, authority: made.cert.pem() }
    }

    /// A gateway before it that is told these words.
    async fn gateway(&self, words: &str) -> Gateway {
        let folder = Folder::new();
        let authority = folder.write("ca.pem", &self.authority);
        let words = words.replace("CA", &authority.to_string_lossy());
        let file = web(&format!("protocol: https\n{words}"), &[self.replica.address]);
        Gateway::serve_with(&file, folder, &[]).await
    }
}

#[tokio::test]
async fn bodies_go_over_tls_both_ways_and_connections_are_used_again() {
    let secure = Secure::start().await;
    let gateway = secure.gateway("tls-verify: file:CA\ntls-server-name: replica.example").await;
    let mut client = Client::http1(gateway.address).await;
    for size in [0, 10, 100_000, 3_000_000, 1] {
        let sent = vec![b'x'; size];
        let (status, body) = client.whole(ask("POST", "/", full(sent.clone()))).await;
        assert_eq!((status.as_u16(), body.len()), (200, size));
        assert!(body == sent);
    }
    assert_eq!(secure.shaken.load(Relaxed), 1, "one after the other goes over one");
}

/// What comes of a request where `words` are said of a replica whose certificate is its own.
async fn check(words: &str, expected: Result<(), &str>) {
    let secure = Secure::start().await;
    let gateway = secure.gateway(words).await;
    let mut client = Client::http1(gateway.address).await;
    let (status, body) = client.whole(ask("GET", "/", full(""))).await;
    let text = String::from_utf8_lossy(&body);
    match expected {
        Ok(()) => assert_eq!(status, 200, "{words}: {text}"),
        Err(why) => {
            assert_eq!(status, 502, "{words}: {text}");
            assert!(text.contains(why), "{words}: {text}");
            assert_eq!(secure.shaken.load(Relaxed), 0, "{words}: nothing was sent to it");
        }
    }
}

#[tokio::test]
async fn whoever_is_not_known_to_be_the_right_one_is_sent_nothing() {
    let told = "say whose word is taken and for which name, in tls-verify and tls-server-name";
    check("tls-server-name: replica.example", Err("tls-verify")).await;
    check("tls-verify: file:CA\ntls-server-name: other.example", Err(told)).await;
    check("tls-verify: file:/nowhere.pem", Err("cannot read `/nowhere.pem`")).await;
    check("tls-verify: file:CA", Ok(())).await;
    check("tls-verify: off", Ok(())).await;
    check("tls-verify: off\ntls-server-name: other.example", Ok(())).await;
}

#[tokio::test]
async fn who_speaks_no_tls_is_told_so() {
    let (replica, _told) = Replica::telling().await;
    let gateway =
        Gateway::serve(&web("protocol: https\ntls-verify: off", &[replica.address])).await;
    let mut client = Client::http1(gateway.address).await;
    let (status, body) = client.whole(ask("GET", "/", full(""))).await;
    assert_eq!(status, 502, "{}", String::from_utf8_lossy(&body));
}

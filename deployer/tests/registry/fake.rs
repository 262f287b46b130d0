//! What is a registry that a test can look into? The protocol in memory: it counts what it gets, wants to know
//! who asks as it is told to, and fails when it is told to.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use metaparticle::image::Digest;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// How it wants to be told who asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Wants {
    #[default]
    Nothing,
    Basic,
    Bearer,
    /// A token for an identity token.
    Identity,
}

/// How it names the place of an upload.
#[derive(Clone, Debug, Default)]
pub(crate) enum Names {
    #[default]
    Relative,
    Absolute,
    WithQuery,
    /// In another registry.
    Elsewhere(SocketAddr),
    /// In another that anybody on the way can read.
    Unprotected,
}

/// What it does once instead of what it should.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fails {
    With(StatusCode, &'static [(&'static str, &'static str)], &'static str),
    /// The connection ends in the middle of the request.
    Breaks,
    /// Every token that was granted is void from now on.
    Forgets,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) wants: Wants,
    pub(crate) names: Names,
    pub(crate) mounts: bool,
    /// What fails, by the beginning of `METHOD /path`.
    pub(crate) fails: VecDeque<(&'static str, Fails)>,
    pub(crate) lies: bool,
    pub(crate) blobs: BTreeMap<String, Bytes>,
    pub(crate) manifests: BTreeMap<String, Bytes>,
    pub(crate) uploaded: usize,
    pub(crate) asked: Vec<String>,
    pub(crate) told: Vec<Option<String>>,
    pub(crate) scopes: Vec<String>,
    tokens: BTreeSet<String>,
    granted: usize,
}

pub(crate) struct Fake {
    pub(crate) address: SocketAddr,
    pub(crate) state: Arc<Mutex<State>>,
    _serving: JoinSet<()>,
}

pub(crate) const PASSWORD: (&str, &str) = ("jim", "kirk:1701");
pub(crate) const IDENTITY: &str = "who-i-am";

impl Fake {
    pub(crate) async fn start(rules: impl FnOnce(&mut State)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let mut state = State::default();
        rules(&mut state);
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                let shared = Arc::clone(&shared);
                let service =
                    service_fn(move |request| serve(Arc::clone(&shared), address, request));
                connections.spawn(async move {
                    // One that breaks is what the test wants.
                    drop(
                        http1::Builder::new().serve_connection(TokioIo::new(stream), service).await,
                    );
                });
            }
        });
        Self { address, state, _serving: serving }
    }

    pub(crate) fn look<T>(&self, at: impl FnOnce(&mut State) -> T) -> T {
        at(&mut self.state.lock().expect("a state"))
    }

    /// How often this was asked, by the beginning of `METHOD /path`.
    pub(crate) fn asked(&self, what: &str) -> usize {
        self.look(|state| state.asked.iter().filter(|asked| asked.starts_with(what)).count())
    }
}

type Answer = Response<Full<Bytes>>;

fn answer(status: StatusCode, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::builder().status(status);
    for (name, value) in headers {
        answer = answer.header(*name, *value);
    }
    answer.body(Full::new(body.into())).expect("an answer")
}

async fn serve(
    state: Arc<Mutex<State>>,
    address: SocketAddr,
    request: Request<Incoming>,
) -> Result<Answer, &'static str> {
    let (head, body) = request.into_parts();
    let what = format!("{} {}", head.method, head.uri);
    let failing = {
        let mut state = state.lock().expect("a state");
        let told = head.headers.get(header::AUTHORIZATION);
        state.told.push(told.map(|value| value.to_str().expect("text").to_owned()));
        state.asked.push(what.clone());
        let at = state.fails.iter().position(|(on, _)| what.starts_with(on));
        at.and_then(|at| state.fails.remove(at)).map(|(_, fails)| fails)
    };
    let told = head.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    match failing {
        Some(Fails::Breaks) => {
            // A piece of the body, so that it breaks on the way.
            let mut body = body;
            drop(body.frame().await);
            return Err("it breaks");
        }
        Some(Fails::With(status, headers, body)) => return Ok(answer(status, headers, body)),
        Some(Fails::Forgets) => state.lock().expect("a state").tokens.clear(),
        None => {}
    }
    let body = body.collect().await.map_err(|_| "no body")?.to_bytes();
    let mut state = state.lock().expect("a state");
    let path = head.uri.path();
    let query = head.uri.query().unwrap_or_default();
    if path == "/token" {
        return Ok(state.grant(told, query, &body));
    }
    if !state.knows(told) {
        return Ok(state.challenge(address));
    }
    Ok(state.act(&head.method, path, query, body, address))
}

fn field<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

impl State {
    fn knows(&self, told: Option<&str>) -> bool {
        match self.wants {
            Wants::Nothing => true,
            Wants::Basic => told == Some(&*basic()),
            Wants::Bearer | Wants::Identity => told
                .and_then(|told| told.strip_prefix("Bearer "))
                .is_some_and(|token| self.tokens.contains(token)),
        }
    }

    fn challenge(&self, address: SocketAddr) -> Answer {
        let wanted = match self.wants {
            Wants::Basic => "Basic realm=\"a, \\\"quoted\\\" realm\"".to_owned(),
            _ => format!(
                "Bearer realm=\"http://{address}/token?x=y\",service=\"fake, with a comma\",scope=\"a b\""
            ),
        };
        let body = r#"{"errors":[{"code":"UNAUTHORIZED","message":"who are you?"}]}"#;
        answer(StatusCode::UNAUTHORIZED, &[("www-authenticate", &wanted)], body)
    }

    fn grant(&mut self, told: Option<&str>, query: &str, body: &Bytes) -> Answer {
        let form = String::from_utf8_lossy(body).into_owned();
        let known = match self.wants {
            Wants::Identity => field(&form, "refresh_token") == Some("who%2Di%2Dam"),
            _ => told == Some(&*basic()),
        };
        if !known {
            let body = r#"{"errors":[{"code":"DENIED","message":"wrong password"}]}"#;
            return answer(StatusCode::UNAUTHORIZED, &[], body);
        }
        let asked = if self.wants == Wants::Identity { &form } else { query };
        let scopes = asked.split('&').filter_map(|pair| pair.strip_prefix("scope="));
        self.scopes.extend(scopes.map(|scope| scope.replace("%3A", ":").replace("%2C", ",")));
        self.granted += 1;
        let token = format!("token-{}", self.granted);
        self.tokens.insert(token.clone());
        let name = if self.wants == Wants::Identity { "access_token" } else { "token" };
        answer(StatusCode::OK, &[], format!("{{\"{name}\":\"{token}\"}}"))
    }

    fn act(
        &mut self,
        method: &Method,
        path: &str,
        query: &str,
        body: Bytes,
        at: SocketAddr,
    ) -> Answer {
        let empty = Bytes::new;
        let parts: Vec<_> = path.trim_start_matches("/v2/").rsplitn(3, '/').collect();
        match (method.as_str(), parts.as_slice()) {
            ("POST", ["", "uploads", _]) => {
                if let (Some(digest), true) = (field(query, "mount"), self.mounts) {
                    self.blobs.insert(digest.to_owned(), empty());
                    return answer(StatusCode::CREATED, &[], empty());
                }
                let location = match &self.names {
                    Names::Relative => "/v2/upload/uploads/1".to_owned(),
                    Names::Absolute => format!("http://{at}/v2/upload/uploads/1"),
                    Names::WithQuery => "/v2/upload/uploads/1?_state=a%2Bb".to_owned(),
                    Names::Elsewhere(other) => format!("http://{other}/v2/upload/uploads/1?sig=x"),
                    Names::Unprotected => "http://registry.invalid/v2/upload/1".to_owned(),
                };
                answer(StatusCode::ACCEPTED, &[("location", &location)], empty())
            }
            ("PUT", [_, "uploads", _]) => {
                let digest = field(query, "digest").unwrap_or_default().replace("%3A", ":");
                let right = Digest::of(&body).as_str() == digest;
                let state =
                    !matches!(self.names, Names::WithQuery) || query.contains("_state=a%2Bb&");
                if !right || !state {
                    let body = r#"{"errors":[{"code":"DIGEST_INVALID"}]}"#;
                    return answer(StatusCode::BAD_REQUEST, &[], body);
                }
                self.uploaded += body.len();
                self.blobs.insert(digest, body);
                answer(StatusCode::CREATED, &[], empty())
            }
            ("HEAD", [digest, "blobs", _]) if self.blobs.contains_key(*digest) => {
                answer(StatusCode::OK, &[], empty())
            }
            ("HEAD" | "GET", [name, "manifests", _]) if self.manifests.contains_key(*name) => {
                let found = self.manifests[*name].clone();
                let digest = Digest::of(&found);
                answer(StatusCode::OK, &[("docker-content-digest", digest.as_str())], found)
            }
            ("PUT", [name, "manifests", _]) => {
                self.uploaded += body.len();
                let digest = Digest::of(if self.lies { b"other" } else { &body });
                self.manifests.insert((*name).to_owned(), body);
                answer(StatusCode::CREATED, &[("docker-content-digest", digest.as_str())], empty())
            }
            _ => answer(StatusCode::NOT_FOUND, &[], empty()),
        }
    }
}

pub(crate) fn basic() -> String {
    let (user, password) = PASSWORD;
    format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
}

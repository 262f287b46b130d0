//! How is a registry asked? With what it was told last of who asks, again when it wants to be told anew, and
//! again after a while when the next time may go well.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::uri::Scheme;
use http::{Method, Request, Uri};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use tokio::time;

use super::answer::Answer;
use super::auth::{Auth, Told};
use super::body::{Count, Counted};
use super::connect::Connections;
use super::{Fault, Options, Reference};

/// What an answer may have at most: manifests are smaller by rule.
const ANSWER_MOST: usize = 4 << 20;

/// A registry does not let anybody wait for longer.
const PAUSE_MOST: Duration = Duration::from_mins(1);

/// How often who asks is told anew within one request: a token may end while it is used.
const TOLD_MOST: usize = 3;

/// A request that can be sent more than once.
#[derive(Clone)]
pub(super) struct Ask {
    pub(super) method: Method,
    pub(super) to: Uri,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: Bytes,
    pub(super) count: Option<Count>,
}

/// One repository of a registry.
#[derive(Debug)]
pub(super) struct Client {
    http: Connections,
    auth: Auth,
    base: String,
    origin: Uri,
    attempts: u32,
    pause: Duration,
    silence: Duration,
}

impl Client {
    pub(super) fn new(of: &Reference, scopes: Vec<String>, options: &Options) -> Self {
        let http = Connections::new(options);
        let scheme = if http.is_plain(of.registry()) { "http" } else { "https" };
        let origin = format!("{scheme}://{}", of.registry().served_at());
        Self {
            base: format!("{origin}/v2/{}", of.repository()),
            origin: origin.parse().unwrap_or_else(|_| unreachable!("a host was checked")),
            auth: Auth::new(of.clone(), scopes, options),
            http,
            attempts: options.attempts.max(1),
            pause: options.pause,
            silence: options.silence,
        }
    }

    /// A request for something of the repository, such as `manifests/latest`.
    pub(super) fn ask(&self, method: Method, what: &str) -> Ask {
        let to = format!("{}/{what}", self.base).parse();
        let to = to.unwrap_or_else(|_| unreachable!("names and digests were checked"));
        Ask { method, to, headers: Vec::new(), body: Bytes::new(), count: None }
    }

    /// Does it as often as it may go well the next time. `told` hears why it is done again, and when.
    pub(super) async fn persist<T>(
        &self,
        told: &impl Fn(&Fault, Duration),
        mut act: impl AsyncFnMut() -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let mut pause = self.pause;
        for _ in 1..self.attempts {
            let fault = match act().await {
                Ok(done) => return Ok(done),
                Err(fault) => fault,
            };
            let Some(wanted) = fault.passes() else { return Err(fault) };
            let wait = wanted.unwrap_or(pause).min(PAUSE_MOST);
            told(&fault, wait);
            time::sleep(wait).await;
            pause *= 2;
        }
        act().await
    }

    /// Asks, and says who asks as often as it is asked for.
    pub(super) async fn send(&self, ask: &Ask) -> Result<Answer, Fault> {
        let ours = self.is_ours(&ask.to);
        if !ours && !self.http.is_safe(&ask.to) {
            return Err(Fault::Unprotected(shown(&ask.to), "the image"));
        }
        let mut told = if ours { self.auth.told().await } else { Told::default() };
        for _ in 0..TOLD_MOST {
            let answer = self.once(ask, &told).await?;
            if answer.status() != http::StatusCode::UNAUTHORIZED || !ours {
                return Ok(answer);
            }
            self.auth.renew(&self.http, &told, &answer).await?;
            told = self.auth.told().await;
        }
        let answer = self.once(ask, &told).await?;
        if answer.status() == http::StatusCode::UNAUTHORIZED {
            return Err(self.auth.refused(&answer).await);
        }
        Ok(answer)
    }

    /// Whether it is the registry's own: nobody else is told who asks.
    fn is_ours(&self, to: &Uri) -> bool {
        is_same(to, &self.origin)
    }

    async fn once(&self, ask: &Ask, told: &Told) -> Result<Answer, Fault> {
        let what = format!("{} {}", ask.method, shown(&ask.to));
        let sent = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&sent);
        let outer = ask.count.clone();
        let counted: Count = Arc::new(move |size| {
            count.fetch_add(size as u64, Ordering::Relaxed);
            if let Some(outer) = &outer {
                outer(size);
            }
        });
        let mut request = Request::builder().method(&ask.method).uri(&ask.to);
        for (name, value) in &ask.headers {
            request = request.header(name, value);
        }
        if let Some(value) = &told.value {
            request = request.header(header::AUTHORIZATION, value);
        }
        let request = request
            .header(header::USER_AGENT, concat!("metaparticle/", env!("CARGO_PKG_VERSION")))
            .body(Counted::new(ask.body.clone(), Some(counted)))
            .map_err(|error| Fault::Nonsense { what: what.clone(), why: error.to_string() })?;
        let answer = async {
            let (head, body) = self.http.send(request).await?.into_parts();
            let body = whole(body, &ask.to).await?;
            Ok(Answer { what: what.clone(), from: ask.to.clone(), head, body })
        };
        self.unless_silent(&what, &sent, answer).await
    }

    /// Waits for it as long as something moves.
    async fn unless_silent(
        &self,
        what: &str,
        sent: &AtomicU64,
        answer: impl Future<Output = Result<Answer, Fault>>,
    ) -> Result<Answer, Fault> {
        let mut answer = std::pin::pin!(answer);
        let mut before = 0;
        loop {
            if let Ok(answer) = time::timeout(self.silence, &mut answer).await {
                return answer;
            }
            let now = sent.load(Ordering::Relaxed);
            if now == before {
                return Err(Fault::Silent { what: what.to_owned(), after: self.silence });
            }
            before = now;
        }
    }
}

/// Whether two addresses are of one server, however its name is written, and whether or not its port is.
fn is_same(one: &Uri, other: &Uri) -> bool {
    let port = |of: &Uri| {
        let usual = if of.scheme() == Some(&Scheme::HTTP) { 80 } else { 443 };
        of.port_u16().unwrap_or(usual)
    };
    let host = |of: &Uri| of.host().map(str::to_ascii_lowercase);
    one.scheme() == other.scheme() && host(one) == host(other) && port(one) == port(other)
}

/// All that is answered, if it is not too much.
pub(super) async fn whole(body: Incoming, from: &Uri) -> Result<Bytes, Fault> {
    let body = Limited::new(body, ANSWER_MOST).collect().await;
    let broken =
        |source| Fault::Unreachable { host: shown(from), hint: "the connection broke", source };
    Ok(body.map_err(broken)?.to_bytes())
}

/// An address for people: what stands in its query may be secret.
pub(super) fn shown(uri: &Uri) -> String {
    uri.to_string().split('?').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::is_same;

    #[test]
    fn a_server_is_the_same_however_its_name_is_written_and_no_other() {
        let check = |to: &str, origin: &str, same: bool| {
            let read = |text: &str| text.parse().expect("an address");
            assert_eq!(is_same(&read(to), &read(origin)), same, "{to} {origin}");
        };
        check("https://registry.example/v2/x", "https://registry.example", true);
        check("https://registry.example:443/v2/x", "https://registry.example", true);
        check("https://Registry.Example/v2/x", "https://registry.example", true);
        check("http://localhost/v2/x", "http://localhost:80", true);
        check("https://registry.example:444/v2/x", "https://registry.example", false);
        check("http://registry.example:443/v2/x", "https://registry.example:443", false);
        check("https://registry.example.org/v2/x", "https://registry.example", false);
        check("https://other.example/v2/x", "https://registry.example", false);
    }
}

//! How does a registry come to know who asks? It says how it wants to be told, when it refuses; what it is
//! told then is good for the next requests, until it refuses again.

use std::time::Duration;

use http::{HeaderValue, Method, Request, Uri, header};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::answer::{Answer, Words};
use super::body::Counted;
use super::challenge::{self, Challenge};
use super::client::whole;
use super::connect::Connections;
use super::{Credential, Credentials, Fault, Options, Reference};

/// What is told, and the how-manieth it is: who is refused knows whether there is a newer one.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    version: u32,
    pub(super) value: Option<HeaderValue>,
}

/// Who asks, and what was told of it last.
#[derive(Debug)]
pub(super) struct Auth {
    reference: Reference,
    credentials: Credentials,
    scopes: Vec<String>,
    silence: Duration,
    told: Mutex<Told>,
}

#[derive(Debug, Deserialize)]
struct Granted {
    #[serde(default)]
    token: String,
    #[serde(default)]
    access_token: String,
}

impl Auth {
    pub(super) fn new(reference: Reference, scopes: Vec<String>, options: &Options) -> Self {
        let (credentials, silence) = (options.credentials.clone(), options.silence);
        Self { reference, credentials, scopes, silence, told: Mutex::default() }
    }

    pub(super) async fn told(&self) -> Told {
        self.told.lock().await.clone()
    }

    /// Finds what to tell instead of what was `refused`. One asks; the others wait, and take what it got.
    pub(super) async fn renew(
        &self,
        http: &Connections,
        refused: &Told,
        answer: &Answer,
    ) -> Result<(), Fault> {
        let mut told = self.told.lock().await;
        if told.version != refused.version {
            return Ok(());
        }
        let credential = self.credentials.of(&self.reference).await?;
        let lines = answer.head.headers.get_all(header::WWW_AUTHENTICATE).iter();
        let challenges: Vec<_> =
            lines.filter_map(|line| line.to_str().ok()).flat_map(challenge::parse).collect();
        let asked = |scheme| challenges.iter().find(|known| known.scheme == scheme);
        let value = match (asked("bearer"), asked("basic"), &credential) {
            (Some(_), _, Credential::Token(token)) => format!("Bearer {token}"),
            (Some(bearer), _, _) => {
                format!("Bearer {}", self.token(http, bearer, &credential).await?)
            }
            (None, Some(_), _) => {
                credential.basic().ok_or_else(|| self.unauthorized(&credential, answer.words()))?
            }
            (None, None, _) => {
                return Err(
                    answer.nonsense("it refuses, and does not say how it wants to be asked")
                );
            }
        };
        let mut value = HeaderValue::from_str(&value)
            .map_err(|_| answer.nonsense("what it grants cannot stand in a header"))?;
        value.set_sensitive(true);
        if told.value.as_ref() == Some(&value) {
            return Err(self.unauthorized(&credential, answer.words()));
        }
        *told = Told { version: told.version + 1, value: Some(value) };
        Ok(())
    }

    /// That nobody of ours is let in.
    pub(super) async fn refused(&self, answer: &Answer) -> Fault {
        match self.credentials.of(&self.reference).await {
            Ok(credential) => self.unauthorized(&credential, answer.words()),
            Err(fault) => fault,
        }
    }

    fn unauthorized(&self, credential: &Credential, said: Words) -> Fault {
        Fault::Unauthorized {
            registry: self.reference.registry().clone(),
            repository: self.reference.repository().to_owned(),
            who: credential.who(),
            said,
        }
    }

    /// Asks whom the registry trusts for a token that is good for what will be done.
    async fn token(
        &self,
        http: &Connections,
        bearer: &Challenge,
        credential: &Credential,
    ) -> Result<String, Fault> {
        let realm = bearer.param("realm").unwrap_or_default();
        let place = realm.parse::<Uri>().ok().filter(|place| place.authority().is_some());
        let place = place.ok_or_else(|| Fault::Nonsense {
            what: format!("a token for {}", self.reference.registry()),
            why: format!("`{realm}` is no address to ask for it"),
        })?;
        if *credential != Credential::Anonymous && !http.is_safe(&place) {
            return Err(Fault::Unprotected(realm.to_owned(), "a password"));
        }
        let request = match credential {
            Credential::Identity(token) => self.exchange(&place, bearer, token),
            other => self.question(&place, bearer, other.basic()),
        };
        let what = format!("a token from {realm}");
        let request = request
            .map_err(|error| Fault::Nonsense { what: what.clone(), why: error.to_string() })?;
        let answer = async {
            let (head, body) = http.send(request).await?.into_parts();
            Ok::<_, Fault>((head, whole(body, &place).await?))
        };
        let answer = timeout(self.silence, answer).await;
        let silent = |_| Fault::Silent { what: what.clone(), after: self.silence };
        let (head, body) = answer.map_err(silent)??;
        let answer = Answer { what, from: place, head, body };
        if [400, 401, 403].contains(&answer.status().as_u16()) {
            return Err(self.unauthorized(credential, answer.words()));
        }
        let answer = answer.expect(&[http::StatusCode::OK])?;
        let granted = serde_json::from_slice::<Granted>(&answer.body).ok();
        let tokens = granted.map(|granted| [granted.token, granted.access_token]);
        let token = tokens.into_iter().flatten().find(|token| !token.is_empty());
        token.ok_or_else(|| answer.nonsense("there is no token in it"))
    }

    /// The old way: what is wanted in the query, who wants it in the head.
    fn question(
        &self,
        place: &Uri,
        bearer: &Challenge,
        basic: Option<String>,
    ) -> http::Result<Request<Counted>> {
        let service = bearer.param("service").map(|service| ("service", service));
        let scopes = self.scopes.iter().map(|scope| ("scope", scope.as_str()));
        let query = form(service.into_iter().chain(scopes));
        let join = if place.query().is_some() { '&' } else { '?' };
        let mut request = Request::builder().uri(format!("{place}{join}{query}"));
        if let Some(basic) = basic {
            request = request.header(header::AUTHORIZATION, basic);
        }
        request.body(Counted::new(bytes::Bytes::new(), None))
    }

    /// The way of OAuth 2: one token for another.
    fn exchange(
        &self,
        place: &Uri,
        bearer: &Challenge,
        token: &str,
    ) -> http::Result<Request<Counted>> {
        let scopes = self.scopes.join(" ");
        let body = form([
            ("grant_type", "refresh_token"),
            ("refresh_token", token),
            ("client_id", "metaparticle"),
            ("service", bearer.param("service").unwrap_or_default()),
            ("scope", &scopes),
        ]);
        Request::builder()
            .method(Method::POST)
            .uri(place)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Counted::new(body.into(), None))
    }
}

fn form<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let field = |(name, value): (&str, &'a str)| {
        format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC))
    };
    fields.into_iter().map(field).collect::<Vec<_>>().join("&")
}

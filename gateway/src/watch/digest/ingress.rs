//! What does an Ingress say? Rules, backends, certificates, as they are written; judged elsewhere.

use std::sync::Arc;

use k8s_openapi::api::networking::v1 as networking;

use super::Pairs;

/// The annotation by which a class was named before there was a field.
const LEGACY_CLASS: &str = "kubernetes.io/ingress.class";

/// An Ingress.
#[derive(Debug, PartialEq)]
pub(in crate::watch) struct Ingress {
    pub(in crate::watch) uid: Arc<str>,
    /// When it was made, in seconds since 1970: of two that want the same, the older one has it.
    pub(in crate::watch) created: i64,
    /// The class it names.
    pub(in crate::watch) class: Option<Box<str>>,
    /// What its annotations say, without their prefix.
    pub(in crate::watch) words: Pairs,
    pub(in crate::watch) default: Option<Backend>,
    pub(in crate::watch) rules: Box<[Rule]>,
    pub(in crate::watch) tls: Box<[Tls]>,
    /// Where its status says that it is served.
    pub(in crate::watch) published: Box<[Box<str>]>,
}

impl Ingress {
    /// Who it is, and what its annotations say.
    pub(in crate::watch) fn says(&self) -> (&Arc<str>, &Pairs) {
        (&self.uid, &self.words)
    }

    /// Whether both ask for the same, wherever they are said to be served.
    pub(in crate::watch) fn asks_as(&self, other: &Self) -> bool {
        let Self { uid, created, class, words, default, rules, tls, published: _ } = self;
        let made = *uid == other.uid && *created == other.created && *class == other.class;
        let routes = *default == other.default && *rules == other.rules && *tls == other.tls;
        made && routes && *words == other.words
    }
}

/// Paths of one host.
#[derive(Debug, PartialEq)]
pub(in crate::watch) struct Rule {
    /// In lower case; none is any.
    pub(in crate::watch) host: Option<Box<str>>,
    pub(in crate::watch) paths: Box<[PathRule]>,
}

/// One path.
#[derive(Debug, PartialEq)]
pub(in crate::watch) struct PathRule {
    pub(in crate::watch) path: Box<str>,
    /// Whether it is that path alone.
    pub(in crate::watch) exact: bool,
    pub(in crate::watch) backend: Backend,
}

/// Who answers.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::watch) enum Backend {
    /// A port of a Service in the same namespace.
    Service { name: Arc<str>, port: PortRef },
    /// Something else, which nobody here knows.
    Other(Box<str>),
}

impl Backend {
    pub(in crate::watch) fn name(&self) -> &str {
        match self {
            Self::Service { name, .. } => name,
            Self::Other(name) => name,
        }
    }
}

/// How a port is named.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::watch) enum PortRef {
    Name(Box<str>),
    Number(u16),
}

impl std::fmt::Display for PortRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Number(number) => write!(f, "{number}"),
        }
    }
}

/// A certificate for some hosts.
#[derive(Debug, PartialEq)]
pub(in crate::watch) struct Tls {
    /// In lower case; none are those of the rules.
    pub(in crate::watch) hosts: Box<[Box<str>]>,
    /// None is the default certificate.
    pub(in crate::watch) secret: Option<Arc<str>>,
}

pub(in crate::watch) fn ingress(object: &networking::Ingress) -> Ingress {
    let meta = &object.metadata;
    let spec = object.spec.as_ref();
    let legacy = meta.annotations.as_ref().and_then(|all| all.get(LEGACY_CLASS));
    let class = legacy.or_else(|| spec?.ingress_class_name.as_ref());
    let rules = spec.and_then(|spec| spec.rules.as_deref()).unwrap_or_default();
    let tls = spec.and_then(|spec| spec.tls.as_deref()).unwrap_or_default();
    Ingress {
        uid: Arc::from(super::text(meta.uid.as_ref())),
        created: super::created(meta),
        class: class.map(|class| class.as_str().into()),
        words: super::words(meta),
        default: spec.and_then(|spec| spec.default_backend.as_ref()).map(backend),
        rules: rules.iter().map(rule).collect(),
        tls: tls.iter().map(certificate).collect(),
        published: published(object),
    }
}

fn rule(rule: &networking::IngressRule) -> Rule {
    let paths = rule.http.iter().flat_map(|http| &http.paths).map(|path| PathRule {
        path: path.path.as_deref().filter(|path| !path.is_empty()).unwrap_or("/").into(),
        exact: path.path_type == "Exact",
        backend: backend(&path.backend),
    });
    let host = rule.host.as_deref().filter(|host| !host.is_empty());
    Rule { host: host.map(|host| host.to_ascii_lowercase().into()), paths: paths.collect() }
}

fn backend(backend: &networking::IngressBackend) -> Backend {
    if let Some(service) = &backend.service {
        let port = service.port.as_ref();
        let name = port.and_then(|port| port.name.as_deref()).filter(|name| !name.is_empty());
        let number = port.and_then(|port| port.number).and_then(|port| u16::try_from(port).ok());
        let number = || PortRef::Number(number.unwrap_or_default());
        let port = name.map_or_else(number, |name| PortRef::Name(name.into()));
        return Backend::Service { name: Arc::from(service.name.as_str()), port };
    }
    let resource = backend.resource.as_ref();
    let named = resource.map(|resource| format!("{}/{}", resource.kind, resource.name));
    Backend::Other(named.unwrap_or_else(|| "nothing".to_owned()).into())
}

fn certificate(tls: &networking::IngressTLS) -> Tls {
    let hosts = tls.hosts.iter().flatten().map(|host| host.to_ascii_lowercase().into());
    let secret = tls.secret_name.as_deref().filter(|name| !name.is_empty());
    Tls { hosts: hosts.collect(), secret: secret.map(Arc::from) }
}

fn published(object: &networking::Ingress) -> Box<[Box<str>]> {
    let balancer = object.status.as_ref().and_then(|status| status.load_balancer.as_ref());
    let balancer = balancer.and_then(|balancer| balancer.ingress.as_deref()).unwrap_or_default();
    let addresses = balancer.iter().filter_map(|one| one.ip.as_deref().or(one.hostname.as_deref()));
    addresses.map(Box::from).collect()
}

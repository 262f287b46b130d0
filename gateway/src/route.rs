//! Which rule does a request follow? The one of its host with the longest path.

use crate::snapshot::{Route, Snapshot};

/// No rule is for this host and path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no route for host `{host}` and path `{path}`")]
pub struct NotFound {
    host: Box<str>,
    path: Box<str>,
}

/// The route of `host` (in lower case, without port) and `path` (raw, without query).
///
/// Paths are compared as they came: `%2F` is not a slash, and `//` is an empty segment.
///
/// # Errors
/// When no route is for them.
pub fn find<'s>(snapshot: &'s Snapshot, host: &str, path: &str) -> Result<&'s Route, NotFound> {
    let paths = snapshot.routes.paths(host);
    let prefix = || ancestors(paths.within_reach(path)).find_map(|path| paths.prefix(path));
    let found = paths.exact(path).or_else(prefix);
    found.ok_or_else(|| NotFound { host: host.into(), path: path.into() })
}

/// `/a/b/`, then `/a/b`, `/a`, and the root, which is empty.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| path.rsplit_once('/').map(|(parent, _)| parent))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{Code, Host, Path, Route, Service, ServiceName, World};
    use crate::snapshot::channel;
    use crate::words::{Policy, Protocol};

    /// Routes are written `host/path`, `=host/path` for an exact path, `*.host` for a wildcard.
    #[track_caller]
    fn check(routes: &[&str], host: &str, path: &str, expected: Option<&str>) {
        let policy = Arc::new(Policy::default());
        let world = World {
            services: routes
                .iter()
                .map(|name| {
                    Arc::new(Service {
                        name: ServiceName::new(name),
                        policy: Arc::clone(&policy),
                        protocol: Protocol::default(),
                        replicas: Vec::new(),
                        tls: None,
                        unserved: None,
                        desired: Vec::new(),
                    })
                })
                .collect(),
            routes: routes.iter().map(|written| read(written, &policy)).collect(),
        };
        let (mut publisher, latest) = channel();
        publisher.publish(&world);
        let snapshot = latest.load();
        let found = find(&snapshot, host, path).ok().map(|route| route.service.name.as_str());
        assert_eq!(found, expected, "{host}{path} among {routes:?}");
    }

    fn read(written: &str, policy: &Arc<Policy>) -> Route {
        let (exact, rest) = written.strip_prefix('=').map_or((false, written), |rest| (true, rest));
        let slash = rest.find('/').expect("a path");
        let (host, path) = rest.split_at(slash);
        Route {
            host: match (host, host.strip_prefix("*.")) {
                ("", _) => Host::Any,
                (_, Some(suffix)) => Host::Wildcard(Arc::from(suffix)),
                (name, None) => Host::Exact(Arc::from(name)),
            },
            path: if exact {
                Path::Exact(Arc::from(path))
            } else {
                Path::Prefix(Arc::from(path.trim_end_matches('/')))
            },
            service: ServiceName::new(written),
            policy: Arc::clone(policy),
            code: Code::default(),
        }
    }

    #[test]
    fn a_prefix_is_compared_segment_by_segment() {
        check(&["/foo"], "h", "/foo", Some("/foo"));
        check(&["/foo"], "h", "/foo/", Some("/foo"));
        check(&["/foo"], "h", "/foo/bar", Some("/foo"));
        check(&["/foo"], "h", "/foobar", None);
        check(&["/foo/"], "h", "/foo", Some("/foo/"));
    }

    #[test]
    fn the_longest_prefix_wins_and_the_root_takes_the_rest() {
        let routes = ["/", "/a", "/a/b"];
        check(&routes, "h", "/a/b/c", Some("/a/b"));
        check(&routes, "h", "/a/x", Some("/a"));
        check(&routes, "h", "/", Some("/"));
        check(&routes, "h", "/x", Some("/"));
    }

    #[test]
    fn an_exact_path_beats_a_prefix_and_has_no_tolerance() {
        let routes = ["/a", "=/a"];
        check(&routes, "h", "/a", Some("=/a"));
        check(&routes, "h", "/a/", Some("/a"));
        check(&["=/a"], "h", "/A", None);
    }

    #[test]
    fn an_exact_host_beats_a_wildcard_and_a_wildcard_has_one_label() {
        let routes = ["a.b.c/", "*.b.c/", "/"];
        check(&routes, "a.b.c", "/", Some("a.b.c/"));
        check(&routes, "x.b.c", "/", Some("*.b.c/"));
        check(&routes, "x.y.b.c", "/", Some("/"));
        check(&routes, "b.c", "/", Some("/"));
    }

    #[test]
    fn a_host_that_lacks_the_path_does_not_borrow_another_hosts() {
        check(&["a.b/x", "/y"], "a.b", "/y", None);
    }

    #[test]
    fn an_encoded_slash_is_not_a_slash() {
        check(&["/a", "/a%2Fb"], "h", "/a%2Fb", Some("/a%2Fb"));
        check(&["/a"], "h", "/a%2Fb", None);
    }
}

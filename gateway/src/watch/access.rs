//! What keeps the gateway from seeing a kind, and what is to be done about it?

use kube::core::Status;
use kube::runtime::watcher;

/// A kind that is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Watched {
    /// Its name, as in a path of the API.
    pub(super) plural: &'static str,
    /// Its group; the core's is empty.
    pub(super) group: &'static str,
    /// What it is called here: a kind may be watched twice, for two labels.
    pub(super) name: &'static str,
    /// The label that it is watched for.
    pub(super) label: Option<&'static str>,
}

impl Watched {
    fn resource(self) -> String {
        let Self { plural, group, .. } = self;
        if group.is_empty() { plural.to_owned() } else { format!("{plural}.{group}") }
    }
}

/// What is wrong, for people; none where it passes by itself, as when a watch is too old.
pub(super) fn trouble(
    watched: Watched,
    namespace: Option<&str>,
    error: &watcher::Error,
) -> Option<String> {
    let (verb, cause) = match error {
        watcher::Error::InitialListFailed(error) => ("list", error),
        watcher::Error::WatchStartFailed(error) | watcher::Error::WatchFailed(error) => {
            ("watch", error)
        }
        watcher::Error::WatchError(status) if status.code == 410 => return None,
        watcher::Error::WatchError(status) => {
            return Some(answered("watch", &watched.resource(), namespace, status));
        }
        watcher::Error::NoResourceVersion => {
            return Some(format!("{}: the API server names no version", watched.resource()));
        }
    };
    Some(told(verb, &watched.resource(), namespace, cause))
}

/// What is wrong with one request.
pub(super) fn told(
    verb: &str,
    resource: &str,
    namespace: Option<&str>,
    error: &kube::Error,
) -> String {
    match error {
        kube::Error::Api(status) => answered(verb, resource, namespace, status),
        other => {
            // The innermost cause is the one that people can do something about.
            let mut cause: &dyn std::error::Error = other;
            while let Some(inner) = cause.source() {
                cause = inner;
            }
            format!("cannot {verb} {resource}: the API server is not reached: {cause}")
        }
    }
}

fn answered(verb: &str, resource: &str, namespace: Option<&str>, status: &Status) -> String {
    let place = namespace.map_or_else(
        || "in all namespaces; give its ServiceAccount a ClusterRole".to_owned(),
        |namespace| format!("in the namespace `{namespace}`; give its ServiceAccount a Role there"),
    );
    match status.code {
        403 => format!(
            "the gateway may not `{verb}` `{resource}` {place} with this verb, as deploy/base does, \
             unless the API server has another reason; it says: {}",
            status.message
        ),
        401 => format!("cannot {verb} {resource}: the API server does not know who asks"),
        404 => format!("cannot {verb} {resource}: the cluster has no such kind"),
        code => format!("cannot {verb} {resource}: the API server says {code}: {}", status.message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLICES: Watched = Watched {
        plural: "endpointslices",
        group: "discovery.k8s.io",
        name: "endpointslices",
        label: None,
    };

    fn status(code: u16) -> Box<Status> {
        Box::new(Status { code, message: "no".to_owned(), ..Status::default() })
    }

    #[track_caller]
    fn check(error: watcher::Error, namespace: Option<&str>, expected: Option<&str>) {
        assert_eq!(trouble(SLICES, namespace, &error).as_deref(), expected);
    }

    #[test]
    fn a_refusal_names_the_missing_verb_and_where_to_give_it() {
        check(
            watcher::Error::InitialListFailed(kube::Error::Api(status(403))),
            None,
            Some(
                "the gateway may not `list` `endpointslices.discovery.k8s.io` in all namespaces; \
                 give its ServiceAccount a ClusterRole with this verb, as deploy/base does, unless \
                 the API server has another reason; it says: no",
            ),
        );
        check(
            watcher::Error::WatchStartFailed(kube::Error::Api(status(403))),
            Some("shop"),
            Some(
                "the gateway may not `watch` `endpointslices.discovery.k8s.io` in the namespace \
                 `shop`; give its ServiceAccount a Role there with this verb, as deploy/base does, \
                 unless the API server has another reason; it says: no",
            ),
        );
    }

    #[test]
    fn a_watch_that_is_too_old_passes_by_itself() {
        check(watcher::Error::WatchError(status(410)), None, None);
        check(
            watcher::Error::WatchError(status(500)),
            None,
            Some("cannot watch endpointslices.discovery.k8s.io: the API server says 500: no"),
        );
    }
}

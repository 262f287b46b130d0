//! Which shard does a pod serve, and does that name outlive the pod?
//!
//! A pod of a StatefulSet comes again under its name, and so does its shard. A pod of a Deployment
//! does not: its shard is its uid, and goes with it. Whose it is, its own label tells, which it keeps when
//! the StatefulSet is taken away from above it; or that there is a StatefulSet of its stem, which is known
//! before the pod is.

use std::sync::Arc;

use super::slices::Found;
use crate::model::ShardName;
use crate::words::Identity;

/// What is known of a pod's shard.
#[derive(Debug, PartialEq)]
pub(super) struct Shard {
    /// Its name, where it is not what `shard-identity` makes of the replica.
    pub(super) told: Option<ShardName>,
    /// Whether the name outlives the pod.
    pub(super) lasts: bool,
}

/// The shard of `found`, of the Service called `service`. Its pod's label is `label`; `is_member` says
/// whether a pod with this stem is one of a StatefulSet.
pub(super) fn shard(
    found: &Found,
    identity: Identity,
    service: &str,
    label: Option<&Arc<str>>,
    is_member: impl Fn(&str) -> bool,
) -> Shard {
    let named = |name: &str, lasts| Shard { told: Some(ShardName::new(name)), lasts };
    if let Some(told) = label.or(found.shard.as_ref()) {
        return named(told, true);
    }
    let host = || rest_of_host(service, found.address.port());
    let Some((name, uid)) = &found.target else {
        // Somebody wrote it down: it lasts until they write otherwise.
        return match (identity, &found.hostname) {
            (Identity::Auto | Identity::Name, Some(hostname)) => named(hostname, true),
            (Identity::Host, Some(hostname)) => named(&(hostname.to_string() + &host()), true),
            _ => Shard { told: None, lasts: true },
        };
    };
    let pod = ShardName::new(name);
    let stem = pod.numbered().filter(|name| name.rest.is_empty()).map(|name| name.stem);
    let numbered = stem.is_some_and(is_member);
    match identity {
        Identity::Auto if numbered => Shard { told: None, lasts: true },
        Identity::Auto => match &found.hostname {
            Some(hostname) => named(hostname, true),
            None => named(uid, false),
        },
        Identity::Name => Shard { told: None, lasts: numbered },
        Identity::Host => named(&(name.to_string() + &host()), numbered),
        Identity::Uid | Identity::Address => Shard { told: None, lasts: false },
    }
}

/// What stands behind a pod's name in the name of its host, at a port of it.
pub(super) fn rest_of_host(service: &str, port: u16) -> String {
    format!(".{service}:{port}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pod `NAME`, or `NAME@HOSTNAME`; or no pod, `@HOSTNAME`.
    #[track_caller]
    fn check(who: &str, identity: Identity, label: Option<&str>, expected: (Option<&str>, bool)) {
        let (name, hostname) =
            who.split_once('@').map_or((who, None), |(name, host)| (name, Some(host)));
        let found = Found {
            address: "10.0.0.1:80".parse().unwrap(),
            target: (!name.is_empty()).then(|| (name.into(), "uid".into())),
            hostname: hostname.filter(|name| !name.is_empty()).map(Arc::from),
            shard: None,
            ready: true,
            ending: false,
        };
        let label = label.map(Arc::from);
        let shard = shard(&found, identity, "svc", label.as_ref(), |stem| stem == "db");
        let told = shard.told.as_ref().map(ShardName::as_str);
        assert_eq!((told, shard.lasts), expected, "{who} by {identity}");
    }

    #[test]
    fn a_pod_of_a_stateful_set_is_named_as_itself_and_any_other_by_its_uid() {
        check("db-0", Identity::Auto, None, (None, true));
        check("db-12", Identity::Auto, None, (None, true));
        for other in ["web-7d4b9-x2x4z", "db-7d4b9-24567", "db-07", "db", "other-0"] {
            check(other, Identity::Auto, None, (Some("uid"), false));
        }
    }

    #[test]
    fn a_hostname_names_who_is_in_no_set_that_is_seen() {
        check("x-0@x-0", Identity::Auto, None, (Some("x-0"), true));
        check("@one", Identity::Auto, None, (Some("one"), true));
        check("@one", Identity::Address, None, (None, true));
        check("@", Identity::Auto, None, (None, true));
    }

    #[test]
    fn a_label_is_the_last_word() {
        use Identity::{Address, Auto, Host, Name, Uid};
        for identity in [Auto, Name, Uid, Address, Host] {
            check("db-0@db-0", identity, Some("left"), (Some("left"), true));
        }
    }

    #[test]
    fn another_identity_lasts_as_long_as_what_it_names() {
        check("db-0", Identity::Name, None, (None, true));
        check("web-x", Identity::Name, None, (None, false));
        check("db-0", Identity::Uid, None, (None, false));
        check("db-0", Identity::Address, None, (None, false));
    }

    #[test]
    fn a_host_is_the_pod_at_its_service_and_port() {
        check("db-0", Identity::Host, None, (Some("db-0.svc:80"), true));
        check("db-0@db-0", Identity::Host, None, (Some("db-0.svc:80"), true));
        check("web-x", Identity::Host, None, (Some("web-x.svc:80"), false));
        check("@one", Identity::Host, None, (Some("one.svc:80"), true));
        check("@", Identity::Host, None, (None, true));
    }
}

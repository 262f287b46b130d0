//! Which services does the file declare, and who answers for them?

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::model::{Authorities, Tls};
use crate::model::{Replica, ReplicaName, Service, ServiceName, ShardName};
use crate::words::{Policy, Protocol, Scope, ShardCount, suggestion, table};
use crate::words::{ServerName, TlsVerify};
use crate::yaml::{Fields, Mistakes, Node};

const ADDRESS: &str = "an address such as 127.0.0.1:9001 or \"[::1]:9001\"; names are not resolved";
const NAME: &str = "a name of visible ASCII characters, at most 253, such as users-1";
const REPLICAS: &str = "a list of replicas such as 127.0.0.1:9001, or `[]`";
const REPLICA: &str = "an address, or a map such as { name: users-1, address: 127.0.0.1:9001 }";

/// So many replicas are named in one mistake.
const NAMED: usize = 5;

pub(super) fn read(node: Node<'_>, mistakes: &mut Mistakes) -> Vec<Arc<Service>> {
    let allowed = "a map of services, such as { web: { replicas: [] } }";
    let Some(fields) = node.fields("services", allowed, mistakes) else {
        return Vec::new();
    };
    let mut services = Vec::new();
    for field in fields.iter() {
        let place = format!("services.{}", field.name);
        if !is_name(&field.name) {
            mistakes.add("services", field.key, NAME);
        }
        services.push(Arc::new(read_service(&place, &field.name, field.value, mistakes)));
    }
    services
}

/// The service, as far as it can be read: routes may name it though it is wrong.
fn read_service(place: &str, name: &str, node: Node<'_>, mistakes: &mut Mistakes) -> Service {
    let mut service = Service {
        name: ServiceName::new(name),
        policy: Arc::default(),
        protocol: Protocol::default(),
        tls: None,
        unserved: None,
        replicas: Vec::new(),
        desired: Vec::new(),
    };
    let Some(fields) = node.fields(place, "a map such as { replicas: [] }", mistakes) else {
        return service;
    };
    let own = ["protocol", "replicas"];
    service.policy =
        Arc::new(read_policy(place, &fields, &own, &Policy::default(), Scope::Service, mistakes));
    let allowed = "`http1`, `h2c` or `https`";
    if let Some((node, text)) = fields.text(place, "protocol", allowed, mistakes) {
        match text.parse() {
            Ok(protocol) => service.protocol = protocol,
            Err(_) => mistakes.add(&format!("{place}.protocol"), node, allowed),
        }
    }
    if service.protocol == Protocol::Https {
        service.tls = read_tls(place, &fields, &service.policy, mistakes).map(Arc::new);
    }
    if let Some(node) = fields.need(place, "replicas", REPLICAS, mistakes) {
        service.replicas = read_replicas(&format!("{place}.replicas"), node, mistakes);
    }
    if let Some(node) = fields.get("shard-count") {
        check_count(place, node, &service, mistakes);
    }
    service
}

/// What is asked of replicas that speak TLS.
fn read_tls(
    place: &str,
    fields: &Fields<'_>,
    policy: &Policy,
    mistakes: &mut Mistakes,
) -> Option<Tls> {
    let trust = match &policy.tls_verify {
        TlsVerify::System => Authorities::System,
        TlsVerify::Off => Authorities::Unasked,
        TlsVerify::File(path) => Authorities::File(path.clone()),
        TlsVerify::Secret(_) => {
            let allowed = "`system`, `file:PATH` or `off`: a file has no Secret";
            mistakes.add(&format!("{place}.tls-verify"), fields.get("tls-verify")?, allowed);
            return None;
        }
    };
    let name = match &policy.server_name {
        ServerName::Named(name) => Some(name.clone()),
        ServerName::Auto => None,
    };
    Some(Tls { name, trust })
}

/// The gateway's words among the fields of a map, on top of `base`; what is neither a word nor one of the
/// `own` fields is a mistake. `place` is the map's, for the mistakes.
pub fn read_policy(
    place: &str,
    fields: &Fields<'_>,
    own: &[&str],
    base: &Policy,
    scope: Scope,
    mistakes: &mut Mistakes,
) -> Policy {
    let mut words = Vec::new();
    for field in fields.iter().filter(|field| !own.contains(&field.name.as_ref())) {
        let Some(word) = table().iter().find(|word| word.name == field.name) else {
            let said = table().iter().filter(|word| word.is_for(scope)).map(|word| word.name);
            let known = own.iter().copied().chain(said);
            mistakes.add(place, field.key, &suggestion(&field.name, known));
            continue;
        };
        match field.value.scalar() {
            Some(text) => words.push((word.name, text)),
            None => mistakes.add(&format!("{place}.{}", word.name), field.value, word.allowed),
        }
    }
    let said = words.iter().map(|(name, text)| (*name, text.as_ref()));
    let (policy, wrong) = Policy::read(base, scope, said);
    for mut mistake in wrong {
        mistake.position = fields.get(&mistake.place).map(Node::position);
        mistake.place = format!("{place}.{}", mistake.place);
        mistakes.push(mistake);
    }
    policy
}

/// A count that a file cannot keep would silently move keys when a replica is taken out of it.
fn check_count(place: &str, node: Node<'_>, service: &Service, mistakes: &mut Mistakes) {
    let place = format!("{place}.shard-count");
    if service.policy.shard_count == ShardCount::StatefulSet {
        mistakes.add(&place, node, "a number such as 5: a file has no StatefulSet");
    } else if !service.keeps_count() {
        let allowed = "`observed`, or replicas named NAME-0, NAME-1 and so on, with one NAME";
        mistakes.add(&place, node, allowed);
    }
    let beyond = service.beyond_count();
    if let Some(greatest) = beyond.iter().map(|(_, ordinal)| *ordinal).max() {
        let named = beyond.iter().take(NAMED).map(|(replica, _)| format!("`{}`", replica.name));
        let named = named.collect::<Vec<_>>().join(", ");
        let more = match beyond.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let count = match greatest.checked_add(1).filter(|count| *count <= ShardCount::MOST) {
            Some(count) => format!("a number from {count}"),
            None => "`observed`".to_owned(),
        };
        let allowed = format!("{count}, or no replica beyond the count, as {named}{more} would be");
        mistakes.add(&place, node, &allowed);
    }
}

fn read_replicas(place: &str, node: Node<'_>, mistakes: &mut Mistakes) -> Vec<Replica> {
    let mut replicas = Vec::<Replica>::new();
    let (mut names, mut addresses) = (BTreeMap::new(), BTreeMap::new());
    for (count, item) in node.items(place, REPLICAS, mistakes).enumerate() {
        let place = format!("{place}[{count}]");
        let Some(replica) = read_replica(&place, item, mistakes) else {
            continue;
        };
        if let Some(line) = names.insert(replica.name.clone(), item.position().0) {
            let allowed = format!("each name once; `{}` is in line {line}", replica.name);
            mistakes.add(&place, item, &allowed);
        } else if let Some(line) = addresses.insert(replica.address, item.position().0) {
            let allowed = format!("each address once; {} is in line {line}", replica.address);
            mistakes.add(&place, item, &allowed);
        }
        replicas.push(replica);
    }
    replicas
}

fn read_replica(place: &str, node: Node<'_>, mistakes: &mut Mistakes) -> Option<Replica> {
    if let Some(text) = node.scalar() {
        let address = read_address(place, node, &text, mistakes)?;
        let name = ReplicaName::new(&text);
        return Some(Replica { name, address, shard: None, uid: None, ready: true });
    }
    let fields = node.fields(place, REPLICA, mistakes)?;
    fields.check_known(place, &["name", "address", "shard", "ready"], mistakes);
    let name = read_name(place, &fields, "name", mistakes);
    let shard = read_name(place, &fields, "shard", mistakes);
    let mut ready = true;
    if let Some((node, text)) = fields.text(place, "ready", "`true` or `false`", mistakes) {
        match text.parse() {
            Ok(said) => ready = said,
            Err(_) => mistakes.add(&format!("{place}.ready"), node, "`true` or `false`"),
        }
    }
    fields.need(place, "address", ADDRESS, mistakes)?;
    let (node, text) = fields.text(place, "address", ADDRESS, mistakes)?;
    let address = read_address(&format!("{place}.address"), node, &text, mistakes)?;
    let name = ReplicaName::new(name.as_deref().unwrap_or(&text));
    let shard = shard.as_deref().map(ShardName::new);
    Some(Replica { name, address, shard, uid: None, ready })
}

/// A name that may become a shard's, and so stand in a header.
fn read_name(
    place: &str,
    fields: &Fields<'_>,
    field: &str,
    mistakes: &mut Mistakes,
) -> Option<String> {
    let (node, text) = fields.text(place, field, NAME, mistakes)?;
    if !is_name(&text) {
        mistakes.add(&format!("{place}.{field}"), node, NAME);
        return None;
    }
    Some(text.into_owned())
}

fn is_name(text: &str) -> bool {
    (1..=253).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn read_address(
    place: &str,
    node: Node<'_>,
    text: &str,
    mistakes: &mut Mistakes,
) -> Option<SocketAddr> {
    let address = match text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}").parse(),
        None => text.parse(),
    };
    let address = address.ok().filter(|address: &SocketAddr| address.port() != 0);
    if address.is_none() {
        mistakes.add(place, node, ADDRESS);
    }
    address
}

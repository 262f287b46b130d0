//! How often does something run, and how do requests find it, as a spec says it?

use std::num::NonZeroU16;

use metaparticle_gateway::words::{Policy, Scope, ShardKey};

use super::container::Told;
use super::node::Node;
use super::{Door, Note, Reader, unread};
use crate::application::{
    Alias, Container, Count, Exposure, Host, Instances, Job, Name, Port, Public, Service,
    Transport, Wrong,
};

/// What the original called the program that found shards.
const SHARDER: &str = "-sharder";

/// Shards, as somebody asked for them.
struct Shards {
    count: u32,
    policy: Policy,
}

impl Reader<'_> {
    /// A service; nothing where it asks for nothing, or has mistakes. `public` is the name of the public one.
    pub(super) fn service(&mut self, node: &Node<'_>, public: Option<&str>) -> Option<Service> {
        let name = self.name(node);
        let replicas = self.count(node, "replicas").unwrap_or(0);
        let shards = node.field("shardSpec").and_then(|spec| self.shards(&spec));
        let sharded = shards.as_ref().is_some_and(|shards| shards.count > 0);
        if replicas > 0 && sharded {
            let allowed = "`replicas` or `shardSpec`, not both: they are mutually exclusive";
            let place = format!("{}replicas", node.inner());
            self.mistakes.push(Wrong::new(replicas, allowed).at(place));
        }
        let (count, policy) = match shards.filter(|_| sharded) {
            Some(Shards { count, policy }) => (count, policy),
            None => (replicas, Policy::default()),
        };
        let ports = self.ports(node);
        self.unused(node, "reference", "nothing in a cluster is meant by it");
        self.unused(node, "depends", "services find each other by their names, in any order");
        let written = node.field("name").and_then(|name| name.text().ok());
        let is_public = written.is_some() && written.as_deref() == public;
        let Ok(count) = Count::new(count) else {
            if let Some(name) = name {
                self.notes.push(Note::Nothing { of: format!("the service `{name}`") });
            }
            return None;
        };
        let name = name?;
        let told = Told { of: &name, count, numbered: sharded };
        let containers = self.containers(node, &told);
        let instances = if sharded { Instances::Numbered(count) } else { Instances::Alike(count) };
        let exposure = self.exposure(&name, is_public, sharded);
        let aliases = if sharded { self.aliases(&name, &ports) } else { Vec::new() };
        let permissions = Vec::new();
        Some(Service { name, instances, containers, ports, exposure, policy, aliases, permissions })
    }

    pub(super) fn job(&mut self, node: &Node<'_>) -> Option<Job> {
        let name = self.name(node);
        let count = self.count(node, "replicas").unwrap_or(1);
        let schedule = node.field("schedule").and_then(|field| {
            let text = self.mistakes.take(field.place(), field.text())?;
            self.mistakes.take(field.place(), text.parse())
        });
        let name = name?;
        let Ok(count) = Count::new(count) else {
            self.notes.push(Note::Nothing { of: format!("the job `{name}`") });
            return None;
        };
        let told = Told { of: &name, count, numbered: false };
        let containers = self.containers(node, &told);
        let mut job = Job::of(name, Container::of(unread()), count);
        job.containers = containers;
        job.schedule = schedule;
        Some(job)
    }

    fn count(&mut self, node: &Node<'_>, name: &str) -> Option<u32> {
        let field = node.field(name)?;
        self.mistakes.take(field.place(), field.number(0, Count::MOST))
    }

    /// `[3, "REGEX"]`, or an object with `shards` and one of three ways to say the key.
    fn shards(&mut self, spec: &Node<'_>) -> Option<Shards> {
        let (count, pattern, path) = match spec.items() {
            Some(items) => {
                let mut items = items.into_iter();
                (items.next(), items.next(), None)
            }
            None => {
                let pattern = spec.field("urlPattern").or_else(|| spec.field("shardExpression"));
                (spec.field("shards"), pattern, spec.field("fieldPath"))
            }
        };
        let count = match count {
            Some(count) => self.mistakes.take(count.place(), count.number(0, Count::MOST))?,
            None => 0,
        };
        // As the original: the field, then the pattern's first group, then all of the path.
        let mut sources = Vec::new();
        sources.extend(path.and_then(|field| self.field_path(&field)));
        sources.extend(pattern.and_then(|field| self.pattern(&field)));
        if !sources.is_empty() {
            sources.push("path:(.*)".to_owned());
        }
        Some(Shards { count, policy: sharded(&sources.join(",")) })
    }

    /// The pattern of a path that names a key, where it has a group.
    fn pattern(&mut self, field: &Node<'_>) -> Option<String> {
        let text = self.text(field)?;
        let group = format!("path:({text})").parse::<ShardKey>();
        let source = format!("path:{text}");
        match (group, source.parse::<ShardKey>()) {
            (_, Ok(_)) => return Some(source),
            (Ok(_), Err(_)) => self.notes.push(Note::NoGroup { pattern: text }),
            (Err(_), Err(why)) => {
                let allowed =
                    format!("a regular expression with a group, such as `^/users/([^/]+)` ({why})");
                self.mistakes.push(Wrong::new(text, allowed).at(field.place()));
            }
        }
        None
    }

    /// The place of a key in a request's body.
    fn field_path(&mut self, field: &Node<'_>) -> Option<String> {
        let text = self.text(field)?;
        let source = format!("body:{}", json_path(&text));
        let read = source
            .parse::<ShardKey>()
            .map_err(|why| Wrong::new(text, format!("a JSONPath, such as `$.user.id` ({why})")));
        self.mistakes.take(field.place(), read).map(|_| source)
    }

    fn text(&mut self, field: &Node<'_>) -> Option<String> {
        let text = self.mistakes.take(field.place(), field.text())?;
        Some(text).filter(|text| !text.is_empty())
    }

    fn ports(&mut self, node: &Node<'_>) -> Vec<Port> {
        let listed = self.list(node, "ports");
        let ports = listed.iter().filter_map(|one| {
            let Some(number) = one.field("number") else {
                self.mistakes.push(one.wrong("an object with `number`"));
                return None;
            };
            let number = self.mistakes.take(number.place(), number.number(1, 65535))?;
            let number = NonZeroU16::new(u16::try_from(number).ok()?)?;
            let transport = match one.field("protocol") {
                Some(field) => {
                    let text = self.mistakes.take(field.place(), field.text())?;
                    self.mistakes.take(field.place(), text.parse())?
                }
                None => Transport::Tcp,
            };
            Some(Port { transport, ..Port::http(number) })
        });
        ports.collect()
    }

    fn exposure(&mut self, name: &Name, is_public: bool, sharded: bool) -> Exposure {
        if !is_public {
            return Exposure::Inside;
        }
        match &self.setting.door {
            Door::Gateway(_) => {
                let hosts = vec![Host::from(name)];
                Exposure::Public(Public { hosts, ..Public::default() })
            }
            // Of shards one must be chosen, which no load balancer does.
            Door::LoadBalancer if sharded => Exposure::Inside,
            Door::LoadBalancer => Exposure::LoadBalancer,
        }
    }

    /// The name of the original's sharder, which now leads to the gateway.
    fn aliases(&mut self, name: &Name, ports: &[Port]) -> Vec<Alias> {
        let Door::Gateway(gateway) = &self.setting.door else {
            self.notes.push(Note::NoGateway { name: name.clone() });
            return Vec::new();
        };
        let Some(port) = ports.iter().find(|port| port.transport == Transport::Tcp) else {
            return Vec::new();
        };
        let name = name.with(SHARDER);
        if port.number.get() != 80 {
            self.notes.push(Note::OtherPort { name: name.clone(), port: port.number.get() });
        }
        let (gateway, namespace) = (gateway.clone(), self.setting.namespace.clone());
        vec![Alias { name, gateway, namespace }]
    }
}

/// `user.id` and `/user/id` are paths as well as `$.user.id`.
fn json_path(text: &str) -> String {
    let text = text.trim();
    if text.starts_with('$') {
        return text.to_owned();
    }
    let parts = text.trim_start_matches(['.', '/']);
    let parts = if text.starts_with('/') { parts.replace('/', ".") } else { parts.to_owned() };
    format!("$.{parts}")
}

/// Shards as the original had them: its ring, over the names that it gave them. No source: the whole path.
fn sharded(key: &str) -> Policy {
    let words = [
        ("pattern", "shard"),
        ("shard-algorithm", "metaparticle-v1"),
        ("shard-identity", "host"),
        ("shard-count", "statefulset"),
        ("shard-key", if key.is_empty() { "path" } else { key }),
    ];
    let (policy, mistakes) = Policy::read(&Policy::default(), Scope::Service, words);
    assert!(
        mistakes.is_empty(),
        "words of the gateway, and sources that it has read: {mistakes:?}"
    );
    policy
}

//! Which services does the file declare?

use metaparticle_gateway::file::read_policy;
use metaparticle_gateway::words::{Pattern, Policy, Scope, ShardCount};
use metaparticle_gateway::yaml::{Fields, Node};

use crate::application::{
    Count, Exposure, Host, Instances, Name, Path, Port, Public, Service, Transport,
};
use crate::read::Reader;
use crate::read::container::CONTAINER;

const SERVICE: &str = "a map such as { program: target/release/web, port: 8080 }";
const PORT: &str = "a number from 1 to 65535, or a map such as { number: 53, transport: UDP }";
const PUBLIC: &str = "`true`, a host such as `shop.example`, a list of hosts, or a map such as { hosts: [shop.example], path: /shop }";

/// What a service says besides its container and the gateway's words.
const OWN: [&str; 6] = ["replicas", "shards", "port", "ports", "public", "locks"];

impl Reader {
    pub(super) fn services(&mut self, node: Node<'_>) -> Vec<Service> {
        let Some(fields) = node.fields("services", SERVICE, &mut self.mistakes) else {
            return Vec::new();
        };
        let named = fields.iter().map(|field| {
            let name = self.value::<Name>("services", field.key)?;
            self.service(&format!("services.{}", field.name), name, field.value)
        });
        named.collect::<Vec<_>>().into_iter().flatten().collect()
    }

    fn service(&mut self, place: &str, name: Name, node: Node<'_>) -> Option<Service> {
        let fields = node.fields(place, SERVICE, &mut self.mistakes)?;
        let instances = self.instances(place, &fields);
        let own = OWN.iter().chain(&CONTAINER).copied().collect::<Vec<_>>();
        let base = match instances {
            Instances::Alike(_) => Policy::default(),
            // What is numbered owns keys, and keeps them while it restarts.
            Instances::Numbered(_) => Policy {
                pattern: Pattern::Shard,
                shard_count: ShardCount::StatefulSet,
                ..Policy::default()
            },
        };
        let policy = read_policy(place, &fields, &own, &base, Scope::Service, &mut self.mistakes);
        let ports = self.ports(place, &fields);
        let asked = ports.iter().find(|port| port.transport == Transport::Tcp).copied();
        let container = self.container(place, &name, &fields, asked);
        let public = fields.get("public");
        let exposure = public.map(|node| self.exposure(&format!("{place}.public"), node));
        let permissions = self.locks(place, &fields);
        // Only now, so that all mistakes were found.
        let mut service = Service::of(name, instances, container?);
        service.policy = policy;
        service.ports = ports;
        service.exposure = exposure.unwrap_or_default();
        service.permissions = permissions;
        Some(service)
    }

    fn instances(&mut self, place: &str, fields: &Fields<'_>) -> Instances {
        let replicas = self.count(place, fields, "replicas");
        let shards = self.count(place, fields, "shards");
        if let (Some(_), Some(node)) = (replicas, fields.get("shards")) {
            let allowed =
                "either `shards` (numbered, a StatefulSet) or `replicas` (alike, a Deployment)";
            self.mistakes.add(&format!("{place}.shards"), node, allowed);
        }
        match (replicas, shards) {
            (_, Some(count)) => Instances::Numbered(count),
            (count, None) => Instances::Alike(count.unwrap_or(Count::ONE)),
        }
    }

    /// How many, where it is said.
    pub(super) fn count(&mut self, place: &str, fields: &Fields<'_>, name: &str) -> Option<Count> {
        let node = fields.get(name)?;
        let number = node.scalar().and_then(|text| text.parse().ok());
        let count = number.and_then(|number| Count::new(number).ok());
        if count.is_none() {
            self.mistakes.add(&format!("{place}.{name}"), node, "a number from 1 to 10000");
        }
        count
    }

    fn ports(&mut self, place: &str, fields: &Fields<'_>) -> Vec<Port> {
        let one = fields.get("port").map(|node| self.port(&format!("{place}.port"), node));
        let many = fields.get("ports").map_or_else(Vec::new, |node| {
            let place = format!("{place}.ports");
            let items: Vec<_> = node.items(&place, "a list of ports", &mut self.mistakes).collect();
            let items = items.into_iter().enumerate();
            items.map(|(number, node)| self.port(&format!("{place}[{number}]"), node)).collect()
        });
        one.into_iter().chain(many).flatten().collect()
    }

    fn port(&mut self, place: &str, node: Node<'_>) -> Option<Port> {
        if let Some(text) = node.scalar() {
            let number = text.parse();
            return number.map(Port::http).map_err(|_| self.mistakes.add(place, node, PORT)).ok();
        }
        let fields = node.fields(place, PORT, &mut self.mistakes)?;
        fields.check_known(place, &["number", "transport", "protocol"], &mut self.mistakes);
        let number = fields.need(place, "number", PORT, &mut self.mistakes)?;
        let mut port = self.port(&format!("{place}.number"), number)?;
        port.transport = self.field::<Transport>(place, &fields, "transport").unwrap_or_default();
        let allowed = "`http1` or `h2c`";
        if let Some((node, text)) = fields.text(place, "protocol", allowed, &mut self.mistakes) {
            match text.parse() {
                Ok(protocol) => port.speaks = protocol,
                Err(_) => self.mistakes.add(&format!("{place}.protocol"), node, allowed),
            }
        }
        Some(port)
    }

    fn exposure(&mut self, place: &str, node: Node<'_>) -> Exposure {
        match node.scalar().as_deref() {
            Some("false") => return Exposure::Inside,
            Some("true") => return Exposure::Public(Public::default()),
            Some("load-balancer") => return Exposure::LoadBalancer,
            _ => {}
        }
        let mut public = Public { any_host: false, ..Public::default() };
        if node.is_map()
            && let Some(fields) = node.fields(place, PUBLIC, &mut self.mistakes)
        {
            fields.check_known(place, &["hosts", "path"], &mut self.mistakes);
            public.path = self.field::<Path>(place, &fields, "path").unwrap_or_default();
            let hosts = fields.get("hosts");
            public.hosts = hosts.map_or_else(Vec::new, |node| self.hosts(place, node));
            public.any_host = hosts.is_none();
        } else {
            public.hosts = self.hosts(place, node);
        }
        Exposure::Public(public)
    }

    fn hosts(&mut self, place: &str, node: Node<'_>) -> Vec<Host> {
        if node.scalar().is_some() {
            return self.value(place, node).into_iter().collect();
        }
        let items: Vec<_> = node.items(place, PUBLIC, &mut self.mistakes).collect();
        items.into_iter().filter_map(|node| self.value(place, node)).collect()
    }
}

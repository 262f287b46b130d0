//! What runs in a pod, as the file says it?

use std::path::PathBuf;

use metaparticle_gateway::yaml::{Fields, Node};

use crate::application::{
    Container, Image, Name, Port, Readiness, Resources, Transport, Value, Variable, VariableName,
};
use crate::read::{Program, Reader};

/// What a container says.
pub(super) const CONTAINER: [&str; 9] =
    ["image", "program", "command", "args", "env", "ready", "cpu", "memory", "memory-most"];

const ENV: &str = "a map such as { LEVEL: info, TOKEN: { secret: tokens, key: web } }";
const SECRET: &str = "a text, or a map such as { secret: tokens, key: web }";

impl Reader {
    pub(super) fn container(
        &mut self,
        place: &str,
        name: &Name,
        fields: &Fields<'_>,
        port: Option<Port>,
    ) -> Option<Container> {
        let image = self.image(place, name, fields);
        let command = self.texts(place, fields, "command");
        let args = self.texts(place, fields, "args");
        let env = fields.get("env").map_or_else(Vec::new, |node| self.env(place, node));
        let resources = Resources {
            cpu: self.field(place, fields, "cpu"),
            memory: self.field(place, fields, "memory"),
            memory_most: self.field(place, fields, "memory-most"),
        };
        let readiness = self.readiness(place, fields, port);
        Some(Container { command, args, env, resources, readiness, ..Container::of(image?) })
    }

    /// An image that is there, or one that stands for a program until it is packaged.
    fn image(&mut self, place: &str, name: &Name, fields: &Fields<'_>) -> Option<Image> {
        if let (Some(_), Some(node)) = (fields.get("program"), fields.get("image")) {
            self.mistakes.add(&format!("{place}.image"), node, "either `program` or `image`");
        }
        let allowed = "the path of a program, such as target/release/web";
        if let Some((_, path)) = fields.text(place, "program", allowed, &mut self.mistakes) {
            let program = Program::of(name.clone(), path.into_owned().into());
            self.programs.push(program.clone());
            return Some(program.image);
        }
        if fields.get("program").is_none() {
            let allowed = "an image such as `registry.example/web:2`; or `program`, the path of one to be packaged";
            fields.need(place, "image", allowed, &mut self.mistakes)?;
        }
        self.field(place, fields, "image")
    }

    fn texts(&mut self, place: &str, fields: &Fields<'_>, name: &str) -> Vec<String> {
        let Some(node) = fields.get(name) else {
            return Vec::new();
        };
        let place = format!("{place}.{name}");
        let items: Vec<_> = node.items(&place, "a list of texts", &mut self.mistakes).collect();
        let texts = items.into_iter().filter_map(|item| match item.scalar() {
            Some(text) => Some(text.into_owned()),
            None => {
                self.mistakes.add(&place, item, "a text");
                None
            }
        });
        texts.collect()
    }

    fn env(&mut self, place: &str, node: Node<'_>) -> Vec<Variable> {
        let place = format!("{place}.env");
        let Some(fields) = node.fields(&place, ENV, &mut self.mistakes) else {
            return Vec::new();
        };
        let variables = fields.iter().map(|field| {
            let name = self.value::<VariableName>(&place, field.key)?;
            let value = self.variable(&format!("{place}.{}", field.name), field.value)?;
            Some(Variable { name, value })
        });
        variables.collect::<Vec<_>>().into_iter().flatten().collect()
    }

    fn variable(&mut self, place: &str, node: Node<'_>) -> Option<Value> {
        if let Some(text) = node.scalar() {
            return Some(Value::Plain(text.into_owned()));
        }
        let fields = node.fields(place, SECRET, &mut self.mistakes)?;
        fields.check_known(place, &["secret", "key"], &mut self.mistakes);
        let mut text = |name| {
            fields.need(place, name, SECRET, &mut self.mistakes)?;
            fields.text(place, name, SECRET, &mut self.mistakes)
        };
        let (secret, key) = (text("secret"), text("key"));
        Some(Value::Secret { name: secret?.1.into_owned(), key: key?.1.into_owned() })
    }

    /// Asked at the first port: at a path, if one is said, or whether it is open.
    fn readiness(
        &mut self,
        place: &str,
        fields: &Fields<'_>,
        port: Option<Port>,
    ) -> Option<Readiness> {
        let allowed = "a path such as /healthz";
        let said = fields.text(place, "ready", allowed, &mut self.mistakes);
        let port = port.filter(|port| port.transport == Transport::Tcp);
        if let Some((node, path)) = &said
            && (!path.starts_with('/') || port.is_none())
        {
            let allowed = format!("{allowed}, and a TCP `port` where it is asked");
            self.mistakes.add(&format!("{place}.ready"), *node, &allowed);
        }
        // Without a path, a plan looks whether the port is open.
        let path = Some(said?.1.into_owned());
        port.map(|port| Readiness { path, port: port.number })
    }
}

impl Program {
    /// A program at `path`, and an image that nobody can pull in its place.
    ///
    /// # Panics
    ///
    /// Never: a name is a repository's, too.
    #[must_use]
    pub fn of(name: Name, path: PathBuf) -> Self {
        let image = format!("unbuilt.invalid/{name}").parse().expect("a name is a repository's");
        Self { name, path, image }
    }
}

//! What runs, as a spec says it?

use super::node::Node;
use super::{Note, Reader, unread};
use crate::application::{Container, Count, Field, Image, Mount, Name, Value, Variable, Wrong};

/// What a program is told about the part that it plays.
pub(super) struct Told<'a> {
    pub(super) of: &'a Name,
    pub(super) count: Count,
    pub(super) numbered: bool,
}

impl Reader<'_> {
    pub(super) fn containers(&mut self, node: &Node<'_>, told: &Told<'_>) -> Vec<Container> {
        let volumes = self.list(node, "volumes");
        let listed = self.list(node, "containers");
        listed.iter().map(|one| self.container(one, &volumes, told)).collect()
    }

    fn container(&mut self, node: &Node<'_>, volumes: &[Node<'_>], told: &Told<'_>) -> Container {
        let image = self.image(node).unwrap_or_else(unread);
        let (command, args) = (self.texts(node, "command"), self.texts(node, "args"));
        let mut env: Vec<_> =
            self.list(node, "env").iter().filter_map(|it| self.variable(it)).collect();
        // Of two, the last one counts: so it was with the original.
        let mut seen = Vec::new();
        env.reverse();
        env.retain(|one| {
            !seen.contains(&one.name) && {
                seen.push(one.name.clone());
                true
            }
        });
        env.reverse();
        for variable in role(told) {
            if !env.iter().any(|one| one.name == variable.name) {
                env.push(variable);
            }
        }
        let mounts = self.list(node, "volumeMounts");
        let mounts = mounts.iter().filter_map(|one| self.mount(one, volumes)).collect();
        Container { command, args, env, mounts, ..Container::of(image) }
    }

    fn image(&mut self, node: &Node<'_>) -> Option<Image> {
        let Some(image) = node.field("image") else {
            let place = format!("{}image", node.inner());
            self.mistakes.push(Wrong::new("nothing", "an image's name").at(place));
            return None;
        };
        let text = self.mistakes.take(image.place(), image.text())?;
        self.mistakes.take(image.place(), text.trim().parse())
    }

    fn texts(&mut self, node: &Node<'_>, name: &str) -> Vec<String> {
        let listed = self.list(node, name);
        listed.iter().filter_map(|one| self.mistakes.take(one.place(), one.text())).collect()
    }

    fn variable(&mut self, node: &Node<'_>) -> Option<Variable> {
        let name = node.field("name").map(|name| name.text()).unwrap_or_else(|| Ok(String::new()));
        let name = self.mistakes.take(node.place(), name)?;
        let value = match node.field("value") {
            Some(value) => self.mistakes.take(value.place(), value.text())?,
            None => String::new(),
        };
        self.mistakes.take(format_args!("{}name", node.inner()), Variable::plain(&name, value))
    }

    /// A claim that a volume of the same service names, or one of the mount's own name.
    fn mount(&mut self, node: &Node<'_>, volumes: &[Node<'_>]) -> Option<Mount> {
        let text = |reader: &mut Self, node: &Node<'_>, name: &str| {
            let field = node.field(name)?;
            reader.mistakes.take(field.place(), field.text())
        };
        let name = text(self, node, "name");
        let path = text(self, node, "mountPath").filter(|path| path.starts_with('/'));
        let claims: Vec<_> = volumes
            .iter()
            .map(|one| (text(self, one, "name"), text(self, one, "persistentVolumeClaim")))
            .collect();
        let claim = claims.into_iter().find(|(volume, _)| volume.is_some() && *volume == name);
        let sub_path = text(self, node, "subPath");
        let (Some((_, Some(claim))), Some(path)) = (claim, path) else {
            let allowed = "the `name` of one of `volumes` that has a `persistentVolumeClaim`, and a \
                           `mountPath` that begins with `/`";
            self.mistakes.push(node.wrong(allowed));
            return None;
        };
        Some(Mount { claim, path, sub_path })
    }

    /// Says that what stands in `node` under `name` has no effect, where it says something.
    pub(super) fn unused(&mut self, node: &Node<'_>, name: &str, because: &'static str) {
        if let Some(field) = node.field(name) {
            self.notes.push(Note::Unused { place: field.place().to_owned(), because });
        }
    }
}

/// Libraries that look for a container by its cgroup do not find one, and would containerize themselves
/// again, for ever: the first variable tells them.
fn role(told: &Told<'_>) -> Vec<Variable> {
    let plain = |text: String| Value::Plain(text);
    let mut all = vec![
        ("METAPARTICLE_IN_CONTAINER", plain("true".to_owned())),
        ("MP_SERVICE", plain(told.of.to_string())),
        ("MP_POD", Value::Field(Field::PodName)),
    ];
    if told.numbered {
        all.push(("MP_SHARDS", plain(told.count.to_string())));
        all.push(("MP_SHARD", Value::Field(Field::Index)));
    }
    let variable = |(name, value): (&str, _)| Variable {
        name: name.parse().expect("a variable's name"),
        value,
    };
    all.into_iter().map(variable).collect()
}

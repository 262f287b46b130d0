//! What does an application's file say? YAML, with the gateway's words for how requests find their way.
//!
//! ```
//! let written = metaparticle::read::application(
//!     "
//! application: shop
//! services:
//!   web:
//!     program: target/release/web      # packaged and pushed; or `image: registry.example/web:2`
//!     replicas: 4
//!     port: 8080
//!     public: shop.example
//!   users:
//!     image: registry.example/users:7
//!     shards: 3
//!     port: 8080
//!     shard-key: path:^/users/([^/]+)
//!     env: { LEVEL: info, TOKEN: { secret: tokens, key: users } }
//! jobs:
//!   nightly: { image: 'registry.example/etl:1', count: 8, schedule: 0 3 * * *, locks: [books] }
//! ",
//! )
//! .expect("a right file");
//! assert_eq!(written.application.services().len(), 2);
//! assert_eq!(written.programs[0].path.to_str(), Some("target/release/web"));
//! ```

mod container;
mod job;
mod service;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use metaparticle_gateway::words::Mistake;
use metaparticle_gateway::yaml::{self, Fields, Lines, Node};

use crate::application::{Application, Image, Name, Permission, Wrong};

/// The smallest file that does something.
const SMALLEST: &str =
    "application: web and services: { web: { program: target/release/web, port: 8080 } }";

/// What a file says.
#[derive(Debug, Clone)]
pub struct Written {
    /// What is to run; a program that is not packaged yet has an image that nobody can pull.
    pub application: Application,
    /// What is to be packaged first.
    pub programs: Vec<Program>,
}

/// A program of this machine that becomes an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// What it is called: the image's repository.
    pub name: Name,
    /// Where it is, as the file says: from the file's own folder.
    pub path: PathBuf,
    /// The image that stands for it until it is packaged.
    pub image: Image,
}

/// What was read so far.
struct Reader {
    mistakes: yaml::Mistakes,
    programs: Vec<Program>,
    leases: Vec<Name>,
}

/// Reads a whole file.
///
/// # Errors
///
/// All its mistakes at once, each with its place, line and column; only a file that is not YAML has one alone.
pub fn application(text: &str) -> Result<Written, Vec<Mistake>> {
    let (mistakes, programs, leases) = (yaml::Mistakes::default(), Vec::new(), Vec::new());
    let mut reader = Reader { mistakes, programs, leases };
    let application = reader.document(text);
    let mistakes = reader.mistakes.in_order();
    match application {
        Some(application) if mistakes.is_empty() => {
            let application = application.with_leases(reader.leases);
            Ok(Written { application, programs: reader.programs })
        }
        _ => Err(mistakes),
    }
}

impl Reader {
    fn document(&mut self, text: &str) -> Option<Application> {
        let documents = yaml::parse(text).map_err(|mistake| self.mistakes.push(mistake)).ok()?;
        let lines = Lines::of(text);
        match documents.as_slice() {
            [file] if !Node::of(&lines, file).is_nothing() => self.file(Node::of(&lines, file)),
            [_, second, ..] => {
                self.mistakes.add("file", Node::of(&lines, second), "one document");
                None
            }
            _ => {
                let wrong = Wrong::new("nothing", SMALLEST).at("file");
                self.mistakes.push(Mistake { position: Some((1, 1)), ..wrong });
                None
            }
        }
    }

    fn file(&mut self, file: Node<'_>) -> Option<Application> {
        let fields = file.fields("file", SMALLEST, &mut self.mistakes)?;
        fields.check_known("file", &["application", "services", "jobs"], &mut self.mistakes);
        let allowed = "a name, such as `shop`";
        let name = fields.need("file", "application", allowed, &mut self.mistakes);
        let name = name.and_then(|node| self.value("application", node));
        let services = fields.get("services").map_or_else(Vec::new, |node| self.services(node));
        let jobs = fields.get("jobs").map_or_else(Vec::new, |node| self.jobs(node));
        if fields.get("services").is_none() && fields.get("jobs").is_none() {
            self.mistakes.add_missing("file", file, "`services`, `jobs` or both");
        }
        let called = |many: &[Name]| many.iter().map(Name::to_string).collect::<Vec<_>>();
        let names: Vec<_> = services.iter().map(|service| service.name.clone()).collect();
        let job_names: Vec<_> = jobs.iter().map(|job| job.name.clone()).collect();
        let made = Application::new(name?, services, jobs);
        let wrong = made.map_err(|mistakes| {
            for mut mistake in mistakes {
                mistake.place = by_name(&mistake.place, "services", &called(&names));
                mistake.place = by_name(&mistake.place, "jobs", &called(&job_names));
                mistake.position = Some(file.position());
                self.mistakes.push(mistake);
            }
        });
        wrong.ok()
    }

    /// What a program may do with Leases: hold those that are named, which go when the application goes; or with
    /// `true` make others, too, which stay.
    fn locks(&mut self, place: &str, fields: &Fields<'_>) -> Vec<Permission> {
        let Some(node) = fields.get("locks") else { return Vec::new() };
        let allowed = "a list of names, or `true` for names that only the program knows";
        match node.scalar().as_deref() {
            Some("true") => return vec![Permission::leases()],
            Some("false") => return Vec::new(),
            _ => {}
        }
        let place = format!("{place}.locks");
        let items: Vec<_> = node.items(&place, allowed, &mut self.mistakes).collect();
        let named = items.into_iter().filter_map(|node| self.value::<Name>(&place, node));
        let named: Vec<_> = named.collect();
        for name in &named {
            if !self.leases.contains(name) {
                self.leases.push(name.clone());
            }
        }
        let names: Vec<_> = named.iter().map(Name::to_string).collect();
        let permission = (!names.is_empty()).then(|| Permission::these_leases(names));
        permission.into_iter().collect()
    }

    /// What a text means; a mistake, and nothing, where it means nothing.
    fn value<T: std::str::FromStr<Err = Wrong>>(
        &mut self,
        place: &str,
        node: Node<'_>,
    ) -> Option<T> {
        let Some(text) = node.scalar() else {
            self.mistakes.add(place, node, "a text");
            return None;
        };
        let read = text.parse::<T>();
        read.map_err(|wrong| self.mistakes.add(place, node, &wrong.allowed)).ok()
    }

    /// The same of a field, where it is said.
    fn field<T: std::str::FromStr<Err = Wrong>>(
        &mut self,
        place: &str,
        fields: &Fields<'_>,
        name: &str,
    ) -> Option<T> {
        let node = fields.get(name)?;
        self.value(&format!("{place}.{name}"), node)
    }
}

/// `services[1].ports` as people wrote it: `services.users.ports`.
fn by_name(place: &str, list: &str, names: &[String]) -> String {
    let found = place.strip_prefix(list).and_then(|rest| rest.strip_prefix('[')?.split_once(']'));
    let name =
        found.and_then(|(number, rest)| Some((names.get(number.parse::<usize>().ok()?)?, rest)));
    name.map_or_else(|| place.to_owned(), |(name, rest)| format!("{list}.{name}{rest}"))
}

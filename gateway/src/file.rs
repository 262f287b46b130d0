//! What does the standalone file say? YAML, in the words of the annotations.
//!
//! ```
//! let world = metaparticle_gateway::file::read(
//!     "
//! services:
//!   users:
//!     pattern: shard
//!     shard-key: path:^/users/([^/]+)
//!     replicas:
//!       - 127.0.0.1:9001
//!       - { name: users-1, address: 127.0.0.1:9002, shard: users-1, ready: true }
//! routes:
//!   - { path: /users, service: users, timeout: 5s }
//! ",
//! )
//! .expect("a right file");
//! assert_eq!(world.services[0].replicas.len(), 2);
//! ```

mod routes;
mod services;

#[cfg(test)]
mod tests;

use crate::model::World;
use crate::words::Mistake;
use crate::yaml::{self, Lines, Mistakes, Node};

pub use self::services::read_policy;
pub use crate::yaml::render;

/// The smallest file that does something.
const SMALLEST: &str = "\
    services: { web: { replicas: [ \"127.0.0.1:9001\" ] } } and \
    routes: [ { path: /, service: web } ]";

/// Reads a whole file.
///
/// # Errors
/// All mistakes of the file at once, each with its place, line and column, in the file's order; only
/// a file that is not YAML has one alone.
pub fn read(text: &str) -> Result<World, Vec<Mistake>> {
    let mut mistakes = Mistakes::default();
    let world = read_world(text, &mut mistakes);
    let mistakes = mistakes.in_order();
    if mistakes.is_empty() { Ok(world) } else { Err(mistakes) }
}

fn read_world(text: &str, mistakes: &mut Mistakes) -> World {
    let documents = match yaml::parse(text) {
        Ok(documents) => documents,
        Err(mistake) => {
            mistakes.push(mistake);
            return World::default();
        }
    };
    let lines = Lines::of(text);
    let file = match documents.as_slice() {
        [] => return nothing(mistakes),
        [file] => Node::of(&lines, file),
        [_, second, ..] => {
            mistakes.add("file", Node::of(&lines, second), "one document");
            return World::default();
        }
    };
    if file.is_nothing() {
        return nothing(mistakes);
    }
    let Some(fields) = file.fields("file", SMALLEST, mistakes) else {
        return World::default();
    };
    fields.check_known("file", &["services", "routes"], mistakes);
    let mut world = World::default();
    if let Some(node) = fields.need("file", "services", "a map of services", mistakes) {
        world.services = services::read(node, mistakes);
    }
    if let Some(node) = fields.need("file", "routes", "a list of routes, or `[]`", mistakes) {
        world.routes = routes::read(node, &world.services, mistakes);
    }
    world
}

fn nothing(mistakes: &mut Mistakes) -> World {
    mistakes.push(Mistake {
        place: "file".to_owned(),
        value: "nothing".to_owned(),
        allowed: SMALLEST.to_owned(),
        position: Some((1, 1)),
    });
    World::default()
}

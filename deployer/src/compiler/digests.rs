//! Which image has a tag now?
//!
//! Libraries deploy `:latest` again and again. A cluster sees nothing new in it, and starts nothing; so what is
//! deployed is the digest that the registry has under the tag.

use std::time::Duration;

use tokio::time::timeout;

use crate::application::{Application, Image};
use crate::registry::{self, Options, Reference};

/// A registry that this machine does not reach holds nobody up for longer.
const WITHIN: Duration = Duration::from_secs(20);

/// The application with digests, as far as registries tell them.
pub(super) async fn resolved(application: Application) -> Application {
    let mut found = Vec::new();
    for image in application.images() {
        match resolve(image).await {
            Ok(resolved) => found.extend(resolved.map(|with| (image.clone(), with))),
            Err(why) => super::tell(&format!(
                "note: nobody says which image {image} is now ({why}): where pods run it already, they are left \
                 as they are"
            )),
        }
    }
    application
        .with_images(|image| found.iter().find(|(from, _)| from == image).map(|(_, to)| to.clone()))
}

/// The same image with its digest, where it has none yet.
async fn resolve(image: &Image) -> Result<Option<Image>, String> {
    if image.has_digest() {
        return Ok(None);
    }
    let name = with_registry(image.as_str());
    let reference: Reference = name.parse().map_err(|wrong: registry::Wrong| wrong.to_string())?;
    let options = Options { attempts: 2, ..Options::default() };
    let answer = timeout(WITHIN, registry::resolve(&reference, &options)).await;
    let answer = answer.map_err(|_| "its registry does not answer".to_owned())?;
    let digest = answer.map_err(|fault| fault.to_string())?;
    let digest = digest.ok_or_else(|| "its registry has none of that name".to_owned())?;
    Ok(format!("{image}@{digest}").parse().ok())
}

/// As container engines read a name without a registry.
fn with_registry(name: &str) -> String {
    let first = name.split_once('/').map(|(first, _)| first);
    match first {
        Some(first) if first.contains(['.', ':']) || first == "localhost" => name.to_owned(),
        Some(_) => format!("docker.io/{name}"),
        None => format!("docker.io/library/{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::with_registry;

    #[test]
    fn a_name_without_a_registry_is_of_docker_hub() {
        for (name, expected) in [
            ("web", "docker.io/library/web"),
            ("r/web:latest", "docker.io/r/web:latest"),
            ("localhost/web", "localhost/web"),
            ("127.0.0.1:5000/web", "127.0.0.1:5000/web"),
            ("registry.example/a/web", "registry.example/a/web"),
        ] {
            assert_eq!(with_registry(name), expected);
        }
    }
}

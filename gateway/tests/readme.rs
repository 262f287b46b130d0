//! Is the file right that the README shows?

use metaparticle_gateway::words::{Policy, Scope, labels};

const README: &str = include_str!("../../README.md");

/// The blocks of `language` in a text of Markdown.
fn blocks<'t>(text: &'t str, language: &str) -> Vec<&'t str> {
    let opening = format!("\n```{language}\n");
    let blocks = text.split(&opening).skip(1);
    blocks.map(|rest| rest.split("```").next().unwrap_or_default()).collect()
}

#[test]
fn the_file_in_the_readme_is_right() {
    // Objects of Kubernetes and applications are for others to read.
    let others = |text: &str| text.starts_with("apiVersion") || text.starts_with("application:");
    let files = blocks(README, "yaml").into_iter().filter(|text| !others(text));
    let files: Vec<_> = files.collect();
    assert!(!files.is_empty(), "the README shows a file");
    for file in files {
        let world = metaparticle_gateway::file::read(file);
        let world = world.unwrap_or_else(|mistakes| {
            panic!("{}", metaparticle_gateway::file::render("README.md", &mistakes))
        });
        assert!(!world.services.is_empty() && !world.routes.is_empty(), "{file}");
    }
}

#[test]
fn the_annotations_in_the_readme_are_right() {
    let objects = blocks(README, "yaml").into_iter().filter(|text| text.starts_with("apiVersion"));
    let text: String = objects.collect();
    let words = text.lines().filter_map(|line| line.trim().strip_prefix(labels::PREFIX));
    let words: Vec<_> = words
        .filter_map(|word| word.split(" #").next()?.split_once(": "))
        .map(|(name, value)| (name, value.trim()))
        .collect();
    assert!(words.len() > 2, "the README shows annotations");
    let (_, mistakes) = Policy::read(&Policy::default(), Scope::Service, words);
    assert_eq!(mistakes, []);
}

#[test]
fn the_blocks_of_a_text_are_found() {
    let text = "a\n```yaml\nb: 1\n```\n```sh\nc\n```\nd\n```yaml\ne: 2\n```\n";
    assert_eq!(blocks(text, "yaml"), ["b: 1\n", "e: 2\n"]);
}

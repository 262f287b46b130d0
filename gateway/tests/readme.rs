//! Is the file right that the README shows?

const README: &str = include_str!("../../README.md");

/// The blocks of `language` in a text of Markdown.
fn blocks<'t>(text: &'t str, language: &str) -> Vec<&'t str> {
    let opening = format!("\n```{language}\n");
    let blocks = text.split(&opening).skip(1);
    blocks.map(|rest| rest.split("```").next().unwrap_or_default()).collect()
}

#[test]
fn the_file_in_the_readme_is_right() {
    let files = blocks(README, "yaml");
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
fn the_blocks_of_a_text_are_found() {
    let text = "a\n```yaml\nb: 1\n```\n```sh\nc\n```\nd\n```yaml\ne: 2\n```\n";
    assert_eq!(blocks(text, "yaml"), ["b: 1\n", "e: 2\n"]);
}

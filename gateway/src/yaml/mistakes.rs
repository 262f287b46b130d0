//! What is wrong with the file? All of it, in the file's order.

use std::fmt::Write as _;

use crate::words::Mistake;
use crate::yaml::Node;

/// So many are told; who has more starts with these. Keeps the answer to a great wrong file small.
const MOST: usize = 1000;

/// The mistakes found so far.
#[derive(Debug, Default)]
pub struct Mistakes(Vec<Mistake>);

impl Mistakes {
    /// At this place stands `node`, and that is not allowed.
    pub fn add(&mut self, place: &str, node: Node<'_>, allowed: &str) {
        self.push(Mistake {
            place: place.to_owned(),
            value: node.shown().into_owned(),
            allowed: allowed.to_owned(),
            position: Some(node.position()),
        });
    }

    /// At this place should stand something, and nothing does; `node` is what it should be part of.
    pub fn add_missing(&mut self, place: &str, node: Node<'_>, allowed: &str) {
        self.push(Mistake {
            place: place.to_owned(),
            value: "nothing".to_owned(),
            allowed: allowed.to_owned(),
            position: Some(node.position()),
        });
    }

    /// One that somebody else found.
    pub fn push(&mut self, mistake: Mistake) {
        if self.0.len() < MOST {
            self.0.push(mistake);
        }
    }

    /// All of them, as they stand in the file.
    #[must_use]
    pub fn in_order(mut self) -> Vec<Mistake> {
        self.0.sort_by_key(|mistake| mistake.position);
        self.0
    }
}

/// Shows mistakes to people, one a line, and how many there are: `FILE:LINE:COLUMN: PLACE: …`.
#[must_use]
pub fn render(file: &str, mistakes: &[Mistake]) -> String {
    let mut text = String::new();
    for mistake in mistakes {
        let space = if mistake.position.is_some() { "" } else { " " };
        writeln!(text, "{file}:{space}{mistake}").expect("a String takes all");
    }
    match mistakes.len() {
        1 => text + "1 mistake\n",
        MOST.. => text + &format!("{MOST} mistakes or more\n"),
        count => text + &format!("{count} mistakes\n"),
    }
}

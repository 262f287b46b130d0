//! Which word was meant? The nearest one, if any is near.

use std::fmt::Write as _;

/// So many words are listed: a file may have thousands of services.
const MOST: usize = 30;

/// What may be said instead of `found`: the nearest of `known` first, if one is near, then all.
pub(crate) fn suggestion<'a>(found: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    let mut text = String::new();
    if let Some(near) = nearest(found, known.clone()) {
        write!(text, "did you mean `{near}`? ").expect("a String takes all");
    }
    let more = if known.clone().nth(MOST).is_some() { ", …" } else { "" };
    let all: Vec<_> = known.take(MOST).map(|word| format!("`{word}`")).collect();
    text + "one of " + &all.join(", ") + more
}

/// The word that is a few letters away, at most a third of what was written.
fn nearest<'a>(found: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = |&(distance, _): &(usize, &str)| distance <= (found.chars().count() / 3).max(1);
    // What is longer than any word is none of them, and is not worth measuring.
    if found.len() > 64 {
        return None;
    }
    known.map(|word| (distance(found, word), word)).filter(near).min().map(|(_, word)| word)
}

/// The letters to add, drop or change between two words (Levenshtein 1965).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (line, have) in from.to_lowercase().chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, want) in to.iter().enumerate() {
            let changed = diagonal + usize::from(have != *want);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::suggestion;

    fn check(found: &str, expected: &str) {
        assert_eq!(suggestion(found, ["shard-key", "scatter-merge"].into_iter()), expected);
    }

    #[test]
    fn a_slip_of_the_pen_is_understood() {
        let all = "one of `shard-key`, `scatter-merge`";
        check("shardkey", &format!("did you mean `shard-key`? {all}"));
        check("Shard_Key", &format!("did you mean `shard-key`? {all}"));
        check("scater-merge", &format!("did you mean `scatter-merge`? {all}"));
        check("colour", all);
        check(&"shard-key".repeat(100), all);
        check("", all);
    }
}

//! How is something found that may be anywhere? All leaves are asked, and what they say is put together.

use metaparticle::prelude::*;
use serde::Deserialize;

const BOOKS: [&str; 8] = [
    "Moby-Dick",
    "The Trial",
    "The Castle",
    "Ulysses",
    "Emma",
    "The Waves",
    "Middlemarch",
    "Nostromo",
];

#[derive(Deserialize)]
struct Search {
    word: String,
}

/// A leaf has every fourth book.
async fn search(search: Search, leaf: Context) -> Result<Vec<&'static str>> {
    let shelf = BOOKS.iter().skip(leaf.index()).step_by(leaf.total());
    Ok(shelf.filter(|title| title.contains(&search.word)).copied().collect())
}

/// Four leaves, whose lists become one by the gateway's own `concat`. Three are enough.
pub fn library() -> App {
    let leaves = scatter(4, search, "concat").require("75%").deadline(Duration::from_secs(1));
    app("library").service("books", leaves.public())
}

fn main() -> ExitCode {
    library().main()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_on_any_shelf_is_found() -> Result<()> {
        let world = library().simulate(1)?;
        let answer = world.get("/?word=The").await;
        assert_eq!(answer.json::<Vec<String>>()?, ["The Trial", "The Waves", "The Castle"]);
        assert_eq!(answer.coverage().as_deref(), Some("4 of 4"));
        Ok(())
    }

    #[tokio::test(start_paused = true)]
    async fn a_shelf_that_nobody_reaches_is_waited_for_until_the_deadline() -> Result<()> {
        let world = library().simulate(1)?;
        world.cut("books-1");
        let asked = tokio::time::Instant::now();
        let answer = world.get("/?word=The").await;
        assert_eq!(asked.elapsed(), Duration::from_secs(1));
        assert_eq!(answer.json::<Vec<String>>()?, ["The Castle"]);
        assert_eq!(answer.coverage().as_deref(), Some("3 of 4"));
        Ok(())
    }

    #[tokio::test(start_paused = true)]
    async fn half_of_the_shelves_are_no_answer() -> Result<()> {
        let world = library().simulate(1)?;
        world.kill("books-1");
        world.kill("books-2");
        assert_eq!(world.get("/?word=The").await.status(), 502);
        Ok(())
    }
}

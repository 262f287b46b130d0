//! How are there several? Replicas that are all alike: any of them may answer, and one may be missing.

use metaparticle::prelude::*;

async fn who(replica: Context) -> Result<String> {
    Ok(format!("I am {}, one of {}", replica.replica(), replica.total()))
}

/// Three replicas, each asked in its turn.
pub fn replicated() -> App {
    app("replicated").service("web", spread(3, who).balance("round-robin").public())
}

fn main() -> ExitCode {
    replicated().main()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn all_have_their_turn() -> Result<()> {
        let world = replicated().simulate(1)?;
        let mut answers = Vec::new();
        for _ in 0..3 {
            answers.push(world.get("/").await.json::<String>()?);
        }
        answers.sort();
        assert_eq!(answers[2], "I am web-2, one of 3");
        answers.dedup();
        assert_eq!(answers.len(), 3);
        Ok(())
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_does_not_notice_that_one_is_dead() -> Result<()> {
        let world = replicated().simulate(1)?;
        world.kill("web-1");
        for _ in 0..30 {
            assert_ne!(world.get("/").await.json::<String>()?, "I am web-1, one of 3");
        }
        Ok(())
    }
}

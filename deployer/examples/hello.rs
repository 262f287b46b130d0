//! What is the least? A function that greets whoever asks.

use metaparticle::prelude::*;

async fn greet(who: String) -> Result<String> {
    Ok(format!("hello {who}"))
}

/// One replica, which who is outside may ask.
pub fn hello() -> App {
    app("hello").service("greet", spread(1, greet).public())
}

fn main() -> ExitCode {
    hello().main()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_asks_is_greeted() -> Result<()> {
        let world = hello().simulate(1)?;
        assert_eq!(world.post("/", "world").await.json::<String>()?, "hello world");
        Ok(())
    }

    #[test]
    fn one_replica_is_public() -> Result<()> {
        let plan = hello().plan()?;
        assert_eq!(plan.replicas("greet"), Some(1));
        assert!(plan.is_public("greet"));
        Ok(())
    }
}

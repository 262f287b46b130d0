//! How is work done that ends? In parts, some at a time; and what only one may do at a time, with a lock.

use metaparticle::prelude::*;
use serde::{Deserialize, Serialize};

/// The numbers of which the primes are counted.
const NUMBERS: usize = 10_000;

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Primes {
    found: usize,
    parts: usize,
}

fn is_prime(number: usize) -> bool {
    number > 1 && (2..).take_while(|by| by * by <= number).all(|by| !number.is_multiple_of(by))
}

/// One part: every eighth number.
async fn count(part: Context) -> Result<()> {
    let mine = (0..NUMBERS).skip(part.index()).step_by(part.total());
    let found = mine.filter(|number| is_prime(*number)).count();
    let primes = part.scope::<Primes>("primes")?;
    part.locked("sum", |held| async move {
        held.check()?;
        primes
            .update(|primes| {
                primes.found += found;
                primes.parts += 1;
            })
            .await
    })
    .await
}

/// Eight parts, four at a time.
pub fn primes() -> App {
    app("primes").scope("primes").lock("sum").job("count", indexed(8, count).parallelism(4))
}

fn main() -> ExitCode {
    primes().main()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_part_is_done_once() -> Result<()> {
        let world = primes().start().await?;
        world.finished().await?;
        let primes = world.scope::<Primes>("primes").read().await?;
        assert_eq!(primes, Primes { found: 1229, parts: 8 });
        world.stop().await;
        Ok(())
    }

    #[test]
    fn it_is_a_job_of_eight_parts() -> Result<()> {
        let plan = primes().plan()?;
        let job = plan.objects.iter().find(|object| object.kind().kind == "Job").expect("a job");
        assert_eq!(job.body()["spec"]["completions"], 8);
        assert_eq!(job.body()["spec"]["parallelism"], 4);
        assert_eq!(job.body()["spec"]["completionMode"], "Indexed");
        Ok(())
    }
}

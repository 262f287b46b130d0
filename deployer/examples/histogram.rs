//! How are numbers counted that are in ten places? Ten leaves have a hundred samples each; whoever is asked
//! asks all of them, and counts what they say.
//!
//! ```text
//! curl ──► gateway ──► histogram ──┬─► histogram-leaf-0   samples()
//!                      counts()    ├─► …
//!                                  └─► histogram-leaf-9   samples()
//! here: one process, with a port for the gateway, which counts, and one for each leaf
//! in a cluster: a gateway that is there already, two pods that count, and ten that are leaves
//! ```

use metaparticle::prelude::*;

/// What a leaf does: it gives its samples, each the sum of three dice.
async fn samples(leaf: Context) -> Result<Vec<usize>> {
    let mut dice = fastrand::Rng::with_seed(leaf.index() as u64);
    Ok((0..100).map(|_| dice.usize(0..70) + dice.usize(0..70) + dice.usize(0..70)).collect())
}

/// What is made of all their samples: how many are in 0..20, in 20..40, and so on below 200.
fn counts(parts: Parts<Vec<usize>>) -> Result<[u32; 10]> {
    let mut counts = [0; 10];
    for sample in parts.answers().flatten().filter(|sample| *sample < 200) {
        counts[sample / 20] += 1;
    }
    Ok(counts)
}

/// Ten leaves, and who asks them, who alone is public. It waits for all ten, two seconds at the most; eight are
/// enough then, and with fewer there is no answer.
pub fn histogram() -> App {
    let counted = scatter(10, samples, counts).quorum(8).deadline(Duration::from_secs(2));
    app("histogram").service("histogram", counted.public())
}

fn main() -> ExitCode {
    histogram().main()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_counted_by_twenties() -> Result<()> {
        let parts = Parts::from_iter([vec![0, 19, 20], vec![199, 200, 206]]);
        assert_eq!(counts(parts)?, [2, 1, 0, 0, 0, 0, 0, 0, 0, 1]);
        Ok(())
    }

    #[test]
    fn ten_leaves_keep_their_names_and_two_roots_are_public() -> Result<()> {
        let plan = histogram().plan()?;
        assert_eq!(plan.replicas("histogram-leaf"), Some(10));
        assert!(plan.object("StatefulSet", "histogram-leaf").is_some());
        assert_eq!(plan.replicas("histogram"), Some(2));
        assert!(plan.is_public("histogram") && !plan.is_public("histogram-leaf"));
        Ok(())
    }

    #[tokio::test(start_paused = true)]
    async fn eight_of_ten_are_an_answer_and_seven_are_none() -> Result<()> {
        let world = histogram().simulate(7)?;
        let whole: u32 = world.get("/").await.json::<[u32; 10]>()?.iter().sum();
        world.cut("histogram-leaf-3");
        world.kill("histogram-leaf-5");
        let answer = world.get("/").await;
        assert_eq!(answer.coverage().as_deref(), Some("8 of 10"));
        let most: u32 = answer.json::<[u32; 10]>()?.iter().sum();
        assert!(most < whole && most > whole / 2, "{most} of {whole}");
        world.kill("histogram-leaf-7");
        assert_eq!(world.get("/").await.status(), 502);
        world.heal();
        assert_eq!(world.get("/").await.coverage().as_deref(), Some("8 of 10"));
        Ok(())
    }
}

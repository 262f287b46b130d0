//! Who paints the picture, and who looks at it?

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::model::World;
use crate::snapshot::Snapshot;
use crate::snapshot::assemble;

/// A new picture with nothing in it: the one who paints it, and the first of those who look.
#[must_use]
pub fn channel() -> (Publisher, Latest) {
    let cell = Arc::new(ArcSwap::from_pointee(Snapshot::default()));
    (Publisher { cell: Arc::clone(&cell), ids: 0 }, Latest { cell })
}

/// The one who paints: not `Clone`, so that one source decides what is there.
#[derive(Debug)]
pub struct Publisher {
    cell: Arc<ArcSwap<Snapshot>>,
    /// How many replicas were ever seen.
    ids: u64,
}

impl Publisher {
    /// Paints `world` and swaps it in whole. Rings of unchanged shard sets, and the counters of
    /// services and replicas that stay, are carried over. Gives the new version.
    pub fn publish(&mut self, world: &World) -> u64 {
        let before = self.cell.load_full();
        let snapshot = assemble::snapshot(world, &before, &mut self.ids);
        let version = snapshot.version;
        self.cell.store(Arc::new(snapshot));
        version
    }
}

/// One who looks.
#[derive(Debug, Clone)]
pub struct Latest {
    cell: Arc<ArcSwap<Snapshot>>,
}

impl Latest {
    /// The picture as it is now. Hold it for as long as the request lives.
    #[must_use]
    pub fn load(&self) -> Arc<Snapshot> {
        self.cell.load_full()
    }
}

//! How much, how well? The elector's counters, as Prometheus reads them.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What is counted.
#[derive(Debug, Default)]
pub(super) struct Counts {
    acquired: AtomicU64,
    lost: AtomicU64,
    writes: AtomicU64,
    failed: AtomicU64,
    requests: AtomicU64,
}

impl Counts {
    pub(super) fn acquired(&self) {
        self.acquired.fetch_add(1, Relaxed);
    }

    pub(super) fn lost(&self) {
        self.lost.fetch_add(1, Relaxed);
    }

    pub(super) fn wrote(&self, well: bool) {
        self.writes.fetch_add(1, Relaxed);
        self.failed.fetch_add(u64::from(!well), Relaxed);
    }

    pub(super) fn asked(&self) {
        self.requests.fetch_add(1, Relaxed);
    }

    /// The page, where so many locks are known and held.
    pub(super) fn page(&self, (known, held): (usize, usize), watching: bool) -> String {
        let of = |count: &AtomicU64| count.load(Relaxed);
        let rows: [(&str, &str, &str, u64); 8] = [
            ("locks", "gauge", "Locks that are asked about.", known as u64),
            ("locks_held", "gauge", "Locks that clients of this elector hold.", held as u64),
            ("watching", "gauge", "1 while news of Leases are heard.", watching.into()),
            ("acquired_total", "counter", "Locks acquired.", of(&self.acquired)),
            ("lost_total", "counter", "Locks lost while a client counted on them.", of(&self.lost)),
            ("lease_writes_total", "counter", "Writes of Leases.", of(&self.writes)),
            (
                "lease_writes_failed_total",
                "counter",
                "Those that were not accepted.",
                of(&self.failed),
            ),
            ("requests_total", "counter", "Requests answered.", of(&self.requests)),
        ];
        rows.iter().fold(String::new(), |mut page, (name, kind, help, value)| {
            let name = format!("metaparticle_elector_{name}");
            // Writing into a String does not fail.
            write!(page, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n").ok();
            page
        })
    }
}

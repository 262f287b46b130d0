//! How much may be held at once? Bodies that must be whole before they are of use are counted here,
//! all requests of a gateway together; past the cap there is a refusal, never an exhausted machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The gateway's memory for bodies.
#[derive(Debug, Clone)]
pub struct Memory {
    cell: Arc<Cell>,
}

#[derive(Debug)]
struct Cell {
    used: AtomicU64,
    most: u64,
}

/// There is no room for more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the gateway holds as many bytes of bodies as it may ({most}, --memory)")]
pub struct Full {
    most: u64,
}

impl Memory {
    /// Room for `most` bytes.
    #[must_use]
    pub fn new(most: u64) -> Self {
        Self { cell: Arc::new(Cell { used: AtomicU64::new(0), most }) }
    }

    /// Bytes held now, and at the most.
    #[must_use]
    pub fn usage(&self) -> (u64, u64) {
        (self.cell.used.load(Relaxed), self.cell.most)
    }

    /// Nothing held yet.
    pub fn hold(&self) -> Held {
        Held { memory: self.clone(), bytes: 0 }
    }
}

/// Bytes that are held; given back when dropped.
#[derive(Debug)]
#[must_use = "the bytes are given back when this is dropped"]
pub struct Held {
    memory: Memory,
    bytes: u64,
}

impl Held {
    /// Holds `bytes` more.
    ///
    /// # Errors
    /// When there is no room; what was held stays held.
    pub fn grow(&mut self, bytes: usize) -> Result<(), Full> {
        let Cell { used, most } = &*self.memory.cell;
        let bytes = bytes as u64;
        if used.fetch_add(bytes, Relaxed).saturating_add(bytes) > *most {
            used.fetch_sub(bytes, Relaxed);
            return Err(Full { most: *most });
        }
        self.bytes += bytes;
        Ok(())
    }

    /// How many are held.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.memory.cell.used.fetch_sub(self.bytes, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_counted_and_given_back() {
        let memory = Memory::new(10);
        let mut one = memory.hold();
        let mut other = memory.hold();
        one.grow(6).unwrap();
        assert_eq!(other.grow(5), Err(Full { most: 10 }));
        other.grow(4).unwrap();
        assert_eq!(memory.usage(), (10, 10));
        drop(one);
        drop(other);
        assert_eq!(memory.usage(), (0, 10));
    }
}

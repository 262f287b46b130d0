//! What may whoever uses a lock rely on? Sentences, in paused time, with records in memory.

mod elect;
mod exclusion;
mod overrun;
mod release;
mod semaphore;
mod shards;
mod shards_at_fault;
mod takeover;
mod unanswered;
mod world;

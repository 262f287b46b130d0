//! What does the gateway promise? Sentences, each tried on the whole road with replicas on a stage.

mod bounds;
mod hedge;
mod lines;
mod partial;
mod refuse;
mod reshard;
mod retry;
mod scatter;
mod shard;
mod spread;
mod world;

//! What does the gateway promise? Sentences, each tried on the whole road with replicas on a stage.

mod retry;
mod spread;
mod world;

//! (shards)
#[derive(Debug)]
pub struct Shards;
impl Shards { pub(crate) fn new(_: crate::sync::Sync, _: &str, _: u32) -> Self { Self } }

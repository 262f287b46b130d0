//! What are the strings that other programs see?

/// The prefix of every annotation and label.
pub const PREFIX: &str = "metaparticle.io/";

/// The response header that names the shard which answered, and the request header that tells a leaf
/// which shard it is asked as.
pub const SHARD: &str = "metaparticle-shard";

/// The request header that tells a leaf how many shards there are.
pub const SHARDS: &str = "metaparticle-shards";

/// The request header that tells a leaf how many milliseconds its answer is still of use.
pub const DEADLINE: &str = "metaparticle-deadline";

/// The response header, and for streams the trailer, that says which leaves answered.
pub const COVERAGE: &str = "metaparticle-coverage";

/// The header that names a request, in and out.
pub const REQUEST_ID: &str = "x-request-id";

/// The label by which a pod, or an EndpointSlice, says which shard it serves.
pub const SHARD_LABEL: &str = "metaparticle.io/shard";

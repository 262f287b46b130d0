//! Locks and elections on Kubernetes Leases.
//!
//! # What a lease promises, and what it does not
//!
//! A lease is a promise with an end: *at most one holder acts at a time, as judged by the holder's own
//! deadline*. It cannot promise that a holder which was stopped (by the kernel, a debugger, a paused
//! virtual machine) knows that its time is over before it does one more thing. Whoever must never be
//! written to by a former holder has to look at the *term*, a number that only ever grows, and refuse
//! one that is smaller than the greatest it has seen.
//!
//! Nothing is here yet but this page: the lease, its store and its holder come next.

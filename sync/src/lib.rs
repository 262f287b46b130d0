//! Locks and elections on Kubernetes Leases, which can be trusted as far as a lease can be.
//!
//! # What a lease promises, and what it cannot
//!
//! A lease is a lock with an end. It promises that **at most one holder acts at a time, as judged by each
//! holder's own deadline**: a holder that cannot renew its Lease stops before anybody else begins, however
//! late its messages arrive, as long as
//!
//! * the *rates* of any two clocks differ by less than the margin, which is a twentieth (what a clock on the
//!   wall says does not matter);
//! * the work looks before it acts, by [`check`](holder::Held::check), or is dropped before its deadline, by
//!   [`run`](lock::Lock::run); work that does neither is aborted, with its process;
//! * nobody deletes a Lease that is held. Who waited for it waits out its time; who comes new cannot know, nor
//!   can a write that is on its way.
//!
//! It **cannot** stop a holder that does not run: one that is stopped between its look and its deed, by a
//! debugger, by the kernel, or with its whole virtual machine, acts too late, and so does a packet that was
//! on its way for long. No lock over a network can prevent that. What can is the resource itself: give it the
//! [`token`](holder::Held::token), a number that only ever grows, and let it refuse one that is smaller than
//! the greatest it has seen. That is called *fencing*, and [`fence`] has the three forms of it. It grows as
//! far as `resourceVersion`s do: since Kubernetes 1.35 that is promised, and before it was so with etcd. Whoever
//! restores etcd from a backup without `--bump-revision` sets them back, and has to reset the fences, too.
//!
//! Nor does a lease promise fairness between processes, or progress while the API server is away: then
//! whoever holds something must stop in time, and nobody can begin.
//!
//! # A lock, in five minutes
//!
//! A program that needs this crate, and tokio with `macros` and `rt`:
//!
//! ```
//! use metaparticle_sync::Sync;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     // In this process alone, to try it. `Sync::connect().await?` has its locks in the cluster.
//!     let sync = Sync::memory();
//!
//!     let held = sync.lock("migrate").acquire().await?;    // waits: by watching, without asking
//!     held.check()?;                                       // still ours? one look at the clock
//!     println!("UPDATE … SET fence = {0} WHERE fence <= {0}", held.token());
//!     held.release().await?;                               // or drop it
//!     Ok(())
//! }
//! ```
//!
//! With `connect` it asks the cluster of your kubeconfig, or of the pod that it is in, and `kubectl get lease migrate`
//! says who has it. In a pod the service account needs a Role. A missing permission is
//! told by name when a lock is asked for; this is all there is to permit (`deploy/examples/lock/role.yaml` has it
//! with the account and its binding):
//!
//! ```yaml
//! apiVersion: rbac.authorization.k8s.io/v1
//! kind: Role
//! metadata: { name: locks }
//! rules:
//!   - { apiGroups: [coordination.k8s.io], resources: [leases], verbs: [get, list, watch, create, update] }
//! ```
//!
//! ## Work that ends in time
//!
//! [`run`](lock::Lock::run) is the form to prefer: the lock cannot be kept too long, or given back too early.
//!
//! ```
//! # use metaparticle_sync::Sync;
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let sync = Sync::memory();
//! let rows = sync
//!     .lock("rebuild")
//!     .run(async |held| {
//!         held.spawn(async { /* belongs to the work: waited for before the lock is given back */ });
//!         let mut rows = 0;
//!         while rows < 1000 {
//!             held.check()?;                           // before everything that others can see
//!             rows += 100;
//!         }
//!         Ok::<_, metaparticle_sync::holder::Lost>(rows)
//!     })
//!     .await??;
//! assert_eq!(rows, 1000);
//! # Ok(())
//! # }
//! ```
//!
//! ```text
//!   sent         renewed, three times as often as needed      lost      deadline   others may begin
//!    |----------------------------------------------------- … --|---------|---------|
//!                                                   lost() is ready       |  margin
//!                                                   the work stops: <= 1 s|
//! ```
//!
//! What still runs at the deadline is overrun: the process is aborted, unless [`on_overrun`](lock::Lock::on_overrun)
//! says that it is [fenced](holder::Overrun::Fenced).
//!
//! ## Somebody leads
//!
//! ```
//! # use metaparticle_sync::Sync;
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let sync = Sync::memory();
//! let done = sync
//!     .elect("primary")
//!     .run_while_leader(async |held| {
//!         // Until `held.lost()`; then it stands again.
//!         format!("led with {}", held.token())
//!     })
//!     .await?;
//! assert!(done.starts_with("led with "));
//! # Ok(())
//! # }
//! ```
//!
//! [`Sync::observe`] tells everybody else who leads. [`Sync::semaphore`] lets several hold the same, and
//! [`Sync::shards`] deals work out to as many processes as there are.
//!
//! ## Without waiting, and for a while
//!
//! ```
//! # use metaparticle_sync::Sync;
//! # use std::time::Duration;
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let sync = Sync::memory();
//! let _held = sync.lock("nightly").try_acquire().await?.expect("nobody has it");
//! assert!(sync.lock("nightly").try_acquire().await?.is_none());
//! let late = sync.lock("nightly").acquire_within(Duration::from_secs(5)).await;
//! assert!(late.is_err());
//! # Ok(())
//! # }
//! ```
//!
//! ## Fencing
//!
//! ```
//! use metaparticle_sync::fence::Fence;
//! use metaparticle_sync::term::Term;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), metaparticle_sync::fence::Stale> {
//! let fence = Fence::new();                            // at the resource
//! let inside = fence.enter(&Term::from(33)).await?;    // write while you have this
//! drop(inside);
//! drop(fence.enter(&Term::from(34)).await?);           // the next holder
//! assert!(fence.enter(&Term::from(33)).await.is_err(), "the former one is late, and writes nothing");
//! # Ok(())
//! # }
//! ```
//!
//! [`fence::RefuseStale`] does that for the requests of a tower service, and [`fence::change`] for an object of
//! Kubernetes.
//!
//! # How it is done
//!
//! ```text
//!   Sync ── lock · semaphore · elect · shards · observe         what is asked for
//!             │
//!           holder      one task a contender: does what lease says, tells the work how it stands
//!          ╱   │   ╲
//!      store  clock  lease     Leases, or memory · CLOCK_BOOTTIME · what to do next (pure)
//!                      │
//!                term · moment · name
//! ```
//!
//! Leases are written as client-go writes them: programs in Go and in Rust can contend for the same one.

// What is decided, purely.
pub mod term;

pub mod moment;

pub mod name;

pub mod lease;

// What it is done with.
pub mod clock;

pub mod store;

mod tasks;

pub mod holder;

// What is asked for.
pub mod sync;

pub mod lock;

pub mod elect;

pub mod observe;

pub mod shards;

pub mod fence;

// For programs in other languages.
#[cfg(feature = "elector")]
pub mod elector;

pub use crate::sync::Sync;

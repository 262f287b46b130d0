//! How does a test get a piece of a real cluster, and leave nothing of it behind?
//!
//! ```no_run
//! # use metaparticle_testbed::{in_namespace, program, workload::deployment};
//! # use k8s_openapi::api::core::v1::Pod;
//! # async fn test() {
//! in_namespace("two-replicas", async |space| {
//!     let image = space.push("replica", &program::released("metaparticle-replica", "replica").await?).await?;
//!     space.apply(&deployment("web", &image, 2)?).await?;
//!     space.until("two pods", "app=web", |pods: &[Pod]| (pods.len() == 2).then_some(())).await
//! })
//! .await;
//! # }
//! ```
//!
//! The cluster is the one that `KUBECONFIG` names: `make cluster` starts it. No other is touched, unless
//! `CLUSTER=existing` says so.

pub mod figures;
pub mod image;
mod kubectl;
pub mod outage;
pub mod program;
mod report;
mod settings;
mod space;
mod wait;
pub mod workload;

pub use kubectl::kubectl;
pub use space::{Object, Space, in_namespace};

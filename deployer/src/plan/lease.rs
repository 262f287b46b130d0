//! Who holds a lock, or leads? Whoever a Lease names; it is planned, so that it goes when the application goes.
//!
//! Nothing is said of its `spec`: that is what holders write, and a deploy in the middle of it changes nothing.

use k8s_openapi::api::coordination::v1::Lease;

use super::labels::Labels;
use super::object::Object;
use crate::application::Name;

/// A Lease that nobody holds yet.
pub(super) fn object(application: &Name, name: &Name) -> Object {
    let metadata = Labels::of_lease(application, name).head(name.as_str());
    Object::of(&Lease { metadata, spec: None })
}

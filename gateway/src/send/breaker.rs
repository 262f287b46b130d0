//! When is a replica left alone? When it failed too often in a row, and enough others are there.

use std::time::Duration;

use crate::snapshot::{Replica, Service};

/// Leaves `replica` alone for a while, unless half of its service already is: with most of them
/// gone the fault is more likely on the way than in each (Envoy's panic threshold).
pub(super) fn eject(service: &Service, replica: &Replica, now: Duration) {
    let ready = service.ready.iter().map(|place| &service.replicas[*place as usize]);
    let ejected = ready.filter(|other| other.live.is_ejected(now)).count();
    if (ejected + 1) * 2 <= service.ready.len() {
        tracing::warn!(service = %service.name, replica = %replica.name, "left alone for a while");
        replica.live.eject(now);
    }
}

//! What may pods do in the cluster? What they ask for, and nothing where they ask for nothing.

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::rbac::v1 as rbac;

use super::labels::Labels;
use super::object::Object;
use crate::application::Permission;

/// An account, a role, and what binds them; none without permissions.
pub(super) fn objects(labels: &Labels, permissions: &[Permission]) -> Vec<Object> {
    if permissions.is_empty() {
        return Vec::new();
    }
    let name = labels.of();
    vec![
        Object::of(&core::ServiceAccount {
            metadata: labels.head(name),
            automount_service_account_token: Some(false),
            ..core::ServiceAccount::default()
        }),
        Object::of(&rbac::Role {
            metadata: labels.head(name),
            rules: Some(permissions.iter().flat_map(rules).collect()),
        }),
        Object::of(&rbac::RoleBinding {
            metadata: labels.head(name),
            role_ref: rbac::RoleRef {
                api_group: "rbac.authorization.k8s.io".to_owned(),
                kind: "Role".to_owned(),
                name: name.to_owned(),
            },
            subjects: Some(vec![rbac::Subject {
                kind: "ServiceAccount".to_owned(),
                name: name.to_owned(),
                ..rbac::Subject::default()
            }]),
        }),
    ]
}

/// The names limit what they can: not `create`, which has no name yet.
fn rules(permission: &Permission) -> Vec<rbac::PolicyRule> {
    let Permission { group, resource, verbs, names } = permission;
    let rule = |verbs: Vec<&str>, names: &[String]| rbac::PolicyRule {
        api_groups: Some(vec![(*group).to_owned()]),
        resources: Some(vec![(*resource).to_owned()]),
        verbs: verbs.into_iter().map(str::to_owned).collect(),
        resource_names: (!names.is_empty()).then(|| names.to_vec()),
        ..rbac::PolicyRule::default()
    };
    let (create, others): (Vec<&str>, Vec<&str>) =
        verbs.iter().copied().partition(|verb| *verb == "create" && !names.is_empty());
    let rules = [(others, names.as_slice()), (create, &[])];
    rules.into_iter().filter(|(verbs, _)| !verbs.is_empty()).map(|(v, n)| rule(v, n)).collect()
}

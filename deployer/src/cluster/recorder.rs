//! How is the parent read and written? Only over what was read: whoever was overtaken is told so.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, ListParams, PostParams};

use crate::cluster::MANAGER;
use crate::cluster::ask::answered;
use crate::cluster::connect::Cluster;
use crate::cluster::deploy::Options;
use crate::cluster::fault::Fault;
use crate::cluster::parent::Parent;
use crate::report::{Thing, Told};

impl Cluster {
    /// What is remembered of an application.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn parent(&self, application: &str) -> Result<Option<Parent>, Fault> {
        let name = Parent::name_of(application);
        let thing = Thing::new("ConfigMap", &name);
        let found = answered(self.maps().get_opt(&name)).await;
        let found = found.map_err(|error| self.client_fault("get", &thing, error))?;
        found.map(|map| Parent::read(application, &map)).transpose()
    }

    /// The applications of the namespace.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub async fn applications(&self) -> Result<Vec<String>, Fault> {
        let params = ListParams::default().labels(&Parent::selector());
        let thing = Thing::new("ConfigMap", "mp-…");
        let found = answered(self.maps().list(&params)).await;
        let found = found.map_err(|error| self.client_fault("list", &thing, error))?;
        let names = found.items.iter().filter_map(Parent::application_of).map(str::to_owned);
        Ok(names.collect())
    }

    /// The parent as it is, or a new one that remembers nothing.
    pub(super) async fn ensure(
        &self,
        application: &str,
        options: &Options,
        told: &Told<'_>,
    ) -> Result<Parent, Fault> {
        loop {
            match self.parent(application).await? {
                Some(parent) if parent.going => {
                    let uid = parent.uid.clone().unwrap_or_default();
                    let (item, with) = (Parent::item(application), &parent.inventory);
                    self.gone_in_time(&item, &uid, with, options, told).await?;
                }
                Some(parent) => return Ok(parent),
                None => {
                    let mut parent = Parent::new(application);
                    match self.record(&mut parent).await {
                        // Somebody was faster.
                        Err(Fault::Raced { .. }) => {}
                        answer => return answer.map(|()| parent),
                    }
                }
            }
        }
    }

    /// Writes it over what was read.
    pub(super) async fn record(&self, parent: &mut Parent) -> Result<(), Fault> {
        let by = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
        let (name, map) = (Parent::name_of(&parent.application), parent.write());
        let written = match parent.version {
            Some(_) => answered(self.maps().replace(&name, &by, &map)).await,
            None => answered(self.maps().create(&by, &map)).await,
        };
        match written {
            Ok(map) => {
                (parent.uid, parent.version) = (map.metadata.uid, map.metadata.resource_version);
                Ok(())
            }
            Err(kube::Error::Api(status)) if status.code == 409 => {
                Err(Fault::Raced { object: parent.thing() })
            }
            // It was deleted meanwhile.
            Err(kube::Error::Api(status)) if status.code == 404 && parent.version.is_some() => {
                Err(Fault::Raced { object: parent.thing() })
            }
            Err(error) => Err(self.client_fault("write", &parent.thing(), error)),
        }
    }

    pub(super) fn maps(&self) -> Api<ConfigMap> {
        Api::namespaced(self.client.clone(), &self.place.namespace)
    }
}

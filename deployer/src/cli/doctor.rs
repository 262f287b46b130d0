//! What would keep a deploy from working? The file, its first program, the cluster, the registry: each is looked at.

use std::io;
use std::process::ExitCode;

use metaparticle_gateway::request::in_full;

use super::{Asked, Fault, Images, show};
use crate::cluster::{Check, Verdict};
use crate::package;

impl Asked {
    pub(super) async fn doctor(&self, images: &Images) -> Result<ExitCode, Fault> {
        let cluster = self.cluster().await?;
        let mut checks = Vec::new();
        let mut wrong = |what, fault: &Fault| checks.push(Check::wrong(what, in_full(fault)));
        // It may be asked of a cluster alone, where no file is.
        let written = match self.written() {
            Ok(written) => Some(written),
            Err(Fault::Unreadable { cause, .. }) if cause.kind() == io::ErrorKind::NotFound => None,
            Err(fault) => {
                wrong("file", &fault);
                None
            }
        };
        let program = written.as_ref().and_then(|(written, home)| {
            written.programs.first().map(|program| (program, home.join(&program.path)))
        });
        let mut architecture = None;
        if let Some((program, path)) = &program {
            match package::platform(program, path) {
                Ok(platform) => architecture = Some(platform.architecture),
                Err(fault) => wrong("program", &fault.into()),
            }
        }
        checks.extend(cluster.doctor(architecture).await);
        if let (Some((written, _)), Some(_)) = (&written, &program) {
            checks.push(match self.destination(images, written, Some(&cluster)).await {
                Ok(destination) => destination.check().await,
                Err(fault) => Check::wrong("registry", in_full(&fault)),
            });
        }
        let well = checks.iter().all(|check| check.verdict != Verdict::Wrong);
        self.show(checks.as_slice(), show::checks)?;
        Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

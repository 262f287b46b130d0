//! Where does somebody find what was deployed? In `.metaparticle/`, a file for each object, as the original
//! called them; with its slip, which others read: `n-shardershard-router.json`.
//!
//! A spec may hold what is nobody's business: what is written there is for its owner alone, and for no
//! repository.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::application::{Application, Instances};
use crate::plan::Object;
use crate::plan::Plan;

/// The folder, where the compiler runs.
pub(super) const FOLDER: &str = ".metaparticle";

/// The files of a plan: names, and objects as they are applied.
pub(super) fn of<'p>(application: &Application, plan: &'p Plan) -> Vec<(String, &'p Object)> {
    let numbered = |name: &str| {
        let services = application.services().iter();
        services
            .filter(|one| one.name.as_str() == name)
            .any(|one| matches!(one.instances, Instances::Numbered(_)))
    };
    let file = |object: &'p Object| {
        let labels = object.map_at("/metadata/labels");
        let of = labels.and_then(|labels| labels.get("app")).and_then(serde_json::Value::as_str);
        let of = of.unwrap_or_else(|| object.name());
        let sharded = numbered(of);
        let end = match object.kind().kind.as_str() {
            "Deployment" => "-deploy",
            "StatefulSet" => "-stateful-set",
            "Service" if object.name() != of => "-shard-router-service",
            "Service" if sharded => "-shards-service",
            "Service" => "-load-balancer",
            // What leads requests to shards was the sharder's Deployment.
            "Ingress" if sharded => "-shardershard-router",
            "Ingress" => "-route",
            "PodDisruptionBudget" => "-budget",
            "CronJob" => "-cron-job",
            "Job" => "-job",
            other => return (format!("{of}-{}.json", other.to_lowercase()), object),
        };
        (format!("{of}{end}.json"), object)
    };
    plan.objects.iter().map(file).collect()
}

/// Writes them into `folder`.
///
/// # Errors
///
/// When one cannot be written.
pub(super) fn write(folder: &Path, files: &[(String, &Object)]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let ignored = folder.join(".gitignore");
    if !ignored.exists() {
        private(&ignored, "*\n")?;
    }
    for (name, object) in files {
        private(&folder.join(name), &text(object))?;
    }
    Ok(())
}

/// As the original printed objects.
pub(super) fn text(object: &Object) -> String {
    serde_json::to_string_pretty(object.body()).expect("an object is JSON") + "\n"
}

/// What was there before may have been open to all: it is replaced, not written into.
fn private(path: &Path, text: &str) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = path.with_file_name(name);
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    file.write_all(text.as_bytes())?;
    drop(file);
    fs::rename(&new, path)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use serde_json::json;

    use super::{of, write};
    use crate::spec::{Setting, read_value};

    #[track_caller]
    fn check(more: serde_json::Value, expected: &[&str]) {
        let mut spec = json!({ "name": "n", "serve": { "name": "n", "public": true } });
        for (name, value) in more.as_object().unwrap() {
            spec[name] = value.clone();
        }
        let application = read_value(&spec, &Setting::default()).unwrap().application;
        let plan = application.plan();
        let names: Vec<_> = of(&application, &plan).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, expected);
    }

    #[test]
    fn files_are_called_as_the_original_called_them() {
        let service = |more: (&str, serde_json::Value)| {
            let mut service = json!({ "name": "n", "containers": [{ "image": "r/n" }], "ports": [{ "number": 80 }] });
            service[more.0] = more.1;
            json!({ "services": [service] })
        };
        let replicas = ["n-load-balancer.json", "n-deploy.json", "n-budget.json", "n-route.json"];
        check(service(("replicas", json!(2))), &replicas);
        let shards = [
            "n-shards-service.json",
            "n-shard-router-service.json",
            "n-stateful-set.json",
            "n-budget.json",
            "n-shardershard-router.json",
        ];
        check(service(("shardSpec", json!([3]))), &shards);
        let job = json!([{ "name": "n", "replicas": 2, "containers": [{ "image": "r/n" }] }]);
        check(json!({ "jobs": job }), &["n-job.json"]);
    }

    #[test]
    fn what_is_written_is_for_its_owner_alone_and_for_no_repository() {
        let folder = std::env::temp_dir().join(format!("plan-files-{}", std::process::id()));
        let job = json!([{ "name": "n", "containers": [{ "image": "r/n" }] }]);
        let spec = json!({ "name": "n", "jobs": job });
        let application = read_value(&spec, &Setting::default()).unwrap().application;
        let plan = application.plan();
        let files = of(&application, &plan);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("n-job.json"), "older, longer, and open to all".repeat(1000))
            .unwrap();
        fs::write(folder.join("n-job.json.new"), "left by one that was killed").unwrap();
        write(&folder, &files).unwrap();
        fs::write(folder.join(".gitignore"), "mine").unwrap();
        write(&folder, &files).unwrap();
        let path = folder.join("n-job.json");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let read: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        assert_eq!(&read, plan.objects[0].body());
        assert_eq!(fs::read_to_string(folder.join(".gitignore")).unwrap(), "mine");
        let names: Vec<_> =
            fs::read_dir(&folder).unwrap().map(|it| it.unwrap().file_name()).collect();
        assert_eq!(names.len(), 2, "{names:?}");
        fs::remove_dir_all(&folder).unwrap();
    }
}

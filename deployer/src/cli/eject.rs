//! How does somebody go on without this tool? With the objects as YAML, each in a file of its own, and a
//! Dockerfile for each program: all that `deploy` would have applied.

use std::fs;
use std::path::Path;

use crate::cli::Fault;
use crate::plan::Object;
use crate::read::{Program, Written};
use crate::render;

/// Writes the files, and gives their names in the order in which they are applied.
pub(super) fn write(
    written: &Written,
    home: &Path,
    folder: &Path,
    force: bool,
) -> Result<Vec<String>, Fault> {
    let plan = written.application.plan();
    let objects = plan
        .objects
        .iter()
        .enumerate()
        .map(|(number, object)| (file_name(number, object), render::object(object)));
    let mut files: Vec<_> = objects.collect();
    let names: Vec<_> = files.iter().map(|(name, _)| name.clone()).collect();
    files.push(("kustomization.yaml".to_owned(), kustomization(&names, written)));
    for program in &written.programs {
        files.push((format!("{}.Dockerfile", program.name), dockerfile(program)));
    }
    // Nothing is written where something is in the way.
    let in_the_way = files.iter().map(|(name, _)| folder.join(name)).find(|path| path.exists());
    if let Some(path) = in_the_way.filter(|_| !force) {
        return Err(Fault::InTheWay(path));
    }
    let unwritable = |path: &Path| {
        let path = path.to_owned();
        move |cause| Fault::Unwritable(path, cause)
    };
    fs::create_dir_all(folder).map_err(unwritable(folder))?;
    for (name, text) in &files {
        let path = folder.join(name);
        fs::write(&path, text).map_err(unwritable(&path))?;
    }
    for program in &written.programs {
        let path = folder.join(program.name.as_str());
        fs::copy(home.join(&program.path), &path).map_err(unwritable(&path))?;
    }
    Ok(files.into_iter().map(|(name, _)| name).collect())
}

fn file_name(number: usize, object: &Object) -> String {
    format!("{:02}-{}-{}.yaml", number + 1, object.kind().kind.to_lowercase(), object.name())
}

/// `kubectl apply -k` of the folder does what `deploy` did; images are named in one place.
fn kustomization(objects: &[String], written: &Written) -> String {
    let mut text = "resources:\n".to_owned();
    for name in objects {
        text += &format!("- {name}\n");
    }
    if !written.programs.is_empty() {
        text += "# Where you push what the Dockerfiles make:\nimages:\n";
    }
    for program in &written.programs {
        let name = &program.name;
        text += &format!(
            "- {{ name: {}, newName: registry.example/{name}, newTag: \"1\" }}\n",
            program.image
        );
    }
    text
}

/// The program as `build` packages it, with a base image in the place of its libraries.
fn dockerfile(program: &Program) -> String {
    let Program { name, .. } = program;
    format!(
        "# docker build -f {name}.Dockerfile -t registry.example/{name}:1 .\n\
         FROM debian:stable-slim\n\
         COPY --chmod=0755 {name} /app/{name}\n\
         USER 65532:65532\n\
         ENTRYPOINT [\"/app/{name}\"]\n"
    )
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::write;
    use crate::read::{Written, application};

    fn written() -> Written {
        let text = "application: a\nservices: { web: { program: bin/web, port: 80, replicas: 2 } }";
        application(text).expect("right")
    }

    fn folders(name: &str) -> (PathBuf, PathBuf) {
        let home = std::env::temp_dir().join(format!("metaparticle-{name}-{}", std::process::id()));
        fs::remove_dir_all(&home).ok();
        fs::create_dir_all(home.join("bin")).expect("a folder");
        fs::write(home.join("bin/web"), "program").expect("a file");
        (home.clone(), home.join("out"))
    }

    #[test]
    fn what_is_ejected_is_the_plan_and_the_programs() {
        let (home, out) = folders("ejected");
        let files = write(&written(), &home, &out, false).expect("written");
        let objects = written().application.plan().objects.len();
        assert_eq!(files.len(), objects + 2, "{files:?}");
        for name in files.iter().chain([&"web".to_owned()]) {
            assert!(out.join(name).is_file(), "{name}");
        }
    }

    #[test]
    fn nothing_that_is_there_is_replaced_unless_that_is_said() {
        let (home, out) = folders("in-the-way");
        write(&written(), &home, &out, false).expect("written");
        fs::write(out.join("kustomization.yaml"), "mine").expect("a file");
        let fault = write(&written(), &home, &out, false).expect_err("in the way");
        assert!(fault.to_string().contains("is there already"), "{fault}");
        assert_eq!(fs::read_to_string(out.join("kustomization.yaml")).expect("text"), "mine");
        write(&written(), &home, &out, true).expect("forced");
    }
}

//! Does an application that exists fit together, and are all mistakes told?

use std::num::NonZeroU16;

use super::{
    Application, Container, Count, Exposure, Instances, Job, Port, Public, Service, Variable,
};

fn service(name: &str) -> Service {
    let instances = Instances::Alike(Count::ONE);
    Service::of(name.parse().unwrap(), instances, Container::of("r/web".parse().unwrap()))
}

#[track_caller]
fn check(services: Vec<Service>, jobs: Vec<Job>, expected: &[&str]) {
    let built = Application::new("shop".parse().unwrap(), services, jobs);
    let found = built.map_or_else(|mistakes| mistakes.to_string(), |_| String::new());
    let found: Vec<_> = found.lines().collect();
    assert_eq!(found, expected);
}

#[test]
fn all_that_does_not_fit_together_is_told_at_once() {
    let mut twice = service("web");
    twice.ports = vec![Port::http(NonZeroU16::MIN); 2];
    twice.containers[0].env = vec![Variable::plain("A", "1").unwrap(); 2];
    let mut unheard = service("api");
    unheard.exposure = Exposure::Public(Public { any_host: false, ..Public::default() });
    let mut empty =
        Job::of("web".parse().unwrap(), Container::of("r/j".parse().unwrap()), Count::ONE);
    empty.containers.clear();
    check(
        vec![twice, unheard],
        vec![empty],
        &[
            "jobs.web.name: found `web`; allowed: a name of its own: services.web has it",
            "services.web.containers[0].env: found `A`; allowed: each variable once",
            "services.web.ports[1]: found `1`; allowed: a number that no other port of the service has",
            "services.api.ports: found `none`; allowed: at least one TCP port, so that the service can be asked",
            "services.api.hosts: found `none`; allowed: at least one host, or any",
            "jobs.web.containers: found `none`; allowed: at least one container, with an image",
        ],
    );
}

#[test]
fn what_fits_together_is_an_application() {
    check(vec![service("web"), service("api")], vec![], &[]);
    check(vec![], vec![], &[]);
}

#[test]
fn an_image_has_a_name_that_registries_understand() {
    for right in [
        "web",
        "r/web",
        "r/web:latest",
        "docker.io/b/d",
        "localhost:5000/web",
        "Registry.example:443/a/b_c:V1.0-x",
        &format!("r/web@sha256:{}", "a".repeat(64)),
    ] {
        assert!(right.parse::<super::Image>().is_ok(), "{right}");
    }
    for wrong in [
        "",
        " ",
        "r/Web",
        "r//web",
        "web:",
        "web:.x",
        "web@sha256:1",
        "a b",
        "/web",
        "r/web/",
        "h:x/web",
    ] {
        assert!(wrong.parse::<super::Image>().is_err(), "{wrong}");
    }
}

#[test]
fn an_amount_is_as_kubernetes_writes_it() {
    for right in ["50m", "1", "0.5", "64Mi", "2G"] {
        assert!(right.parse::<super::Quantity>().is_ok(), "{right}");
    }
    for wrong in ["", "0", "m", "1.2.3", "-1", "64MB", "1 Gi"] {
        assert!(wrong.parse::<super::Quantity>().is_err(), "{wrong}");
    }
}

#[test]
fn a_host_and_a_path_are_what_an_ingress_may_say() {
    for right in ["a", "shop.example", "*.shop.example", "s-sharder.default.svc"] {
        assert!(right.parse::<super::Host>().is_ok(), "{right}");
    }
    for wrong in ["", "*", "Shop.example", "a..b", "10.0.0.1", "a:80", "*.*.a", "-a"] {
        assert!(wrong.parse::<super::Host>().is_err(), "{wrong}");
    }
    for right in ["/", "/shop", "/a/b.c"] {
        assert!(right.parse::<super::Path>().is_ok(), "{right}");
    }
    for wrong in ["", "shop", "/a?b", "/a#b", "//a", "/a/../b", "/ä"] {
        assert!(wrong.parse::<super::Path>().is_err(), "{wrong}");
    }
}

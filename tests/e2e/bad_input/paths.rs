//! Paths that name nothing, or nothing that exists.

use super::{Case, all_refused, invalid, invoke, is_refused, refused};
use crate::{
    raw::bare,
    spelling::{SPELLINGS, UNVERSIONED, V2021, V2023},
    world::{Plan, World, production},
};

both_stacks! {
    names_in_a_path_are_refused_by_field,
    what_does_not_exist_is_not_found,
    what_no_operation_does_is_not_supported,
}

async fn names_in_a_path_are_refused_by_field(world: &World) {
    let server = world.serve(Plan::default()).await;
    let (long_service, long_function) = ("s".repeat(129), "f".repeat(65));
    let services = [
        "",
        "1s",
        "-s",
        "s%20t",
        "s%2Ft",
        "%C3%A9",
        "%zz",
        &long_service,
    ];
    let functions = ["1f", "f%2Fg", "%zz", "f%00", &long_function];
    let mut cases = Vec::new();
    for service in services {
        let path = format!("/services/{service}/functions/f/invocations");
        cases.push(invalid(
            invoke(&path, &[]),
            &["serviceName '", "1 to 128 letters"],
        ));
    }
    for function in functions {
        for spelling in SPELLINGS {
            let says = ["functionName '", "1 to 64 letters"];
            cases.push(invalid(invoke(&spelling.invoke(function), &[]), &says));
            cases.push(invalid(bare("GET", &spelling.list(function)), &says));
        }
    }
    for spelling in SPELLINGS {
        let list = spelling.list("f");
        for (qualifier, shown) in [("1a", "1a"), ("a.b", "a.b"), ("%C3%A9", "é")] {
            let says = [&format!("qualifier '{shown}'"), "letter or '_'"];
            cases.push(invalid(
                bare("GET", &format!("{list}?qualifier={qualifier}")),
                &says,
            ));
        }
        // No text at all.
        cases.push(invalid(
            bare("GET", &spelling.task("f", "%ff")),
            &["path '", "UTF-8"],
        ));
        cases.push(invalid(
            bare("GET", &spelling.list("%ff")),
            &["path '", "UTF-8"],
        ));
        cases.push(invalid(
            bare("PUT", &spelling.stop("f", "%c3")),
            &["path '", "UTF-8"],
        ));
        cases.push(invalid(
            invoke(&spelling.invoke("%ff"), &[]),
            &["path '", "UTF-8"],
        ));
    }
    let both = "/services/default.prod/functions/f/invocations?qualifier=beta";
    cases.push(invalid(
        invoke(both, &[]),
        &["qualifier 'beta'", "'prod', as in the path"],
    ));
    all_refused(world, &server, cases).await;
}

async fn what_does_not_exist_is_not_found(world: &World) {
    let server = world.serve(Plan::default()).await;
    let not_found = |request, code, says: &[&str]| refused(request, (404, code), says);
    let mut cases = Vec::new();
    for prefix in ["", "/2016-08-15", "/2021-04-06"] {
        let service = format!("{prefix}/services/nowhere/functions/f");
        let says = ["service 'nowhere' does not exist"];
        for request in [
            invoke(&format!("{service}/invocations"), &[]),
            bare("GET", &format!("{service}/stateful-async-invocations")),
            bare("GET", &format!("{service}/stateful-async-invocations/id")),
            bare("PUT", &format!("{service}/stateful-async-invocations/id")),
        ] {
            cases.push(not_found(request, "ServiceNotFound", &says));
        }
        let alias = format!("{prefix}/services/default.nope/functions/f/invocations");
        let says = ["alias 'nope'", "'default'"];
        cases.push(not_found(invoke(&alias, &[]), "AliasNotFound", &says));
    }
    for spelling in SPELLINGS {
        for request in [
            invoke(&spelling.invoke("nobody"), &[]),
            bare("GET", &spelling.list("nobody")),
            bare("GET", &spelling.task("nobody", "id")),
            bare("PUT", &spelling.stop("nobody", "id")),
        ] {
            let says = ["function 'nobody' does not exist"];
            cases.push(not_found(request, "FunctionNotFound", &says));
        }
        let path = spelling.invoke("f");
        let version = invoke(&format!("{path}?qualifier=9"), &[]);
        cases.push(not_found(version, "VersionNotFound", &["version '9'"]));
        let alias = invoke(&format!("{path}?qualifier=nope"), &[]);
        cases.push(not_found(alias, "AliasNotFound", &["alias 'nope'"]));
        // An id that no invocation can have is merely unknown.
        for id in ["%zz", "a%20b", &"a".repeat(129)] {
            let request = bare("GET", &spelling.task("f", id));
            cases.push(not_found(request, spelling.not_found(), &["default/f"]));
        }
    }
    all_refused(world, &server, cases).await;
}

async fn what_no_operation_does_is_not_supported(world: &World) {
    let server = world.serve(Plan::default()).await;
    let requests = [
        ("GET", "/nothing".to_owned()),
        (
            "GET",
            "/2099-01-01/services/default/functions/f/stateful-async-invocations".to_owned(),
        ),
        ("DELETE", UNVERSIONED.task("f", "id")),
        ("POST", V2021.list("f")),
        ("GET", V2023.invoke("f")),
        ("PUT", V2023.task("f", "id")),
        ("GET", V2023.stop("f", "id")),
        ("PATCH", "/healthz".to_owned()),
        (
            "POST",
            "/2023-03-30/services/default/functions/f/invocations".to_owned(),
        ),
        ("POST", "/2021-04-06/functions/f/invocations".to_owned()),
    ];
    let cases = requests.map(|(method, path)| -> Case {
        let says = format!("'{method}' against '{path}' is not supported");
        refused(bare(method, &path), (400, "PathNotSupported"), &[&says])
    });
    all_refused(world, &server, cases.into()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_a_role_that_a_process_lacks_says_so() {
    production(async |world: &World| {
        for role in ["list", "enqueue", "worker"] {
            let server = world.serve(Plan::default().with_roles(&[role])).await;
            for spelling in SPELLINGS {
                for (lacked, method, path) in [
                    ("enqueue", "POST", spelling.invoke("f")),
                    ("enqueue", "GET", spelling.task("f", "id")),
                    ("enqueue", "PUT", spelling.stop("f", "id")),
                    ("list", "GET", spelling.list("f")),
                ] {
                    if lacked != role {
                        let says = format!("does not have the role '{lacked}'");
                        let refusal = (400, "PathNotSupported");
                        is_refused(&server, refused(bare(method, &path), refusal, &[&says])).await;
                    }
                }
            }
        }
    })
    .await;
}

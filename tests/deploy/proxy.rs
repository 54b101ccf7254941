//! Which role the proxy gives a request to, by the rules of its configuration.

use crate::compose::root;
use regex::Regex;
use std::fs;

/// The rules of the map, in their order; what none matches goes to `enqueue`.
fn rules(configuration: &str) -> Vec<(Regex, String)> {
    let (_, map) = configuration
        .split_once("map $request_uri $role {")
        .unwrap();
    let (map, _) = map.split_once("\n    }").unwrap();
    assert!(map.contains("default enqueue;"));
    let rule = |line: &str| {
        let (pattern, role) = line.trim().strip_prefix("\"~")?.split_once("\" ")?;
        let role = role.trim_end_matches(';').to_owned();
        Some((Regex::new(pattern).unwrap(), role))
    };
    map.lines().filter_map(rule).collect()
}

fn configuration() -> String {
    fs::read_to_string(root().join("deploy/nginx.conf")).unwrap()
}

#[test]
fn what_lists_goes_to_the_list_role_and_all_else_to_enqueue() {
    let rules = rules(&configuration());
    let role = |uri: &str| {
        let rule = rules.iter().find(|(pattern, _)| pattern.is_match(uri));
        rule.map_or("enqueue", |(_, role)| role.as_str())
    };
    let tasks = "services/media/functions/thumb/stateful-async-invocations";
    for prefix in ["/", "/2016-08-15/", "/2021-04-06/"] {
        for (uri, expected) in [
            (format!("{prefix}{tasks}"), "list"),
            (format!("{prefix}{tasks}?limit=1&status=Running"), "list"),
            (
                format!("{prefix}services/a%2Fb/functions/c%3Fd/stateful-async-invocations"),
                "list",
            ),
            (format!("{prefix}{tasks}/job-1"), "enqueue"),
            (format!("{prefix}{tasks}/"), "enqueue"),
            (
                format!("{prefix}services/media/functions/thumb/invocations"),
                "enqueue",
            ),
            (format!("{prefix}services/media/functions/thumb"), "enqueue"),
            (
                format!("{prefix}services/m/x/functions/thumb/stateful-async-invocations"),
                "enqueue",
            ),
            (format!("{prefix}x?/{tasks}"), "enqueue"),
        ] {
            assert_eq!(role(&uri), expected, "{uri}");
        }
    }
    for (uri, expected) in [
        ("/2023-03-30/functions/thumb/async-tasks", "list"),
        ("/2023-03-30/functions/a%2Fb/async-tasks?limit=1", "list"),
        ("/2023-03-30/functions/thumb/async-tasks/job-1", "enqueue"),
        (
            "/2023-03-30/functions/thumb/async-tasks/job-1/stop",
            "enqueue",
        ),
        ("/2023-03-30/functions/thumb/invocations", "enqueue"),
        (
            "/2023-03-30/services/s/functions/f/stateful-async-invocations",
            "enqueue",
        ),
        ("/stateful-async-invocation-functions?limit=100", "list"),
        ("/2021-04-06/stateful-async-invocation-functions", "list"),
        ("/2023-03-30/stateful-async-invocation-functions", "enqueue"),
        ("/ekiden/v1/counts", "list"),
        (
            "/ekiden/v1/services/s/functions/f/invocations/counts",
            "enqueue",
        ),
        ("/dashboard/dashboard.js", "list"),
        ("/", "list"),
        ("/?status=Running", "list"),
        ("/healthz", "enqueue"),
    ] {
        assert_eq!(role(uri), expected, "{uri}");
    }
}

#[test]
fn the_path_and_the_host_pass_as_they_were_sent() {
    let configuration = configuration();
    // A path behind the upstream's name would be the decoded one.
    assert!(configuration.contains("proxy_pass http://$role;"));
    assert!(configuration.contains("proxy_set_header Host $http_host;"));
    assert!(!configuration.contains("rewrite "));
}

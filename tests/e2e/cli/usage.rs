//! What cannot be meant exits with 2, and says everything that is wrong.

use crate::world::{Plan, Said, World, embedded, production};

#[tokio::test(flavor = "multi_thread")]
async fn a_command_line_that_cannot_be_meant_exits_with_2() {
    embedded(async |world: &World| {
        let cases: [&[&str]; 16] = [
            &[],
            &["dance"],
            &["--dance"],
            &["serve", "--role", "cook"],
            &["serve", "--log-format", "xml"],
            &["invoke"],
            &["invoke", "nofunction"],
            &["invoke", "1s/f"],
            &["invoke", "default/f", "-d", "a", "-f", "b"],
            &["invoke", "default/f", "--endpoint", "nowhere"],
            &["invoke", "default/f", "--endpoint", "ftp://127.0.0.1"],
            &["list", "default/f", "--limit", "0"],
            &["list", "default/f", "--order", "up"],
            &["list", "default/f", "--since", "yesterday"],
            &["get", "default/f"],
            &["function", "delete", "f"],
        ];
        for arguments in cases {
            let said = world.run(arguments).await;
            assert_eq!(
                (said.code, said.out.as_str()),
                (2, ""),
                "{arguments:?}: {said:?}"
            );
            assert!(!said.err.is_empty());
        }
        for arguments in [&["--help"], &["--version"]] {
            let said = world.run(arguments).await;
            assert!(said.code == 0 && said.out.contains("ekiden"), "{said:?}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_answers_as_json_where_it_is_asked_to() {
    embedded(async |world: &World| {
        let of = |group: &'static [&str]| {
            let help = [group, &["--help"]].concat();
            async move {
                let said = world.run(&help).await;
                let commands = said.out.split_once("Commands:\n").unwrap().1;
                let named = commands.lines().take_while(|line| !line.is_empty());
                let named = named.filter_map(|line| line.split_whitespace().next());
                let named = named.filter(|name| *name != "help").map(str::to_owned);
                named.collect::<Vec<_>>()
            }
        };
        let mut commands: Vec<Vec<String>> = Vec::new();
        for name in of(&[]).await {
            match name.as_str() {
                "function" => commands.extend(within("function", of(&["function"]).await)),
                "key" => commands.extend(within("key", of(&["key"]).await)),
                _ => commands.push(vec![name]),
            }
        }
        assert!(commands.len() > 18, "{commands:?}");
        for command in commands {
            let words: Vec<_> = command.iter().map(String::as_str).collect();
            let said = world
                .run(&[&words[..], &["--json", "--help"]].concat())
                .await;
            assert_eq!(said.code, 0, "{command:?}: {said:?}");
        }
        let said = world.run(&["serve", "--check", "--json"]).await;
        assert_eq!(said.json()["valid"], true, "{said:?}");
    })
    .await;
}

fn within(group: &str, names: Vec<String>) -> impl Iterator<Item = Vec<String>> {
    names.into_iter().map(|name| vec![group.to_owned(), name])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_filter_that_is_none_exits_with_2() {
    embedded(async |world: &World| {
        let plan = Plan {
            environment: vec![("RUST_LOG", "!!bad".to_owned())],
            ..Plan::default()
        };
        let said = world.serve_to_its_end(plan).await;
        assert_eq!(said.code, 2, "{said:?}");
        assert!(
            said.err.contains("RUST_LOG '!!bad' is not allowed"),
            "{said:?}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_variable_counts_as_not_set() {
    embedded(async |world: &World| {
        let mut check = world.ekiden(&["serve", "--check"]);
        check.env("EKIDEN_CONFIG", "");
        let said = Said::of(check).await;
        assert_eq!(said.code, 0, "{said:?}");
        let mut get = world.ekiden(&["get", "default/f", "id"]);
        get.env("EKIDEN_ENDPOINT", "");
        let said = Said::of(get).await;
        // Whether or not something answers at the default.
        assert_eq!(said.code, 1, "{said:?}");
        let plan = Plan {
            environment: vec![("RUST_LOG", String::new())],
            ..Plan::default()
        };
        let server = world.serve(plan).await;
        assert!(server.log().contains("Ekiden starts"), "the usual filter");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_does_not_answer_exits_with_1() {
    embedded(async |world: &World| {
        let said = world
            .run(&["list", "default/f", "--endpoint", "http://127.0.0.1:1"])
            .await;
        assert_eq!(said.code, 1);
        assert!(
            said.err.contains("http://127.0.0.1:1/ does not answer"),
            "{said:?}"
        );
    })
    .await;
}

async fn check(world: &World, settings: &str, arguments: &[&'static str]) -> Said {
    let plan = Plan {
        arguments: [&["--check"], arguments].concat(),
        settings: settings.to_owned(),
        ..Plan::default()
    };
    world.serve_to_its_end(plan).await
}

#[tokio::test(flavor = "multi_thread")]
async fn check_validates_and_starts_nothing() {
    embedded(async |world: &World| {
        let said = check(world, "[worker]\nslots = 3\n", &[]).await;
        assert_eq!(
            (said.code, said.out.as_str()),
            (0, "the configuration is valid\n")
        );
        assert!(!world.path().join("data").exists(), "nothing was made");
    })
    .await;
    production(async |world: &World| {
        let said = check(world, "", &["--role", "worker"]).await;
        assert_eq!(said.code, 0, "{said:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_problem_is_told_at_once() {
    embedded(async |world: &World| {
        let settings = "
            [server]
            request_timeout = \"0s\"
            [worker]
            slots = 0
            slotz = 9
            worker_timeout = \"1s\"
            [brokr]
            url = \"amqp://guest:hush@127.0.0.1\"
            [[function]]
            service = \"1s\"
            name = \"f\"
            target = { http = \"http://user:hush@127.0.0.1\" }
            [function.async]
            max_retries = 9
        ";
        for arguments in [&["--check"][..], &[]] {
            let plan = Plan {
                arguments: arguments.to_vec(),
                settings: settings.to_owned(),
                environment: vec![("EKIDEN__SERVER__LISTN", "127.0.0.1:1".to_owned())],
                ..Plan::default()
            };
            let said = world.serve_to_its_end(plan).await;
            assert_eq!((said.code, said.out.as_str()), (2, ""), "{said:?}");
            let problems = [
                "server.request_timeout '0s'",
                "worker.slots '0' is not allowed: it must be a number from 1 to 10000",
                "worker.slotz is not a setting: did you mean worker.slots?",
                "worker.worker_timeout '1s'",
                "brokr is not a setting: did you mean broker?",
                "async.max_retries '9'",
                "service '1s'",
                "EKIDEN__SERVER__LISTN is not a setting: did you mean EKIDEN__SERVER__LISTEN?",
            ];
            for problem in problems {
                assert!(said.err.contains(problem), "{problem}: {said:?}");
            }
            assert!(!said.err.contains("hush"), "no secret is shown: {said:?}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn check_finds_what_does_not_fit_together() {
    embedded(async |world: &World| {
        let said = check(world, "", &["--role", "worker"]).await;
        assert_eq!(said.code, 2);
        assert!(said.err.contains("without broker.url"), "{said:?}");
        assert!(
            said.err
                .contains("an SQLite database belongs to one process"),
            "{said:?}"
        );
        let said = world
            .run(&["serve", "--check", "--config", "/no/such/file.toml"])
            .await;
        assert_eq!(said.code, 2);
        assert!(
            said.err.contains("/no/such/file.toml: cannot be read"),
            "{said:?}"
        );
    })
    .await;
}

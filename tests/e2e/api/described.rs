//! The OpenAPI document, held against what it describes.

use crate::{
    client::{ASYNC, Answer, Client},
    raw,
    world::{self, Plan, World, until},
};
use bytes::Bytes;
use reqwest::Method;
use std::collections::BTreeSet;

both_stacks! {
    what_is_described_is_there_and_answers_so,
}

/// A way through all of FC 2.0: the status, the method (`CALL` and `TASK` are invocations), the path
/// and the body of each step. `walk` is another name in each spelling.
const FC2: &str = r#"
200 POST /services {"serviceName":"walk"}
200 GET /services
200 GET /services/walk
200 PUT /services/walk {"description":"a way","logConfig":{"project":"p"}}
200 POST /services/walk/functions {"functionName":"f","runtime":"custom","handler":"h","environmentVariables":{"EKIDEN_TARGET":"@"}}
200 GET /services/walk/functions
200 GET /services/walk/functions/f
200 PUT /services/walk/functions/f {"timeout":600,"code":{"zipFile":"UEsFBg=="}}
404 GET /services/walk/functions/f/code
200 PUT /services/walk/functions/f/async-invoke-config {"statefulInvocation":true}
200 GET /services/walk/functions/f/async-invoke-config
200 GET /services/walk/functions/f/async-invoke-configs
200 GET /stateful-async-invocation-functions?limit=0
200 CALL /services/walk/functions/f now
200 CALL /services/walk/functions/f/invocations fail
202 TASK /services/walk/functions/f/invocations hang
409 TASK /services/walk/functions/f/invocations hang
200 GET /services/walk/functions/f/stateful-async-invocations?includePayload=true
200 GET /services/walk/functions/f/stateful-async-invocations/task
204 PUT /services/walk/functions/f/stateful-async-invocations/task
404 PUT /services/walk/functions/f/stateful-async-invocations/other
200 POST /services/walk/versions {"description":"the first"}
200 GET /services/walk/versions
200 POST /services/walk/aliases {"aliasName":"prod","versionId":"1","additionalVersionWeight":{"LATEST":0.5}}
200 GET /services/walk/aliases
200 GET /services/walk/aliases/prod
200 PUT /services/walk/aliases/prod {"versionId":"LATEST","additionalVersionWeight":{}}
200 GET /services/walk/functions/f?qualifier=prod
204 DELETE /services/walk/aliases/prod
204 DELETE /services/walk/versions/1
204 DELETE /services/walk/functions/f/async-invoke-config
409 DELETE /services/walk
204 DELETE /services/walk/functions/f
204 DELETE /services/walk
"#;

/// The same for FC 3.0.
const FC3: &str = r#"
200 POST /functions {"functionName":"walk","runtime":"custom","handler":"h","layers":["a"],"environmentVariables":{"EKIDEN_TARGET":"@"}}
200 GET /functions
200 GET /functions/walk
200 PUT /functions/walk {"timeout":600,"tags":[{"key":"a","value":"b"}]}
404 GET /functions/walk/code
200 PUT /functions/walk/async-invoke-config {"asyncTask":true}
200 GET /functions/walk/async-invoke-config
200 GET /async-invoke-configs
200 CALL /functions/walk/invocations now
200 CALL /functions/walk/invocations fail
202 TASK /functions/walk/invocations hang
409 TASK /functions/walk/invocations hang
200 GET /functions/walk/async-tasks?includePayload=true
200 GET /functions/walk/async-tasks/task
204 PUT /functions/walk/async-tasks/task/stop
404 PUT /functions/walk/async-tasks/other/stop
200 POST /functions/walk/versions {"description":"the first"}
200 GET /functions/walk/versions
200 POST /functions/walk/aliases {"aliasName":"prod","versionId":"1","additionalVersionWeight":{"LATEST":0.5}}
200 GET /functions/walk/aliases
200 GET /functions/walk/aliases/prod
200 PUT /functions/walk/aliases/prod {"versionId":"LATEST","additionalVersionWeight":{}}
404 GET /functions/walk/concurrency
200 PUT /functions/walk/concurrency {"reservedConcurrency":3}
200 GET /functions/walk/concurrency
204 DELETE /functions/walk/concurrency
200 POST /functions/walk/invoke/disable {"reason":"a pause"}
200 GET /functions/walk
403 CALL /functions/walk/invocations now
200 POST /functions/walk/invoke/enable
204 DELETE /functions/walk/aliases/prod
204 DELETE /functions/walk/versions/1
204 DELETE /functions/walk/async-invoke-config
204 DELETE /functions/walk
"#;

/// The same for what FC has no word for. `SOON` asks until it is answered so.
const OWN: &str = r#"
200 GET /ekiden/v1/openapi.json
200 GET /ekiden/v1/counts
200 POST /2023-03-30/functions {"functionName":"own","runtime":"custom","handler":"h","environmentVariables":{"EKIDEN_TARGET":"@"}}
200 PUT /2023-03-30/functions/own/async-invoke-config {"destinationConfig":{"onSuccess":{"destination":"acs:fc:::functions/none"}}}
202 TASK /2023-03-30/functions/own/invocations now
200 SOON /ekiden/v1/services/default/functions/own/invocations/task/result
200 POST /ekiden/v1/services/default/functions/own/invocations {"invocations":[{"invocationId":"task"},{"payload":"now"}]}
200 GET /ekiden/v1/services/default/functions/own/invocations/task
200 GET /ekiden/v1/services/default/functions/own/invocations/task/log
200 GET /ekiden/v1/services/default/functions/own/invocations/task/attempts
200 GET /ekiden/v1/services/default/functions/own/invocations/task/deliveries
202 POST /ekiden/v1/services/default/functions/own/invocations/task/deliveries/1/resend
404 POST /ekiden/v1/services/default/functions/own/invocations/task/deliveries/2/resend
202 POST /ekiden/v1/services/default/functions/own/invocations/task/rerun
"#;

const WALKS: [(&str, &str, &str); 5] = [
    ("", "walk1", FC2),
    ("/2016-08-15", "walk2", FC2),
    ("/2021-04-06", "walk3", FC2),
    ("/2023-03-30", "walk", FC3),
    ("", "walk", OWN),
];

async fn what_is_described_is_there_and_answers_so(world: &World) {
    let server = world.serve(Plan::default()).await;
    let client = &server.client;
    // Each answer is held to the document by the client, as every other test's are.
    let contract = client.contract().await.unwrap();
    let mut met = BTreeSet::new();
    for (prefix, name, steps) in WALKS {
        for step in steps.trim().lines() {
            let step = step
                .replace("walk", name)
                .replace('@', &world.functions.url);
            let mut words = step.splitn(4, ' ');
            let mut word = || words.next().unwrap_or_default();
            let status: u16 = word().parse().unwrap();
            let (method, path, body) = (word(), format!("{prefix}{}", word()), word());
            let (method, answer) = take(client, method, &path, body, status).await;
            assert_eq!(answer.status, status, "{step}: {answer:?}");
            met.extend(contract.check(method.as_str(), &path, &answer));
        }
    }
    let missed: Vec<_> = contract.operations().difference(&met).copied().collect();
    assert!(missed.is_empty(), "{missed:?}");
}

async fn take(
    client: &Client,
    method: &str,
    path: &str,
    body: &str,
    status: u16,
) -> (Method, Answer) {
    let id = [ASYNC, ("x-fc-async-task-id", "task")];
    let (is_awaited, method, headers) = match method {
        "CALL" => (false, Method::POST, &[][..]),
        "TASK" => (false, Method::POST, &id[..]),
        "SOON" => (true, Method::GET, &[][..]),
        method => (false, method.parse().unwrap(), &[][..]),
    };
    let answer = until(path, async || {
        let body = Bytes::copy_from_slice(body.as_bytes());
        let answer = client.send(method.clone(), path, headers, body).await;
        (!is_awaited || answer.status == status).then_some(answer)
    });
    (method.clone(), answer.await)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_the_whole_for_anyone_wherever_some_of_it_is_served() {
    world::production(async |world| {
        let ask = async |role| {
            let settings = r#"auth.key = [{ id = "k", secret = "s", scopes = ["read"] }]"#;
            let plan = Plan {
                arguments: vec!["--migrate", "--role", role],
                settings: settings.to_owned(),
                ..Plan::default()
            };
            let server = world.serve(plan).await;
            let request = raw::bare("GET", "/ekiden/v1/openapi.json");
            raw::exchange(server.address, &request).await
        };
        let [enqueue, list] = [ask("enqueue").await, ask("list").await];
        assert_eq!((enqueue.status, list.status), (200, 200));
        assert_eq!(enqueue.json(), list.json());
        assert_eq!(ask("worker").await.status, 400);
    })
    .await;
}

//! Traces: of which a task is part, and what a collector is told of it.

mod collector;

use crate::{
    destinations::{Mood, Receiver},
    spelling::UNVERSIONED,
    world::{Plan, World, until, until_record, until_status},
};
use collector::{Collector, Span};
use serde_json::Value;

both_stacks! {
    the_way_of_a_task_is_told_as_one_trace,
    a_trace_goes_on_after_a_restart_and_without_a_collector,
    a_collector_that_takes_nothing_delays_nothing_and_is_told_once,
}

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const STATE: &str = "vendor=a value";
const TRACED: [(&str, &str); 2] = [("traceparent", PARENT), ("tracestate", STATE)];

fn telemetry(collector: &Collector) -> String {
    let url = &collector.url;
    format!("[telemetry]\notlp_endpoint = \"{url}\"\nservice_name = \"relay\"\n")
}

/// The spans beneath `parent` as lines, in the order of their beginning.
fn tree(spans: &[Span], parent: &str, depth: usize) -> String {
    let mut children: Vec<_> = spans.iter().filter(|it| it.parent == parent).collect();
    children.sort_by_key(|span| span.start);
    let line = |span: &&Span| {
        let of = |key: &str| span.attributes.get(key).cloned().unwrap_or_default();
        assert_eq!(span.has_failed, span.attributes.contains_key("error.type"));
        let line = format!(
            "{:depth$}{} | {} {} {}",
            "",
            span.name,
            span.kind,
            of("ekiden.attempt"),
            of("error.type")
        );
        line.trim_end().to_owned() + "\n" + &tree(spans, &span.id, depth + 2)
    };
    children.iter().map(line).collect()
}

/// `f` fails once and leads to `g`, which leads to a webhook.
fn relay(receiver: &Receiver) -> String {
    format!(
        r#"
[[function]]
service = "default"
name = "f"
target = {{ http = "@" }}
[function.async]
max_retries = 1
retry_base = "20ms"
on_success = "acs:fc:::functions/g"

[[function]]
service = "default"
name = "g"
target = {{ command = ["printenv", "TRACEPARENT", "TRACESTATE"] }}
async = {{ on_success = "{}" }}
"#,
        receiver.url
    )
}

const WAY: &str = "\
POST /services/{service}/functions/{function}/invocations | server
  publish default | producer
    process default | consumer 1 HandledInvocationError
      invoke default/f | client 1 HandledInvocationError
  publish default | producer
    process default | consumer 2
      invoke default/f | client 2
  deliver function | producer 1
    publish default | producer
      process default | consumer 1
        invoke default/g | client 1
    deliver webhook | client 1
";

async fn the_way_of_a_task_is_told_as_one_trace(world: &World) {
    let collector = Collector::start().await;
    let receiver = Receiver::start(Mood::Fine).await;
    let server = world
        .serve(Plan {
            settings: telemetry(&collector),
            functions: relay(&receiver),
            ..Plan::default()
        })
        .await;
    let secret = "payload-that-nobody-shall-see";
    let path = UNVERSIONED.invoke("f");
    let payload = format!("flaky 1 {secret}");
    let accepted = server.client.post(&path, &TRACED, payload).await;
    let source = accepted.request_id();
    let is_done = |record: &Value| record["destinationStatus"] == "Succeeded";
    until_record(&server.client, ("f", source), is_done).await;
    let chained = format!("after-{source}");
    let ended = until_record(&server.client, ("g", &chained), is_done).await;
    let spans = until("the whole trace", async || collector.trace(TRACE, 12)).await;
    assert_eq!(tree(&spans, &PARENT[36..52], 0), WAY, "{spans:#?}");

    // Each was told what it is beneath.
    let calls = world.functions.calls_of(source);
    let told: Vec<_> = calls.iter().map(|it| it.traceparent.clone()).collect();
    assert_eq!(told, parents(&spans, "invoke default/f"));
    assert!(calls.iter().all(|call| call.tracestate == STATE));
    let environment = parents(&spans, "invoke default/g")[0].clone() + "\n" + STATE + "\n";
    assert_eq!(ended["returnPayload"], environment);
    let got: Vec<_> = receiver
        .got()
        .into_iter()
        .map(|it| it.traceparent)
        .collect();
    assert_eq!(got, parents(&spans, "deliver webhook"));

    for span in &spans {
        let text = format!("{span:?}");
        for hidden in [secret, &receiver.url, &world.functions.url] {
            assert!(!text.contains(hidden), "{text}");
        }
        check_attributes(span, world, source);
    }
}

/// What those were told that the spans of this name called, in their order.
fn parents(spans: &[Span], name: &str) -> Vec<String> {
    let mut spans: Vec<_> = spans.iter().filter(|it| it.name == name).collect();
    spans.sort_by_key(|span| span.start);
    let parent = |span: &Span| format!("00-{TRACE}-{}-01", span.id);
    spans.into_iter().map(parent).collect()
}

fn check_attributes(span: &Span, world: &World, source: &str) {
    assert_eq!(span.service, "relay");
    let of = |key: &str| span.attributes.get(key).map(String::as_str);
    let system = match world.broker {
        Some(_) => "rabbitmq",
        None => "ekiden",
    };
    let messaging = (of("messaging.system"), of("messaging.destination.name"));
    match span.name.as_str() {
        "publish default" | "process default" => {
            assert_eq!(messaging, (Some(system), Some("default")));
        }
        "deliver webhook" => assert_eq!(of("http.response.status_code"), Some("200")),
        name if name.starts_with("POST") => {
            assert_eq!(of("http.response.status_code"), Some("202"));
            assert_eq!(of("faas.invocation_id"), Some(source));
        }
        _ => assert_eq!(messaging, (None, None)),
    }
}

async fn a_trace_goes_on_after_a_restart_and_without_a_collector(world: &World) {
    let mut first = world.serve(Plan::default()).await;
    let headers = [&TRACED[..], &[("x-fc-async-delay", "2")]].concat();
    let accepted = first
        .client
        .post(&UNVERSIONED.invoke("f"), &headers, "in")
        .await;
    let id = accepted.request_id();
    let bad = [("traceparent", "00-0-0-01"), ("tracestate", STATE)];
    let untraced = first.client.post(&UNVERSIONED.invoke("f"), &bad, "").await;
    until_status(&first.client, untraced.request_id(), "Succeeded").await;
    first.kill();
    let second = world.serve(Plan::default()).await;
    until_status(&second.client, id, "Succeeded").await;
    let call = &world.functions.calls_of(id)[0];
    assert_eq!(
        (call.traceparent.as_str(), call.tracestate.as_str()),
        (PARENT, STATE)
    );
    let call = &world.functions.calls_of(untraced.request_id())[0];
    assert_eq!(
        (call.traceparent.as_str(), call.tracestate.as_str()),
        ("", "")
    );
}

async fn a_collector_that_takes_nothing_delays_nothing_and_is_told_once(world: &World) {
    let collector = Collector::start().await;
    collector.be_down(true);
    let plan = Plan {
        settings: telemetry(&collector),
        ..Plan::default()
    };
    let mut server = world.serve(plan).await;
    let client = server.client.clone();
    let run = async || {
        let accepted = client.post(&UNVERSIONED.invoke("f"), &[], "").await;
        let id = accepted.request_id().to_owned();
        until_status(&client, &id, "Succeeded").await;
        world.functions.calls_of(&id).remove(0)
    };
    until("three batches to be refused", async || {
        run().await;
        (collector.refused() >= 3).then_some(())
    })
    .await;
    collector.be_down(false);
    // Nobody brought a trace, so that one began with the request; the process's end sends the last of it.
    let call = run().await;
    server.terminate();
    assert!(server.exit().await.success());
    let spans = collector.trace(&call.traceparent[3..35], 4).unwrap();
    let expected = "\
POST /services/{service}/functions/{function}/invocations | server
  publish default | producer
    process default | consumer 1
      invoke default/f | client 1
";
    assert_eq!(tree(&spans, "", 0), expected, "{spans:#?}");
    let told = |words: &str| server.log().matches(words).count();
    until("the log to tell the end of it", async || {
        (told("the collector takes traces again") == 1).then_some(())
    })
    .await;
    assert_eq!(told("the collector does not take them"), 1);
}

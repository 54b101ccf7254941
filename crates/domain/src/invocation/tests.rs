use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn request() -> NewInvocation {
    NewInvocation {
        function: "media/thumbnail".parse().unwrap(),
        qualifier: "prod".parse().unwrap(),
        version: Qualifier::version(3),
        invocation_id: None,
        delay: Duration::from_secs(30),
        stateful: false,
        hops: 0,
        trace: None,
    }
}

fn accept(new: NewInvocation, config: &AsyncConfig) -> (Invocation, Message) {
    let id = RequestId::generate(NOW);
    Invocation::accept(id, new, config, Lane::shared(), NOW)
}

#[test]
fn an_accepted_invocation_is_enqueued_and_dispatched_when_it_falls_due() {
    let (invocation, message) = accept(request(), &AsyncConfig::default());
    assert_eq!(invocation.status(), Status::Enqueued);
    assert_eq!((invocation.accepted_at, invocation.ended_at()), (NOW, None));
    assert_eq!(invocation.lease, Lease::from_number(0));
    let told: Vec<_> = invocation.events.iter().map(|e| (e.at, e.status)).collect();
    assert_eq!(told, [(NOW, Status::Enqueued)]);

    assert_eq!(message.request_id, invocation.request_id);
    assert_eq!(message.body, crate::Body::Dispatch(Lane::shared()));
    assert_eq!(message.due_at, NOW.after(Duration::from_secs(30)));
}

#[test]
fn without_a_client_s_id_the_request_id_is_the_invocation_s() {
    let (invocation, _) = accept(request(), &AsyncConfig::default());
    let id = invocation.request_id.to_string();
    assert_eq!(invocation.invocation_id.as_str(), id);

    let mut new = request();
    new.invocation_id = Some("job-1".parse().unwrap());
    let (invocation, _) = accept(new, &AsyncConfig::default());
    assert_eq!(invocation.invocation_id.as_str(), "job-1");
}

#[test]
fn it_is_a_task_if_the_request_or_its_id_or_the_configuration_asks_for_one() {
    for (by_request, by_id, by_config) in [
        (false, false, false),
        (true, false, false),
        (false, true, false),
        (false, false, true),
    ] {
        let mut new = request();
        new.stateful = by_request;
        new.invocation_id = by_id.then(|| "job-1".parse().unwrap());
        let config = AsyncConfig {
            stateful: by_config,
            ..AsyncConfig::default()
        };
        let is_task = accept(new, &config).0.stateful;
        assert_eq!(is_task, by_request || by_id || by_config);
    }
}

#[test]
fn the_configuration_at_acceptance_is_copied() {
    let config = AsyncConfig {
        max_retries: 7,
        max_age: Duration::from_secs(5),
        retry_base: Duration::from_secs(2),
        retry_max: Duration::from_secs(9),
        on_success: Some("amqp:results/ok".parse().unwrap()),
        on_failure: Some("amqp:results/bad".parse().unwrap()),
        ..AsyncConfig::default()
    };
    let (invocation, _) = accept(request(), &config);
    let copied = Policy {
        lane: Lane::shared(),
        max_retries: 7,
        retry_base: Duration::from_secs(2),
        retry_max: Duration::from_secs(9),
        on_success: config.on_success,
        on_failure: config.on_failure,
    };
    assert_eq!(invocation.policy, copied);
    assert_eq!(invocation.expires_at, NOW.after(Duration::from_secs(35)));
}

#[test]
fn a_result_goes_where_its_status_says() {
    let config = AsyncConfig {
        on_success: Some("amqp:results/ok".parse().unwrap()),
        on_failure: Some("amqp:results/bad".parse().unwrap()),
        ..AsyncConfig::default()
    };
    let (mut invocation, _) = accept(request(), &config);
    assert_eq!(invocation.destination(), None);
    for status in Status::ALL.into_iter().filter(|status| status.is_final()) {
        let ended_at = NOW;
        invocation.state = State::Ended { status, ended_at };
        let expected = match status {
            Status::Succeeded => Some("amqp:results/ok"),
            Status::Stopped => None,
            _ => Some("amqp:results/bad"),
        };
        assert_eq!(
            invocation.destination().map(Destination::as_str),
            expected,
            "{status}"
        );
    }
}

#[test]
fn every_dispatch_is_part_of_the_trace_that_its_acceptance_was() {
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let mut new = request();
    new.delay = Duration::ZERO;
    new.trace = TraceContext::parse(parent);
    assert!(new.trace.is_some());
    let (invocation, first) = accept(new, &AsyncConfig::default());
    assert_eq!(first.trace, invocation.trace);
    let worker = WorkerId::generate(NOW);
    let claimed = invocation.claim(worker, NOW).unwrap().after;
    let released = claimed.release(NOW, NOW).unwrap();
    assert_eq!(released.messages[0].trace, invocation.trace);
}

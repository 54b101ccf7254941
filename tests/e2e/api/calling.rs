//! Synchronous invocations: the caller waits, and nothing of it is kept.

use crate::{
    spelling::{SPELLINGS, UNVERSIONED},
    world::{Plan, World},
};

both_stacks! {
    a_call_answers_with_the_function_s_output,
    a_function_s_own_error_is_an_answer,
    a_function_that_cannot_be_reached_is_no_answer,
}

async fn a_call_answers_with_the_function_s_output(world: &World) {
    let server = world.serve(Plan::default()).await;
    let bytes: Vec<u8> = (0..=255).collect();
    for spelling in SPELLINGS {
        let answer = server
            .client
            .call(&spelling.invoke("f"), bytes.clone())
            .await;
        assert_eq!(
            (answer.status, answer.body.as_ref()),
            (200, bytes.as_slice())
        );
        assert_eq!(answer.header("x-fc-error-type"), None);
        // It is no task.
        let id = answer.request_id();
        assert_eq!(world.functions.calls_of(id).len(), 1);
        assert_eq!(server.client.get(&spelling.task("f", id)).await.status, 404);
        assert!(spelling.ids(&server.client, "f", "").await.is_empty());
    }
    // More than an asynchronous payload may have.
    let long = vec![b'x'; 1024 * 1024 - 1];
    let answer = server
        .client
        .call(&UNVERSIONED.invoke("f"), long.clone())
        .await;
    assert!(answer.status == 200 && answer.body == long);
}

async fn a_function_s_own_error_is_an_answer(world: &World) {
    let server = world.serve(Plan::default()).await;
    for spelling in SPELLINGS {
        let answer = server.client.call(&spelling.invoke("f"), "fail").await;
        assert_eq!(answer.status, 200);
        assert_eq!(
            answer.header("x-fc-error-type"),
            Some("HandledInvocationError")
        );
        let body = answer.json();
        // In the function's own words.
        let told = serde_json::json!({ "errorMessage": "as it was told", "errorType": "Told" });
        assert_eq!(body, told);
        assert_eq!(
            world.functions.calls_of(answer.request_id()).len(),
            1,
            "no retries"
        );
    }
}

async fn a_function_that_cannot_be_reached_is_no_answer(world: &World) {
    let mut plan = Plan::default();
    plan.functions = plan.functions.replace('@', "http://127.0.0.1:1");
    let server = world.serve(plan).await;
    for spelling in SPELLINGS {
        let answer = server.client.call(&spelling.invoke("f"), "").await;
        assert_eq!(
            (answer.status, answer.problem().0.as_str()),
            (503, "FunctionNotStarted")
        );
    }
}

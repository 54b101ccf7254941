//! That a function takes nothing new, and how many of its invocations run at once: FC 3.0's operations,
//! which hold in every spelling.

use crate::{
    functions::Call,
    shop::Shop,
    spelling::{SPELLINGS, V2023},
    world::{Plan, World, until, until_status},
};
use serde_json::{Value, json};

both_stacks! {
    a_disabled_function_refuses_what_is_new_and_ends_what_it_has,
    no_more_run_at_once_than_are_reserved,
}

async fn a_disabled_function_refuses_what_is_new_and_ends_what_it_has(world: &World) {
    let server = world.serve(Plan::default()).await;
    let client = &server.client;
    let shop = Shop::open(world, client, V2023).await;
    shop.accepted("before", "", "hang").await;
    shop.recorded("before", "Running").await;
    let disable = format!("{}/invoke/disable", shop.function());
    shop.done("POST", &disable, json!({ "reason": "a pause" }))
        .await;
    let shown = client.get(&shop.function()).await.json();
    assert_eq!(shown["invocationRestriction"]["reason"], "a pause");
    for query in ["", "?qualifier=1", "?qualifier=prod"] {
        for spelling in SPELLINGS {
            let path = format!("{}{query}", spelling.invoke("sold"));
            for answer in [
                client.post(&path, &[], "").await,
                client.call(&path, "").await,
            ] {
                let (code, said) = answer.problem();
                assert_eq!((answer.status, code.as_str()), (403, "AccessDenied"));
                assert!(said.contains("disabled: a pause"), "{said}");
            }
        }
    }
    world.functions.release();
    shop.recorded("before", "Succeeded").await;
    let enable = format!("{}/invoke/enable", shop.function());
    shop.done("POST", &enable, Value::Null).await;
    shop.accepted("after", "", "").await;
    shop.recorded("after", "Succeeded").await;
    assert_eq!(world.functions.calls().len(), 2);
}

async fn no_more_run_at_once_than_are_reserved(world: &World) {
    let server = world.serve(Plan::default()).await;
    let client = &server.client;
    let shop = Shop::open(world, client, V2023).await;
    let concurrency = format!("{}/concurrency", shop.function());
    shop.done("PUT", &concurrency, json!({ "reservedConcurrency": 2 }))
        .await;
    let ids = ["one", "two", "three", "four", "five"];
    // Versions share the bound.
    for (id, query) in ids
        .into_iter()
        .zip(["", "?qualifier=1"].into_iter().cycle())
    {
        shop.accepted(id, query, "hang").await;
    }
    let hanging = || {
        let mut calls = world.functions.calls();
        calls.retain(|call| call.ended.is_none());
        calls
    };
    let full = async || {
        until("two to run", async || (hanging().len() == 2).then_some(())).await;
        // A later task of another function passes those that wait.
        let other = client.post(&V2023.invoke("f"), &[], "").await;
        until_status(client, other.request_id(), "Succeeded").await;
        assert_eq!(hanging().len(), 2);
    };
    full().await;
    let first = hanging().remove(0).invocation_id;
    shop.done("PUT", &V2023.stop("sold", &first), Value::Null)
        .await;
    shop.recorded(&first, "Stopped").await;
    until("its call to be cut", async || {
        let is_first = |call: &Call| call.invocation_id == first;
        (!hanging().iter().any(is_first)).then_some(())
    })
    .await;
    full().await;
    // Callers that wait have as many of their own, and are told where there are no more.
    let calls = [client.clone(), client.clone()].map(|client| {
        let path = shop.invoke();
        tokio::spawn(async move { client.call(&path, "hang").await })
    });
    until("two calls more", async || {
        (hanging().len() == 4).then_some(())
    })
    .await;
    let refused = client.call(&shop.invoke(), "").await;
    let (code, said) = refused.problem();
    assert_eq!((refused.status, code.as_str()), (429, "ResourceExhausted"));
    assert!(
        said.contains("sold") && refused.header("retry-after").is_some(),
        "{refused:?}"
    );
    world.functions.release();
    for call in calls {
        assert_eq!(call.await.unwrap().status, 200);
    }
    for id in ids.into_iter().filter(|id| *id != first) {
        shop.recorded(id, "Succeeded").await;
    }
    shop.done("DELETE", &concurrency, Value::Null).await;
    let gone = client.get(&concurrency).await;
    assert_eq!(gone.problem().0, "ConcurrencyConfigNotFound");
}

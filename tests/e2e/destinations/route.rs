//! Results that go to an exchange.

use super::{function, until_delivery};
use crate::{
    spelling::UNVERSIONED,
    world::{Plan, World, embedded, production, variable},
};
use lapin::{
    BasicProperties, Connection, ConnectionProperties,
    options::{BasicGetOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable},
};
use serde_json::Value;

/// The trace that the producer is in.
const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[tokio::test(flavor = "multi_thread")]
async fn a_result_is_a_message_to_an_exchange() {
    production(async |world: &World| {
        let url = variable("EKIDEN_TEST_AMQP_URL");
        let connection = Connection::connect(&url, ConnectionProperties::default())
            .await
            .unwrap();
        let channel = connection.create_channel().await.unwrap();
        let options = QueueDeclareOptions {
            exclusive: true,
            ..QueueDeclareOptions::default()
        };
        let queue = channel
            .queue_declare("".into(), options, FieldTable::default())
            .await
            .unwrap();
        let queue = queue.name().clone();
        let well = function("well", &format!("on_success = \"amqp:/{queue}\""));
        let badly = function("badly", "on_success = \"amqp:no.such.exchange/key\"");
        let server = world
            .serve(Plan {
                functions: well + &badly,
                ..Plan::default()
            })
            .await;
        let accepted = server
            .client
            .post(&UNVERSIONED.invoke("well"), &[("traceparent", TRACE)], "in")
            .await;
        let id = accepted.request_id();
        until_delivery(&server.client, ("well", id), |it| {
            it["status"] == "Succeeded"
        })
        .await;
        let got = channel
            .basic_get(queue, BasicGetOptions::default())
            .await
            .unwrap();
        let message = got.unwrap().delivery;
        let told: Value = serde_json::from_slice(&message.data).unwrap();
        assert_eq!(told["requestContext"]["requestId"], id);
        assert_eq!(told["responsePayload"], "in");
        let mut headers = FieldTable::default();
        headers.insert("traceparent".into(), AMQPValue::LongString(TRACE.into()));
        let expected = BasicProperties::default()
            .with_delivery_mode(2)
            .with_content_type("application/json".into())
            .with_message_id(format!("msg_{id}").into())
            .with_headers(headers);
        assert_eq!(message.properties, expected);

        let accepted = server
            .client
            .post(&UNVERSIONED.invoke("badly"), &[], "")
            .await;
        let id = accepted.request_id();
        let delivery =
            until_delivery(&server.client, ("badly", id), |it| !it["answer"].is_null()).await;
        assert_eq!(delivery["status"], "Pending");
        let error = delivery["answer"]["error"].as_str().unwrap();
        assert!(error.contains("no.such.exchange"), "{error}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_broker_there_are_no_exchanges() {
    embedded(async |world: &World| {
        let server = world
            .serve(Plan {
                functions: function("f", "on_success = \"amqp:results/ok\""),
                ..Plan::default()
            })
            .await;
        let accepted = server.client.post(&UNVERSIONED.invoke("f"), &[], "").await;
        let id = accepted.request_id();
        let delivery =
            until_delivery(&server.client, ("f", id), |it| !it["answer"].is_null()).await;
        let error = delivery["answer"]["error"].as_str().unwrap();
        assert!(error.contains("without an AMQP broker"), "{error}");
    })
    .await;
}

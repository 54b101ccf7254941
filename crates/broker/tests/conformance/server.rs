//! The RabbitMQ under test, and ways to treat it badly.

use ekiden_broker::MAX_IDS;
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties,
    options::{
        BasicPublishOptions, ConfirmSelectOptions, ExchangeDeleteOptions, QueueDeclareOptions,
        QueueDeleteOptions,
    },
    types::{AMQPValue, FieldTable},
};
use std::process::Command;

pub(crate) fn url() -> String {
    std::env::var("EKIDEN_TEST_AMQP_URL").expect("EKIDEN_TEST_AMQP_URL names a RabbitMQ")
}

/// Runs `rabbitmqctl`, as `EKIDEN_TEST_RABBITMQCTL` says how to, with `arguments`. Returns what it says.
pub(crate) async fn rabbitmqctl(arguments: &str) -> String {
    let rabbitmqctl = std::env::var("EKIDEN_TEST_RABBITMQCTL")
        .expect("EKIDEN_TEST_RABBITMQCTL says how to run rabbitmqctl");
    let line = format!("{rabbitmqctl} -q {arguments}");
    let run = move || Command::new("sh").arg("-c").arg(line).output();
    let output = tokio::task::spawn_blocking(run).await.unwrap().unwrap();
    assert!(output.status.success(), "{arguments}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// AMQP without the broker crate in between.
pub(crate) struct Raw {
    _connection: Connection,
    channel: Channel,
}

impl Raw {
    pub(crate) async fn connect(url: &str) -> Self {
        let connection = Connection::connect(url, ConnectionProperties::default())
            .await
            .unwrap();
        let channel = connection.create_channel().await.unwrap();
        channel
            .confirm_select(ConfirmSelectOptions::default())
            .await
            .unwrap();
        Self {
            _connection: connection,
            channel,
        }
    }

    pub(crate) async fn delete_queue(&self, queue: &str) {
        let options = QueueDeleteOptions::default();
        self.channel
            .queue_delete(queue.into(), options)
            .await
            .unwrap();
    }

    /// A queue that has room for nothing and refuses what comes.
    pub(crate) async fn declare_full_queue(&self, queue: &str) {
        let mut arguments = FieldTable::default();
        arguments.insert("x-max-length".into(), AMQPValue::LongLongInt(0));
        let overflow = AMQPValue::LongString("reject-publish".into());
        arguments.insert("x-overflow".into(), overflow);
        let options = QueueDeclareOptions::default();
        self.channel
            .queue_declare(queue.into(), options, arguments)
            .await
            .unwrap();
    }

    pub(crate) async fn delete_exchange(&self, exchange: &str) {
        let options = ExchangeDeleteOptions::default();
        self.channel
            .exchange_delete(exchange.into(), options)
            .await
            .unwrap();
    }

    pub(crate) async fn publish(&self, queue: &str, kind: &str, body: &[u8]) {
        let properties = BasicProperties::default().with_type(kind.into());
        let confirmation = self
            .channel
            .basic_publish(
                "".into(),
                queue.into(),
                BasicPublishOptions::default(),
                body,
                properties,
            )
            .await
            .unwrap()
            .await
            .unwrap();
        assert!(confirmation.is_ack());
    }

    /// Everything that is no message of ours; returns how many.
    pub(crate) async fn publish_garbage(&self, queue: &str) -> usize {
        const OURS: &str = "ekiden.ids.v1";
        let too_many = vec![0; 16 * (MAX_IDS + 1)];
        let garbage: [(&str, &[u8]); 6] = [
            (OURS, b""),
            (OURS, b"garbage"),
            (OURS, &[0; 17]),
            (OURS, &too_many),
            ("", &[0; 16]),
            ("ekiden.ids.v2", &[0; 16]),
        ];
        for (kind, body) in garbage {
            self.publish(queue, kind, body).await;
        }
        garbage.len()
    }
}

//! The settings as the crates below take them.

use super::Settings;
use crate::http::TlsFiles;
use ekiden_broker::AmqpConfig;
use ekiden_dispatch::{DispatchConfig, ReconcileConfig};
use ekiden_domain::{Function, Origin, Route};
use ekiden_executor::ExecutorConfig;
use ekiden_reach::Allowed;
use ekiden_store::StoreConfig;
use ekiden_worker::{WebhookConfig, WorkerConfig};
use std::{ffi::OsString, fmt, time::Duration};

impl Settings {
    /// How to open the store.
    pub(crate) fn store(&self) -> StoreConfig {
        StoreConfig {
            schema: self.database.schema.clone(),
            connections: self.database.connections,
            timeout: self.database.timeout,
            seal_keys: self.seal_keys.clone(),
            ..StoreConfig::new(self.database.database.clone())
        }
    }

    /// How to reach RabbitMQ; `None` where the queue is inside the process.
    pub(crate) fn broker(&self) -> Option<AmqpConfig> {
        let url = self.broker.url.as_ref()?;
        Some(AmqpConfig {
            url: url.expose().to_owned(),
            prefix: self.broker.prefix.clone(),
            publish_timeout: self.broker.publish_timeout,
            timeout: self.broker.timeout,
        })
    }

    /// How functions are run; `guard` is how commands are.
    pub(crate) fn executor(&self, guard: Vec<OsString>) -> ExecutorConfig {
        ExecutorConfig {
            guard,
            allow: self.targets.allow.clone(),
            ..ExecutorConfig::default()
        }
    }

    /// Where the certificate is that the API is served with, if it is served with one.
    pub(crate) fn tls(&self) -> Option<TlsFiles> {
        Some(TlsFiles {
            cert: self.server.tls_cert.clone()?,
            key: self.server.tls_key.clone()?,
        })
    }

    /// Who can reach the API.
    pub(crate) fn callers(&self) -> Origin {
        if self.is_exposed() {
            Origin::Stranger
        } else {
            Origin::Neighbour
        }
    }

    /// How to dispatch.
    pub(crate) fn dispatch(&self) -> DispatchConfig {
        let default = DispatchConfig::default();
        // A message must not be taken by another process while this one still waits for its confirm.
        let hold = self.broker.publish_timeout + Duration::from_secs(5);
        DispatchConfig {
            hold: hold.max(default.hold),
            ..default
        }
    }

    /// How to find what the broker lost.
    pub(crate) fn reconcile(&self) -> ReconcileConfig {
        let default = ReconcileConfig::default();
        ReconcileConfig {
            look_interval: default.look_interval.min(self.reconcile.period),
            period: self.reconcile.period,
            ..default
        }
    }

    /// How a worker that calls itself `name` works.
    pub(crate) fn worker(&self, name: impl Into<String>) -> WorkerConfig {
        let default = WorkerConfig::default();
        // Several beats must fit in the timeout, so that one that is late kills nobody; and several
        // looks, as the reaper trusts only a heart that it has watched without a gap.
        let often = self.worker.worker_timeout / 5;
        WorkerConfig {
            name: name.into(),
            slots: self.worker.slots,
            heartbeat_interval: default.heartbeat_interval.min(often),
            keep_interval: default.keep_interval.min(often),
            worker_timeout: self.worker.worker_timeout,
            on_database_loss: self.worker.on_database_loss,
            drain_grace: self.worker.drain_grace,
            retention: self.retention.keep,
            ..default
        }
    }
}

impl Settings {
    /// How to send webhooks. What this very configuration names as a destination may be reached,
    /// wherever it is: whoever wrote it is the owner.
    pub(crate) fn webhooks(&self) -> WebhookConfig {
        let configs = self.functions.iter().flat_map(|function| {
            let Function {
                async_config,
                qualifiers,
                ..
            } = function;
            std::iter::once(async_config).chain(qualifiers.values())
        });
        let destinations = configs.flat_map(|config| [&config.on_success, &config.on_failure]);
        let hosts = destinations
            .flatten()
            .filter_map(|destination| match destination.route() {
                Route::Webhook(url) => Allowed::host_of(url),
                Route::Amqp { .. } | Route::Function { .. } => None,
            });
        WebhookConfig {
            secrets: self.webhooks.secrets.clone(),
            timeout: self.webhooks.timeout,
            allow: self.webhooks.allow.iter().cloned().chain(hosts).collect(),
        }
    }
}

/// Names the functions only: a target or an environment may hold secrets.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let functions = self
            .functions
            .iter()
            .map(|f| format!("{}/{}", f.service, f.name));
        f.debug_struct("Settings")
            .field("server", &self.server)
            .field("database", &self.database)
            .field("broker", &self.broker)
            .field("enqueue", &self.enqueue)
            .field("worker", &self.worker)
            .field("targets", &self.targets)
            .field("webhooks", &self.webhooks)
            .field("retention", &self.retention)
            .field("telemetry", &self.telemetry)
            .field("reconcile", &self.reconcile)
            .field("seal_keys", &self.seal_keys)
            .field("keys", &self.keys)
            .field("functions", &functions.collect::<Vec<_>>())
            .finish()
    }
}

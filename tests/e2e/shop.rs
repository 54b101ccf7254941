//! A function that was made over HTTP, with a version and an alias of it, as each generation of the API
//! names them.

use crate::{
    client::Client,
    spelling::Spelling,
    world::{World, until},
};
use serde_json::{Value, json};

/// The function `sold`: in FC 2.0 of the service `shop`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shop<'a> {
    pub(crate) client: &'a Client,
    pub(crate) spelling: Spelling,
}

impl<'a> Shop<'a> {
    /// Makes all of it: the version is 1, the alias `prod`, which stands for it.
    pub(crate) async fn open(world: &World, client: &'a Client, spelling: Spelling) -> Self {
        let shop = Self { client, spelling };
        if !spelling.is_fc3 {
            shop.done("POST", &shop.services(), json!({ "serviceName": "shop" }))
                .await;
        }
        let function = json!({
            "functionName": "sold", "runtime": "custom", "handler": "h", "timeout": 600,
            "environmentVariables": { "EKIDEN_TARGET": world.functions.url },
        });
        shop.done("POST", &shop.functions(), function).await;
        shop.done("POST", &shop.versions(), json!({})).await;
        let alias = json!({ "aliasName": "prod", "versionId": "1" });
        shop.done("POST", &shop.aliases(), alias).await;
        shop
    }

    pub(crate) fn services(&self) -> String {
        format!("{}/services", self.spelling.prefix)
    }

    /// What versions and aliases are of.
    fn scope(&self) -> String {
        if self.spelling.is_fc3 {
            self.function()
        } else {
            format!("{}/shop", self.services())
        }
    }

    pub(crate) fn functions(&self) -> String {
        let prefix = self.spelling.prefix;
        if self.spelling.is_fc3 {
            format!("{prefix}/functions")
        } else {
            format!("{prefix}/services/shop/functions")
        }
    }

    pub(crate) fn function(&self) -> String {
        format!("{}/sold", self.functions())
    }

    pub(crate) fn versions(&self) -> String {
        format!("{}/versions", self.scope())
    }

    pub(crate) fn aliases(&self) -> String {
        format!("{}/aliases", self.scope())
    }

    pub(crate) fn config(&self) -> String {
        format!("{}/async-invoke-config", self.function())
    }

    pub(crate) fn invoke(&self) -> String {
        format!("{}/invocations", self.function())
    }

    fn task(&self, id: &str) -> String {
        let tasks = if self.spelling.is_fc3 {
            "async-tasks"
        } else {
            "stateful-async-invocations"
        };
        format!("{}/{tasks}/{id}", self.function())
    }

    /// What is answered to a change that succeeds.
    pub(crate) async fn done(&self, method: &str, path: &str, body: Value) -> Value {
        let answer = self.client.manage(method, path, &body).await;
        assert!(answer.status < 300, "{method} {path}: {answer:?}");
        serde_json::from_slice(&answer.body).unwrap_or_default()
    }

    /// Invokes the function asynchronously, through a qualifier where one is given.
    pub(crate) async fn accepted(&self, id: &str, query: &str, payload: &'static str) {
        let headers = [(self.spelling.id_header(), id)];
        let path = format!("{}{query}", self.invoke());
        let answer = self.client.post(&path, &headers, payload).await;
        assert_eq!(answer.status, 202, "{answer:?}");
    }

    pub(crate) async fn record(&self, id: &str) -> Value {
        let answer = self.client.get(&self.task(id)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// The invocation's record once it is in this status.
    pub(crate) async fn recorded(&self, id: &str, status: &str) -> Value {
        let look = async || {
            let record = self.record(id).await;
            (record["status"] == status).then_some(record)
        };
        until(&format!("{id} to be {status}"), look).await
    }

    /// What a record says of the last error.
    pub(crate) fn message<'r>(&self, record: &'r Value) -> &'r str {
        record[self.spelling.error_key()].as_str().unwrap()
    }

    /// All that is registered, as the lists tell it.
    pub(crate) async fn everything(&self) -> Vec<Value> {
        let mut lists = vec![self.functions(), self.versions(), self.aliases()];
        if self.spelling.is_fc3 {
            lists.push(format!("{}/async-invoke-configs", self.spelling.prefix));
        } else {
            lists.push(self.services());
            lists.push(format!("{}/async-invoke-configs", self.function()));
        }
        let mut everything = Vec::new();
        for list in lists {
            let answer = self.client.get(&format!("{list}?limit=100")).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            everything.push(answer.json());
        }
        everything
    }
}

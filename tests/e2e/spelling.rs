//! The four spellings of the API, as their documentation writes them.

use crate::client::Client;
use serde_json::Value;

/// One spelling. All of them name the functions of the service `default` here, which is where
/// FC 3.0's functions live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spelling {
    pub(crate) prefix: &'static str,
    pub(crate) is_fc3: bool,
}

pub(crate) const UNVERSIONED: Spelling = fc2("");
pub(crate) const V2016: Spelling = fc2("/2016-08-15");
pub(crate) const V2021: Spelling = fc2("/2021-04-06");
pub(crate) const V2023: Spelling = Spelling {
    prefix: "/2023-03-30",
    is_fc3: true,
};
pub(crate) const SPELLINGS: [Spelling; 4] = [UNVERSIONED, V2016, V2021, V2023];

const fn fc2(prefix: &'static str) -> Spelling {
    Spelling {
        prefix,
        is_fc3: false,
    }
}

impl Spelling {
    fn pick(self, fc2: &'static str, fc3: &'static str) -> &'static str {
        if self.is_fc3 { fc3 } else { fc2 }
    }

    /// The function's path.
    pub(crate) fn function(self, function: &str) -> String {
        let service = self.pick("/services/default", "");
        format!("{}{service}/functions/{function}", self.prefix)
    }

    pub(crate) fn invoke(self, function: &str) -> String {
        format!("{}/invocations", self.function(function))
    }

    pub(crate) fn list(self, function: &str) -> String {
        let tasks = self.pick("stateful-async-invocations", "async-tasks");
        format!("{}/{tasks}", self.function(function))
    }

    pub(crate) fn task(self, function: &str, id: &str) -> String {
        format!("{}/{id}", self.list(function))
    }

    pub(crate) fn stop(self, function: &str, id: &str) -> String {
        format!("{}{}", self.task(function, id), self.pick("", "/stop"))
    }

    /// The header that gives an id.
    pub(crate) fn id_header(self) -> &'static str {
        self.pick("x-fc-stateful-async-invocation-id", "x-fc-async-task-id")
    }

    pub(crate) fn list_key(self) -> &'static str {
        self.pick("invocations", "tasks")
    }

    pub(crate) fn id_key(self) -> &'static str {
        self.pick("invocationId", "taskId")
    }

    pub(crate) fn payload_key(self) -> &'static str {
        self.pick("invocationPayload", "taskPayload")
    }

    pub(crate) fn error_key(self) -> &'static str {
        self.pick("invocationErrorMessage", "taskErrorMessage")
    }

    pub(crate) fn prefix_parameter(self) -> &'static str {
        self.pick("invocationIdPrefix", "prefix")
    }

    pub(crate) fn not_found(self) -> &'static str {
        self.pick("StatefulAsyncInvocationNotFound", "AsyncTaskNotFound")
    }

    pub(crate) fn already_exists(self) -> &'static str {
        self.pick(
            "StatefulAsyncInvocationAlreadyExists",
            "AsyncTaskAlreadyExists",
        )
    }

    /// One page of a list: its records, and the next page's token.
    pub(crate) async fn page(
        self,
        client: &Client,
        function: &str,
        query: &str,
    ) -> (Vec<Value>, Option<String>) {
        let answer = client
            .get(&format!("{}?{query}", self.list(function)))
            .await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let mut body = answer.json();
        let Value::Array(records) = body[self.list_key()].take() else {
            panic!("no {}: {answer:?}", self.list_key());
        };
        let token = body
            .get("nextToken")
            .map(|token| token.as_str().unwrap().to_owned());
        assert_ne!(token.as_deref(), Some(""), "the last page has no token");
        (records, token)
    }

    /// The ids of one page, in its order.
    pub(crate) async fn ids(self, client: &Client, function: &str, query: &str) -> Vec<String> {
        let (records, _) = self.page(client, function, query).await;
        let id = |record: &Value| record[self.id_key()].as_str().unwrap().to_owned();
        records.iter().map(id).collect()
    }
}

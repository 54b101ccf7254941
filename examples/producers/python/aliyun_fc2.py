"""A producer with aliyun-fc2: `python3 aliyun_fc2.py SERVICE FUNCTION PAYLOAD` runs a task to its end.

EKIDEN_ENDPOINT, EKIDEN_ACCESS_KEY_ID and EKIDEN_ACCESS_KEY_SECRET say where and as whom; a server
without access keys takes any."""

import json
import os
import sys
import time
import uuid

import fc2

client = fc2.Client(
    endpoint=os.environ.get("EKIDEN_ENDPOINT", "http://127.0.0.1:7070"),
    accessKeyID=os.environ.get("EKIDEN_ACCESS_KEY_ID", "anyone"),
    accessKeySecret=os.environ.get("EKIDEN_ACCESS_KEY_SECRET", "anything"),
)


def task(service, function, id):
    """The task's record. The SDK has no method for it, but signs any request."""
    name = f"services/{service}/functions/{function}/stateful-async-invocations/{id}"
    path = f"/{client.api_version}/{name}"
    return client._do_request("GET", path, client._build_common_headers("GET", path)).json()


service, function, payload = sys.argv[1:]
id = f"job-{uuid.uuid4()}"
client.invoke_function(service, function, payload.encode(), headers={
    "x-fc-invocation-type": "Async",
    "x-fc-stateful-async-invocation-id": id,
})
while (record := task(service, function, id))["endTime"] == 0:
    time.sleep(0.2)
print(json.dumps(record, indent=2))

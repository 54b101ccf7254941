"""A producer with alibabacloud-fc-open20210406: `python3 fc_open.py SERVICE FUNCTION PAYLOAD` runs a
task to its end.

EKIDEN_ENDPOINT, EKIDEN_ACCESS_KEY_ID and EKIDEN_ACCESS_KEY_SECRET say where and as whom; a server
without access keys takes any."""

import json
import os
import sys
import time
import uuid

from alibabacloud_fc_open20210406 import models
from alibabacloud_fc_open20210406.client import Client
from alibabacloud_tea_openapi.models import Config
from alibabacloud_tea_util.models import RuntimeOptions

protocol, endpoint = os.environ.get("EKIDEN_ENDPOINT", "http://127.0.0.1:7070").split("://")
client = Client(Config(
    access_key_id=os.environ.get("EKIDEN_ACCESS_KEY_ID", "anyone"),
    access_key_secret=os.environ.get("EKIDEN_ACCESS_KEY_SECRET", "anything"),
    endpoint=endpoint, protocol=protocol, region_id="here",
))
service, function, payload = sys.argv[1:]
id = f"job-{uuid.uuid4()}"
request = models.InvokeFunctionRequest(body=payload.encode())
headers = models.InvokeFunctionHeaders(
    x_fc_invocation_type="Async", x_fc_stateful_async_invocation_id=id
)
client.invoke_function_with_options(service, function, request, headers, RuntimeOptions())
while True:
    request = models.GetStatefulAsyncInvocationRequest()
    record = client.get_stateful_async_invocation(service, function, id, request).body
    if record.end_time != 0:
        break
    time.sleep(0.2)
print(json.dumps(record.to_map(), indent=2))

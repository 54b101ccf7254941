"""A producer with alibabacloud-fc20230330: `python3 fc3.py FUNCTION PAYLOAD` runs a task of a function
of the service `default` to its end.

EKIDEN_ENDPOINT, EKIDEN_ACCESS_KEY_ID and EKIDEN_ACCESS_KEY_SECRET say where and as whom; a server
without access keys takes any."""

import json
import os
import sys
import time
import uuid

from alibabacloud_fc20230330 import models
from alibabacloud_fc20230330.client import Client
from alibabacloud_tea_openapi.utils_models import Config
from darabonba.runtime import RuntimeOptions

protocol, endpoint = os.environ.get("EKIDEN_ENDPOINT", "http://127.0.0.1:7070").split("://")
client = Client(Config(
    access_key_id=os.environ.get("EKIDEN_ACCESS_KEY_ID", "anyone"),
    access_key_secret=os.environ.get("EKIDEN_ACCESS_KEY_SECRET", "anything"),
    endpoint=endpoint, protocol=protocol, region_id="here",
))
function, payload = sys.argv[1:]
id = f"job-{uuid.uuid4()}"
request = models.InvokeFunctionRequest(body=payload.encode())
headers = models.InvokeFunctionHeaders(x_fc_invocation_type="Async", x_fc_async_task_id=id)
client.invoke_function_with_options(function, request, headers, RuntimeOptions())
while True:
    record = client.get_async_task(function, id, models.GetAsyncTaskRequest()).body
    if record.end_time != 0:
        break
    time.sleep(0.2)
print(json.dumps(record.to_map(), indent=2))

"""alibabacloud-fc20230330, which speaks 2023-03-30: FC 3.0, which has no services."""

import base64
import json
from urllib.parse import urlsplit

from alibabacloud_fc20230330 import models
from alibabacloud_fc20230330.client import Client
from alibabacloud_tea_openapi.exceptions import ClientException
from alibabacloud_tea_openapi.utils_models import Config
from darabonba.runtime import RuntimeOptions

from story import ENDPOINT, FUNCTION, KEY, Translated, equal
from walk import walk


class Sdk:
    NAME = "alibabacloud-fc20230330"
    RUNTIME = "custom.debian10"
    ID, PAYLOAD, ERROR = "taskId", "taskPayload", "taskErrorMessage"
    STATEFUL = "asyncTask"
    NOT_FOUND = "AsyncTaskNotFound"
    EXISTS = "AsyncTaskAlreadyExists"
    TASKS_REMARK = None
    ERROR_REMARK = None
    TAG_REMARK = "by a header of one's own"
    LACKS = {
        "create_service": "FC 3.0 has no services",
        "functions_with_tasks": "an operation of 2021-04-06",
    }

    def __init__(self, key=KEY):
        endpoint = urlsplit(ENDPOINT)
        client = Client(Config(
            access_key_id=key[0], access_key_secret=key[1],
            endpoint=endpoint.netloc, protocol=endpoint.scheme, region_id="here",
        ))
        read = lambda error: (error.status_code, error.code, error.request_id)
        self.client = Translated(client, ClientException, read)

    def as_other(self, *key):
        return Sdk(key)

    def create_function(self, name, environment, timeout):
        function = models.CreateFunctionInput(
            function_name=name, runtime=self.RUNTIME, handler="index.handler", timeout=timeout,
            code=models.InputCodeLocation(zip_file=base64.b64encode(b"a zip file").decode()),
            custom_runtime_config=models.CustomRuntimeConfig(
                command=["./run"], args=["x"], port=9000
            ),
            environment_variables=environment, cpu=0.5, memory_size=512, disk_size=512,
        )
        return plain(self.client.create_function(models.CreateFunctionRequest(body=function)))

    def get_function(self, name, qualifier=None):
        request = models.GetFunctionRequest(qualifier=qualifier)
        return plain(self.client.get_function(name, request))

    def get_code(self, name):
        return plain(self.client.get_function_code(name, models.GetFunctionCodeRequest()))

    def list_functions(self, prefix):
        request = models.ListFunctionsRequest(prefix=prefix)
        return plain(self.client.list_functions(request))["functions"]

    def update_function(self, name, environment, timeout):
        function = models.UpdateFunctionInput(timeout=timeout, environment_variables=environment)
        request = models.UpdateFunctionRequest(body=function)
        return plain(self.client.update_function(name, request))

    def tag(self, name):
        return self.client.get_function(name, models.GetFunctionRequest()).headers["etag"]

    def update_if(self, tag, name, description):
        function = models.UpdateFunctionInput(description=description)
        request = models.UpdateFunctionRequest(body=function)
        update = self.client.update_function_with_options
        update(name, request, {"If-Match": tag}, RuntimeOptions())

    def delete_function(self, name):
        self.client.delete_function(name)

    def publish_version(self, description):
        version = models.PublishVersionInput(description=description)
        request = models.PublishFunctionVersionRequest(body=version)
        return plain(self.client.publish_function_version(FUNCTION, request))

    def list_versions(self):
        request = models.ListFunctionVersionsRequest()
        return plain(self.client.list_function_versions(FUNCTION, request))["versions"]

    def delete_version(self, version):
        self.client.delete_function_version(FUNCTION, version)

    def create_alias(self, name, version, weights):
        alias = models.CreateAliasInput(
            alias_name=name, version_id=version, additional_version_weight=weights
        )
        request = models.CreateAliasRequest(body=alias)
        return plain(self.client.create_alias(FUNCTION, request))

    def get_alias(self, name):
        return plain(self.client.get_alias(FUNCTION, name))

    def update_alias(self, name, version, weights):
        alias = models.UpdateAliasInput(version_id=version, additional_version_weight=weights)
        request = models.UpdateAliasRequest(body=alias)
        return plain(self.client.update_alias(FUNCTION, name, request))

    def list_aliases(self):
        return plain(self.client.list_aliases(FUNCTION, models.ListAliasesRequest()))["aliases"]

    def delete_alias(self, name):
        self.client.delete_alias(FUNCTION, name)

    def put_config(self, qualifier, **fields):
        config = models.PutAsyncInvokeConfigInput().from_map(fields)
        request = models.PutAsyncInvokeConfigRequest(body=config, qualifier=qualifier)
        return plain(self.client.put_async_invoke_config(FUNCTION, request))

    def get_config(self, qualifier):
        request = models.GetAsyncInvokeConfigRequest(qualifier=qualifier)
        return plain(self.client.get_async_invoke_config(FUNCTION, request))

    def list_configs(self):
        request = models.ListAsyncInvokeConfigsRequest(function_name=FUNCTION)
        return plain(self.client.list_async_invoke_configs(request))["configs"]

    def list_all_configs(self):
        request = models.ListAsyncInvokeConfigsRequest()
        return plain(self.client.list_async_invoke_configs(request))["configs"]

    def delete_config(self, qualifier):
        request = models.DeleteAsyncInvokeConfigRequest(qualifier=qualifier)
        self.client.delete_async_invoke_config(FUNCTION, request)

    def put_concurrency(self, reserved):
        concurrency = models.PutConcurrencyInput(reserved_concurrency=reserved)
        request = models.PutConcurrencyConfigRequest(body=concurrency)
        return plain(self.client.put_concurrency_config(FUNCTION, request))

    def get_concurrency(self):
        return plain(self.client.get_concurrency_config(FUNCTION))

    def delete_concurrency(self):
        self.client.delete_concurrency_config(FUNCTION)

    def disable(self, reason):
        request = models.DisableFunctionInvocationRequest(reason=reason)
        self.client.disable_function_invocation(FUNCTION, request)

    def enable(self):
        self.client.enable_function_invocation(FUNCTION)

    def send(self, payload, headers, qualifier, function):
        request = models.InvokeFunctionRequest(body=payload.encode(), qualifier=qualifier)
        send = self.client.invoke_function_with_options
        return send(function, request, headers, RuntimeOptions())

    def call(self, payload, qualifier=None):
        headers = models.InvokeFunctionHeaders()
        return self.send(payload, headers, qualifier, FUNCTION).body.read().decode()

    def call_that_fails(self, payload):
        answer = self.send(payload, models.InvokeFunctionHeaders(), None, FUNCTION)
        assert answer.status_code == 200, answer.status_code
        assert answer.headers["x-fc-error-type"], answer.headers
        return json.loads(answer.body.read())

    def log_of(self, payload):
        headers = models.InvokeFunctionHeaders(x_fc_log_type="Tail")
        return self.send(payload, headers, None, FUNCTION).headers["x-fc-log-result"]

    def invoke(self, payload, id=None, delay=None, qualifier=None, function=FUNCTION):
        headers = models.InvokeFunctionHeaders(
            x_fc_invocation_type="Async", x_fc_async_task_id=id,
            common_headers={"x-fc-async-delay": str(delay)} if delay else None,
        )
        answer = self.send(payload, headers, qualifier, function)
        assert answer.status_code == 202, answer.status_code
        return answer.headers["x-fc-request-id"]

    def get(self, id, qualifier=None):
        request = models.GetAsyncTaskRequest(qualifier=qualifier)
        return plain(self.client.get_async_task(FUNCTION, id, request))

    def stop(self, id):
        self.client.stop_async_task(FUNCTION, id, models.StopAsyncTaskRequest())

    def list(self, token=None, order=None, payload=None, begin=None, end=None, **same):
        request = models.ListAsyncTasksRequest(
            next_token=token, sort_order_by_time=order, include_payload=payload,
            started_time_begin=begin, started_time_end=end, **same,
        )
        found = self.client.list_async_tasks(FUNCTION, request)
        return plain(found)["tasks"], found.body.next_token

    def check_names(self, record):
        equal(record["functionArn"], f"acs:fc:::functions/{FUNCTION}")


def plain(answer):
    """What the SDK's model read from the answer."""
    assert answer.headers["x-fc-request-id"], answer.headers
    return answer.body.to_map()


walk(Sdk())

"""alibabacloud-fc-open20210406, which speaks 2021-04-06."""

import base64
import json
from urllib.parse import urlsplit

from alibabacloud_fc_open20210406 import models
from alibabacloud_fc_open20210406.client import Client
from alibabacloud_tea_openapi.exceptions import ClientException
from alibabacloud_tea_openapi.models import Config
from alibabacloud_tea_util.models import RuntimeOptions

from story import ENDPOINT, FUNCTION, KEY, SERVICE, Translated, has
from walk import walk


class Sdk:
    NAME = "alibabacloud-fc-open20210406"
    RUNTIME = "custom"
    ID, PAYLOAD, ERROR = "invocationId", "invocationPayload", "invocationErrorMessage"
    STATEFUL = "statefulInvocation"
    NOT_FOUND = "StatefulAsyncInvocationNotFound"
    EXISTS = "StatefulAsyncInvocationAlreadyExists"
    TASKS_REMARK = None
    ERROR_REMARK = None
    TAG_REMARK = None
    LACKS = {
        "list_all_configs": "an operation of FC 3.0",
        "put_concurrency": "an operation of FC 3.0",
        "disable": "an operation of FC 3.0",
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

    def create_service(self, name, description):
        request = models.CreateServiceRequest(service_name=name, description=description)
        return plain(self.client.create_service(request))

    def get_service(self, name):
        return plain(self.client.get_service(name, models.GetServiceRequest()))

    def list_services(self, prefix):
        request = models.ListServicesRequest(prefix=prefix)
        return plain(self.client.list_services(request))["services"]

    def update_service(self, name, description):
        request = models.UpdateServiceRequest(description=description)
        return plain(self.client.update_service(name, request))

    def delete_service(self, name):
        self.client.delete_service(name)

    def create_function(self, name, environment, timeout):
        request = models.CreateFunctionRequest(
            function_name=name, runtime=self.RUNTIME, handler="index.handler", timeout=timeout,
            code=models.Code(zip_file=base64.b64encode(b"a zip file").decode()),
            custom_runtime_config=models.CustomRuntimeConfig(command=["./run"], args=["x"]),
            environment_variables=environment, instance_concurrency=3,
        )
        return plain(self.client.create_function(SERVICE, request))

    def get_function(self, name, qualifier=None):
        request = models.GetFunctionRequest(qualifier=qualifier)
        return plain(self.client.get_function(SERVICE, name, request))

    def get_code(self, name):
        request = models.GetFunctionCodeRequest()
        return plain(self.client.get_function_code(SERVICE, name, request))

    def list_functions(self, prefix):
        request = models.ListFunctionsRequest(prefix=prefix)
        return plain(self.client.list_functions(SERVICE, request))["functions"]

    def update_function(self, name, environment, timeout):
        # This model, and no other, names the concurrency with a capital.
        request = models.UpdateFunctionRequest(
            timeout=timeout, environment_variables=environment, instance_concurrency=4
        )
        updated = plain(self.client.update_function(SERVICE, name, request))
        has(updated, instanceConcurrency=4)
        return updated

    def tag(self, name):
        request = models.GetFunctionRequest()
        return self.client.get_function(SERVICE, name, request).headers["etag"]

    def update_if(self, tag, name, description):
        request = models.UpdateFunctionRequest(description=description)
        headers = models.UpdateFunctionHeaders(if_match=tag)
        update = self.client.update_function_with_options
        update(SERVICE, name, request, headers, RuntimeOptions())

    def delete_function(self, name):
        self.client.delete_function(SERVICE, name)

    def publish_version(self, description):
        request = models.PublishServiceVersionRequest(description=description)
        return plain(self.client.publish_service_version(SERVICE, request))

    def list_versions(self):
        request = models.ListServiceVersionsRequest()
        return plain(self.client.list_service_versions(SERVICE, request))["versions"]

    def delete_version(self, version):
        self.client.delete_service_version(SERVICE, version)

    def create_alias(self, name, version, weights):
        request = models.CreateAliasRequest(
            alias_name=name, version_id=version, additional_version_weight=weights
        )
        return plain(self.client.create_alias(SERVICE, request))

    def get_alias(self, name):
        return plain(self.client.get_alias(SERVICE, name))

    def update_alias(self, name, version, weights):
        request = models.UpdateAliasRequest(version_id=version, additional_version_weight=weights)
        return plain(self.client.update_alias(SERVICE, name, request))

    def list_aliases(self):
        return plain(self.client.list_aliases(SERVICE, models.ListAliasesRequest()))["aliases"]

    def delete_alias(self, name):
        self.client.delete_alias(SERVICE, name)

    def put_config(self, qualifier, **fields):
        request = models.PutFunctionAsyncInvokeConfigRequest(qualifier=qualifier).from_map(fields)
        put = self.client.put_function_async_invoke_config
        return plain(put(SERVICE, FUNCTION, request))

    def get_config(self, qualifier):
        request = models.GetFunctionAsyncInvokeConfigRequest(qualifier=qualifier)
        get = self.client.get_function_async_invoke_config
        return plain(get(SERVICE, FUNCTION, request))

    def list_configs(self):
        request = models.ListFunctionAsyncInvokeConfigsRequest()
        found = self.client.list_function_async_invoke_configs(SERVICE, FUNCTION, request)
        return plain(found)["configs"]

    def delete_config(self, qualifier):
        request = models.DeleteFunctionAsyncInvokeConfigRequest(qualifier=qualifier)
        self.client.delete_function_async_invoke_config(SERVICE, FUNCTION, request)

    def send(self, payload, headers, qualifier, function):
        request = models.InvokeFunctionRequest(body=payload.encode(), qualifier=qualifier)
        send = self.client.invoke_function_with_options
        return send(SERVICE, function, request, headers, RuntimeOptions())

    def call(self, payload, qualifier=None):
        headers = models.InvokeFunctionHeaders()
        return self.send(payload, headers, qualifier, FUNCTION).body.decode()

    def call_that_fails(self, payload):
        answer = self.send(payload, models.InvokeFunctionHeaders(), None, FUNCTION)
        assert answer.status_code == 200, answer.status_code
        assert answer.headers["x-fc-error-type"], answer.headers
        return json.loads(answer.body)

    def log_of(self, payload):
        headers = models.InvokeFunctionHeaders(x_fc_log_type="Tail")
        return self.send(payload, headers, None, FUNCTION).headers["x-fc-log-result"]

    def invoke(self, payload, id=None, delay=None, qualifier=None, function=FUNCTION):
        headers = models.InvokeFunctionHeaders(
            x_fc_invocation_type="Async", x_fc_stateful_async_invocation_id=id,
            common_headers={"x-fc-async-delay": str(delay)} if delay else None,
        )
        answer = self.send(payload, headers, qualifier, function)
        assert (answer.status_code, answer.body) == (202, b""), answer
        return answer.headers["x-fc-request-id"]

    def get(self, id, qualifier=None):
        request = models.GetStatefulAsyncInvocationRequest(qualifier=qualifier)
        return plain(self.client.get_stateful_async_invocation(SERVICE, FUNCTION, id, request))

    def stop(self, id):
        request = models.StopStatefulAsyncInvocationRequest()
        self.client.stop_stateful_async_invocation(SERVICE, FUNCTION, id, request)

    def list(self, prefix=None, token=None, order=None, payload=None, begin=None, end=None, **same):
        request = models.ListStatefulAsyncInvocationsRequest(
            invocation_id_prefix=prefix, next_token=token, sort_order_by_time=order,
            include_payload=payload, started_time_begin=begin, started_time_end=end, **same,
        )
        found = self.client.list_stateful_async_invocations(SERVICE, FUNCTION, request)
        return plain(found)["invocations"], found.body.next_token

    def functions_with_tasks(self):
        request = models.ListStatefulAsyncInvocationFunctionsRequest(limit=10)
        return plain(self.client.list_stateful_async_invocation_functions(request))["data"]

    def check_names(self, record):
        has(record, serviceName=SERVICE, functionName=FUNCTION)


def plain(answer):
    """What the SDK's model read from the answer."""
    assert answer.headers["x-fc-request-id"], answer.headers
    return answer.body.to_map()


walk(Sdk())

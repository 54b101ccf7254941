"""aliyun-fc2, which speaks 2016-08-15. It has no methods for tasks: they are asked for by the request
that all its methods are made of."""

import json
import logging
import tempfile
from pathlib import Path

import fc2

from story import ENDPOINT, FUNCTION, KEY, SERVICE, Refused, Translated, has
from walk import walk

# It logs every error that it raises.
logging.disable(logging.CRITICAL)


class Sdk:
    NAME = "aliyun-fc2"
    RUNTIME = "custom"
    ID, PAYLOAD, ERROR = "invocationId", "invocationPayload", "invocationErrorMessage"
    STATEFUL = "statefulInvocation"
    NOT_FOUND = "StatefulAsyncInvocationNotFound"
    EXISTS = "StatefulAsyncInvocationAlreadyExists"
    TASKS_REMARK = "it has no methods for tasks: by the signed request that its methods are made of"
    ERROR_REMARK = "raised as an error"
    TAG_REMARK = None
    LACKS = {
        "functions_with_tasks": "it has no such method",
        "list_all_configs": "an operation of FC 3.0",
        "put_concurrency": "an operation of FC 3.0",
        "disable": "an operation of FC 3.0",
    }

    def __init__(self, key=KEY):
        client = fc2.Client(endpoint=ENDPOINT, accessKeyID=key[0], accessKeySecret=key[1])
        read = lambda error: (error.status_code, error.err_code, error.request_id)
        self.client = Translated(client, fc2.FcError, read)

    def as_other(self, *key):
        return Sdk(key)

    def create_service(self, name, description):
        return self.client.create_service(name, description=description).data

    def get_service(self, name):
        return self.client.get_service(name).data

    def list_services(self, prefix):
        return self.client.list_services(prefix=prefix).data["services"]

    def update_service(self, name, description):
        return self.client.update_service(name, description=description).data

    def delete_service(self, name):
        self.client.delete_service(name)

    def create_function(self, name, environment, timeout):
        with tempfile.TemporaryDirectory() as code:
            Path(code, "bootstrap").write_text("#!/bin/sh\n")
            return self.client.create_function(
                SERVICE, name, self.RUNTIME, "index.handler", codeDir=code,
                timeout=timeout, environmentVariables=environment,
            ).data

    def get_function(self, name, qualifier=None):
        return self.client.get_function(SERVICE, name, qualifier=qualifier).data

    def get_code(self, name):
        return self.client.get_function_code(SERVICE, name).data

    def list_functions(self, prefix):
        return self.client.list_functions(SERVICE, prefix=prefix).data["functions"]

    def update_function(self, name, environment, timeout):
        return self.client.update_function(
            SERVICE, name, timeout=timeout, environmentVariables=environment
        ).data

    def tag(self, name):
        return self.client.get_function(SERVICE, name).headers["etag"]

    def update_if(self, tag, name, description):
        headers = {"if-match": tag}
        self.client.update_function(SERVICE, name, description=description, headers=headers)

    def delete_function(self, name):
        self.client.delete_function(SERVICE, name)

    def publish_version(self, description):
        return self.client.publish_version(SERVICE, description).data

    def list_versions(self):
        return self.client.list_versions(SERVICE).data["versions"]

    def delete_version(self, version):
        self.client.delete_version(SERVICE, version)

    def create_alias(self, name, version, weights):
        return self.client.create_alias(
            SERVICE, name, version, additionalVersionWeight=weights
        ).data

    def get_alias(self, name):
        return self.client.get_alias(SERVICE, name).data

    def update_alias(self, name, version, weights):
        return self.client.update_alias(
            SERVICE, name, version, additionalVersionWeight=weights
        ).data

    def list_aliases(self):
        return self.client.list_aliases(SERVICE).data["aliases"]

    def delete_alias(self, name):
        self.client.delete_alias(SERVICE, name)

    def put_config(self, qualifier, **fields):
        put = self.client.put_function_async_invoke_config
        return put(SERVICE, qualifier, FUNCTION, fields).data

    def get_config(self, qualifier):
        get = self.client.get_function_async_invoke_config
        return get(SERVICE, qualifier, FUNCTION).data

    def list_configs(self):
        found = self.client.list_function_async_invoke_configs(SERVICE, FUNCTION)
        return found.data["configs"]

    def delete_config(self, qualifier):
        self.client.delete_function_async_invoke_config(SERVICE, qualifier, FUNCTION)

    def call(self, payload, qualifier=None):
        answer = self.client.invoke_function(
            SERVICE, FUNCTION, payload.encode(), qualifier=qualifier
        )
        return answer.data.decode()

    def call_that_fails(self, payload):
        try:
            self.call(payload)
        except Refused as error:
            assert error.status == 200, error
            return json.loads(error.__cause__.message)
        raise AssertionError("it does not fail")

    def log_of(self, payload):
        headers = {"x-fc-log-type": "Tail"}
        answer = self.client.invoke_function(SERVICE, FUNCTION, payload.encode(), headers=headers)
        return answer.headers["x-fc-log-result"]

    def invoke(self, payload, id=None, delay=None, qualifier=None, function=FUNCTION):
        headers = {"x-fc-invocation-type": "Async"}
        if id:
            headers["x-fc-stateful-async-invocation-id"] = id
        if delay:
            headers["x-fc-async-delay"] = str(delay)
        answer = self.client.invoke_function(
            SERVICE, function, payload.encode(), headers=headers, qualifier=qualifier
        )
        assert answer.data == b"", answer.data
        return answer.headers["x-fc-request-id"]

    def ask(self, method, path, qualifier=None, **parameters):
        service = f"{SERVICE}.{qualifier}" if qualifier else SERVICE
        path = f"/2016-08-15/services/{service}/functions/{FUNCTION}{path}"
        headers = self.client._build_common_headers(method, path)
        return self.client._do_request(method, path, headers, params=parameters)

    def get(self, id, qualifier=None):
        return self.ask("GET", f"/stateful-async-invocations/{id}", qualifier).json()

    def stop(self, id):
        self.ask("PUT", f"/stateful-async-invocations/{id}")

    def list(self, qualifier=None, **filters):
        names = {
            "prefix": "invocationIdPrefix", "status": "status", "limit": "limit",
            "token": "nextToken", "order": "sortOrderByTime", "payload": "includePayload",
            "begin": "startedTimeBegin", "end": "startedTimeEnd",
        }
        parameters = {names[key]: value for key, value in filters.items()}
        answer = self.ask("GET", "/stateful-async-invocations", qualifier, **parameters).json()
        return answer["invocations"], answer.get("nextToken")

    def check_names(self, record):
        has(record, serviceName=SERVICE, functionName=FUNCTION)


walk(Sdk())

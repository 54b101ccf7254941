"""The part of the story that makes services, functions, versions, aliases and configs, and the part
that deletes them."""

from story import FUNCTION, SERVICE, TARGET, equal, has, refused

# The one that version 1 keeps, and the one that came after it.
FIRST = {"EKIDEN_TARGET": f"{TARGET}/first", "COLOUR": "blue"}
SECOND = {"EKIDEN_TARGET": f"{TARGET}/second", "COLOUR": "green"}


def make(story):
    sdk = story.sdk
    services(story, sdk)
    functions(story, sdk)
    versions(story, sdk)
    aliases(story, sdk)
    configs(story, sdk)


def services(story, sdk):
    if story.has("create_service", "create a service"):
        with story.operation("create a service"):
            made = sdk.create_service(SERVICE, "of tellers")
            has(made, serviceName=SERVICE, description="of tellers")
            assert made["createdTime"] and made["lastModifiedTime"], made
            refused(409, "ServiceAlreadyExists", lambda: sdk.create_service(SERVICE, "again"))
    if story.has("create_service", "get a service"):
        with story.operation("get a service"):
            has(sdk.get_service(SERVICE), serviceName=SERVICE, description="of tellers")
            refused(404, "ServiceNotFound", lambda: sdk.get_service("nowhere"))
    if story.has("create_service", "list services"):
        with story.operation("list services"):
            names = [service["serviceName"] for service in sdk.list_services("tal")]
            equal(names, [SERVICE])
            equal(sdk.list_services("nowhere"), [])
    if story.has("create_service", "update a service"):
        with story.operation("update a service"):
            has(sdk.update_service(SERVICE, "of tales"), description="of tales")
            has(sdk.get_service(SERVICE), description="of tales")


def functions(story, sdk):
    with story.operation("create a function"):
        made = sdk.create_function(FUNCTION, FIRST, 45)
        is_function(sdk, made, FIRST, 45)
        assert made["createdTime"] and made["lastModifiedTime"], made
        refused(409, "FunctionAlreadyExists", lambda: sdk.create_function(FUNCTION, FIRST, 45))
    with story.operation("get a function"):
        is_function(sdk, sdk.get_function(FUNCTION), FIRST, 45)
        refused(404, "FunctionNotFound", lambda: sdk.get_function("nobody"))
    with story.differs("get a function's code", "there is none here: what runs runs elsewhere"):
        refused(404, "CodeNotFound", lambda: sdk.get_code(FUNCTION))
    with story.operation("list functions"):
        equal([one["functionName"] for one in sdk.list_functions("tell")], [FUNCTION])
        equal(sdk.list_functions("nobody"), [])


def is_function(sdk, found, environment, timeout):
    has(found, functionName=FUNCTION, runtime=sdk.RUNTIME, handler="index.handler")
    has(found, environmentVariables=environment, timeout=timeout)


def versions(story, sdk):
    with story.operation("publish a version"):
        has(sdk.publish_version("the first"), versionId="1", description="the first")
    with story.operation("update a function"):
        is_function(sdk, sdk.update_function(FUNCTION, SECOND, 50), SECOND, 50)
        is_function(sdk, sdk.get_function(FUNCTION), SECOND, 50)
    with story.operation("update a function unless it was changed (If-Match)", sdk.TAG_REMARK):
        tag = sdk.tag(FUNCTION)
        sdk.update_if(tag, FUNCTION, "the winner's")
        refused(412, "PreconditionFailed", lambda: sdk.update_if(tag, FUNCTION, "the loser's"))
        has(sdk.get_function(FUNCTION), description="the winner's")
    with story.operation("get a version of a function"):
        is_function(sdk, sdk.get_function(FUNCTION, "1"), FIRST, 45)
    with story.operation("list versions"):
        has(sdk.publish_version("the second"), versionId="2")
        ids = [version["versionId"] for version in sdk.list_versions()]
        equal(sorted(ids), ["1", "2"])


def aliases(story, sdk):
    with story.operation("create an alias with weights"):
        made = sdk.create_alias("prod", "1", {"2": 0.5})
        has(made, aliasName="prod", versionId="1", additionalVersionWeight={"2": 0.5})
        refused(409, "AliasAlreadyExists", lambda: sdk.create_alias("prod", "1", {}))
    with story.operation("get an alias"):
        found = sdk.get_alias("prod")
        has(found, aliasName="prod", versionId="1", additionalVersionWeight={"2": 0.5})
        refused(404, "AliasNotFound", lambda: sdk.get_alias("nightly"))
    with story.operation("update an alias"):
        has(sdk.update_alias("prod", "2", {"1": 0.5}), versionId="2")
        has(sdk.get_alias("prod"), versionId="2", additionalVersionWeight={"1": 0.5})
    with story.operation("list aliases"):
        equal([alias["aliasName"] for alias in sdk.list_aliases()], ["prod"])


def configs(story, sdk):
    stateful = sdk.STATEFUL
    with story.operation("put an async config"):
        refused(404, "AsyncConfigNotExists", lambda: sdk.get_config("LATEST"))
        fields = {"maxAsyncRetryAttempts": 1, "maxAsyncEventAgeInSeconds": 600, stateful: True}
        has(sdk.put_config("LATEST", **fields), **fields)
        # What is not given stays.
        fields["maxAsyncEventAgeInSeconds"] = 700
        has(sdk.put_config("LATEST", maxAsyncEventAgeInSeconds=700), **fields)
    with story.operation("get an async config"):
        found = sdk.get_config("LATEST")
        has(found, **fields)
        assert found["createdTime"] and found["lastModifiedTime"], found
        assert FUNCTION in found.get("function", found.get("functionArn")), found
    with story.operation("put a destination"):
        put = lambda to: sdk.put_config("LATEST", destinationConfig={"onFailure": {"destination": to}})
        to = "acs:fc:::functions/cleanup"
        equal(put(to)["destinationConfig"]["onFailure"]["destination"], to)
        found = sdk.get_config("LATEST")
        equal(found["destinationConfig"]["onFailure"]["destination"], to)
        refused(400, "InvalidArgument", lambda: put("acs:mns:cn-hangzhou:1:/queues/q/messages"))
        equal(sdk.get_config("LATEST"), found)
        # None again.
        put("")
    with story.operation("list a function's async configs"):
        other = {"maxAsyncRetryAttempts": 0, stateful: True}
        has(sdk.put_config("prod", **other), **other)
        ages = [one.get("maxAsyncEventAgeInSeconds") for one in sdk.list_configs()]
        assert len(ages) == 2 and 700 in ages, ages
    if story.has("list_all_configs", "list the async configs of all functions"):
        with story.operation("list the async configs of all functions"):
            arns = [one["functionArn"] for one in sdk.list_all_configs()]
            equal(arns.count(f"acs:fc:::functions/{FUNCTION}"), 2, arns)


def limits(story):
    sdk = story.sdk
    if story.has("put_concurrency", "put, get and delete a concurrency config"):
        with story.operation("put, get and delete a concurrency config"):
            has(sdk.put_concurrency(7), reservedConcurrency=7)
            has(sdk.get_concurrency(), reservedConcurrency=7)
            sdk.delete_concurrency()
            refused(404, "ConcurrencyConfigNotFound", sdk.get_concurrency)
    if story.has("disable", "disable and enable invocations"):
        with story.operation("disable and enable invocations"):
            sdk.disable("a pause")
            refused(403, "AccessDenied", lambda: sdk.call("x"))
            refused(403, "AccessDenied", lambda: sdk.invoke("x"))
            sdk.enable()
            equal(sdk.call("x"), "second x")


def delete(story):
    sdk = story.sdk
    with story.operation("delete an async config"):
        sdk.delete_config("LATEST")
        refused(404, "AsyncConfigNotExists", lambda: sdk.get_config("LATEST"))
        sdk.delete_config("prod")
        equal(sdk.list_configs(), [])
    with story.operation("delete an alias"):
        sdk.delete_alias("prod")
        refused(404, "AliasNotFound", lambda: sdk.get_alias("prod"))
    with story.operation("delete a version"):
        sdk.delete_version("1")
        equal([version["versionId"] for version in sdk.list_versions()], ["2"])
        sdk.delete_version("2")
    with story.operation("delete a function"):
        sdk.delete_function(FUNCTION)
        refused(404, "FunctionNotFound", lambda: sdk.get_function(FUNCTION))
    if story.has("create_service", "delete a service"):
        with story.operation("delete a service"):
            sdk.delete_service(SERVICE)
            refused(404, "ServiceNotFound", lambda: sdk.get_service(SERVICE))

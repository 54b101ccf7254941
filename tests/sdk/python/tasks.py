"""The part of the story that invokes, follows, lists and stops."""

import json
import time

from story import FUNCTION, KEY, READER, SERVICE, equal, has, refused, until

# How the story of a task that succeeds at once goes.
AT_ONCE = ["Enqueued", "Dequeued", "Running", "Succeeded"]


def tell(story):
    sdk = story.sdk
    calls(story, sdk)
    invocations(story, sdk)
    ends(story, sdk)
    lists(story, sdk)
    refusals(story, sdk)


def calls(story, sdk):
    with story.operation("invoke synchronously"):
        equal(sdk.call("hello"), "second hello")
        equal(sdk.call("né\n\x00"), "second né\n\x00")
    with story.differs("read the log of a synchronous invocation", "what is behind HTTP logs where it runs: its log is empty"):
        equal(sdk.log_of("hello"), "")
    with story.operation("invoke a version"):
        equal(sdk.call("hello", "1"), "first hello")
        refused(404, "VersionNotFound", lambda: sdk.call("hello", "7"))
    with story.operation("invoke an alias, whose weights are kept"):
        seen = set()
        until("both versions", lambda: seen.add(sdk.call("x", "prod")) or len(seen) == 2)
        equal(seen, {"first x", "second x"})
    with story.operation("read a function error of a synchronous invocation", sdk.ERROR_REMARK):
        error = sdk.call_that_fails("fail")
        equal(error["errorMessage"], "as it was told")
        assert error["errorType"], error


def invocations(story, sdk):
    with story.operation("invoke asynchronously"):
        request_id = sdk.invoke("hello")
        record = ended(sdk, request_id)
        has(record, requestId=request_id, status="Succeeded")
    with story.operation("invoke with an id", sdk.TASKS_REMARK):
        before = now()
        request_id = sdk.invoke("hello", id="one")
        record = ended(sdk, "one")
        is_record(sdk, record, "one", "Succeeded")
        has(record, requestId=request_id, alreadyRetriedTimes=0, qualifier="LATEST")
        equal(statuses(record), AT_ONCE)
        assert before <= record["startedTime"] <= record["endTime"] <= now(), record
    with story.operation("be refused an id that is taken"):
        refused(409, sdk.EXISTS, lambda: sdk.invoke("again", id="one"))
    with story.operation("invoke with a delay"):
        sdk.invoke("hello", id="delayed", delay=1)
        record = ended(sdk, "delayed")
        equal(record["status"], "Succeeded")
        running = [e["timestamp"] for e in record["events"] if e["status"] == "Running"]
        assert running[0] - record["startedTime"] >= 1000, record
    with story.operation("invoke asynchronously through an alias"):
        sdk.invoke("hello", id="through", qualifier="prod")
        has(ended(sdk, "through", "prod"), status="Succeeded", qualifier="prod")


def ends(story, sdk):
    remark = sdk.TASKS_REMARK
    with story.operation("get a task that runs", remark):
        sdk.invoke("hang", id="hanging")
        record = followed(sdk, "hanging", lambda record: record["status"] == "Running")
        is_record(sdk, record, "hanging", "Running")
        has(record, endTime=0, durationMs=0)
        equal(statuses(record), AT_ONCE[:3])
        refused(404, sdk.NOT_FOUND, lambda: sdk.get("nothing"))
    with story.operation("stop a task that runs", remark):
        sdk.stop("hanging")
        record = ended(sdk, "hanging")
        is_record(sdk, record, "hanging", "Stopped")
        equal(statuses(record), [*AT_ONCE[:3], "Stopping", "Stopped"])
    with story.operation("be refused to stop what has ended", remark):
        refused(412, "AsyncInvocationStopped", lambda: sdk.stop("hanging"))
        refused(412, "PreconditionFailed", lambda: sdk.stop("one"))
        refused(404, sdk.NOT_FOUND, lambda: sdk.stop("nothing"))
    with story.operation("get a task that failed, after a retry", remark):
        sdk.invoke("fail", id="failing")
        record = ended(sdk, "failing")
        is_record(sdk, record, "failing", "Failed")
        has(record, alreadyRetriedTimes=1)
        assert "as it was told" in record[sdk.ERROR], record
        retrying = [e for e in record["events"] if e["status"] == "Retrying"]
        equal(len(retrying), 1)
        assert json.loads(retrying[0]["eventDetail"])["Error"], retrying


def lists(story, sdk):
    remark = sdk.TASKS_REMARK
    for number in range(5):
        sdk.invoke(f"page {number}", id=f"page-{number}")
    for number in range(5):
        equal(ended(sdk, f"page-{number}")["status"], "Succeeded")

    with story.operation("list tasks by prefix", remark):
        everything, token = sdk.list(prefix="page-", limit=100)
        equal(ids(sdk, everything, sort=True), [f"page-{number}" for number in range(5)])
        assert not token, token
        for record in everything:
            is_record(sdk, record, record[sdk.ID], "Succeeded")
    with story.operation("list tasks page by page", remark):
        pages = [sdk.list(prefix="page-", limit=2)]
        while pages[-1][1]:
            pages.append(sdk.list(prefix="page-", limit=2, token=pages[-1][1]))
        equal([len(records) for records, _ in pages], [2, 2, 1])
        equal([record for records, _ in pages for record in records], everything)
        refused(400, "InvalidArgument", lambda: sdk.list(prefix="page-", token="MTIz"))
    with story.operation("list tasks in order of time", remark):
        started = [record["startedTime"] for record in everything]
        equal(started, sorted(started, reverse=True))
        equal(sdk.list(prefix="page-", order="desc")[0], everything)
        equal(sdk.list(prefix="page-", order="asc")[0], everything[::-1])
    with story.operation("list tasks by status", remark):
        equal(sdk.list(prefix="page-", status="Succeeded")[0], everything)
        equal(ids(sdk, sdk.list(status="Failed")[0]), ["failing"])
        equal(ids(sdk, sdk.list(status="Stopped")[0]), ["hanging"])
        refused(400, "InvalidArgument", lambda: sdk.list(status="Lost"))
    with story.operation("list tasks by time", remark):
        begin, end = started[3], started[1]
        expected = [one for one in everything if begin <= one["startedTime"] <= end]
        equal(sdk.list(prefix="page-", begin=begin, end=end)[0], expected)
    with story.operation("list tasks by qualifier", remark):
        equal(ids(sdk, sdk.list(qualifier="prod")[0]), ["through"])
        equal(sdk.list(qualifier="LATEST", prefix="page-")[0], everything)
    with story.operation("list tasks with their payloads", remark):
        for record in sdk.list(prefix="page-", payload=True)[0]:
            equal(record[sdk.PAYLOAD], record[sdk.ID].replace("-", " "))
        assert not any(record.get(sdk.PAYLOAD) for record in everything), everything
    if story.has("functions_with_tasks", "list the functions that have tasks"):
        with story.operation("list the functions that have tasks"):
            found = [one for one in sdk.functions_with_tasks() if one["serviceName"] == SERVICE]
            equal([one["functionName"] for one in found], [FUNCTION] * 2)
            equal([one["qualifier"] for one in found], ["LATEST", "prod"])


def refusals(story, sdk):
    with story.operation("be refused with a wrong secret"):
        stranger = sdk.as_other(KEY[0], "wrong")
        refused(403, "SignatureNotMatch", lambda: stranger.invoke("hello"))
        refused(403, "SignatureNotMatch", lambda: stranger.get_function(FUNCTION))
    with story.operation("be refused with an unknown key"):
        stranger = sdk.as_other("stranger", KEY[1])
        refused(403, "InvalidAccessKeyID", lambda: stranger.invoke("hello"))
    with story.operation("be refused what a key has no scope for"):
        reader = sdk.as_other(*READER)
        equal(reader.get("one")["status"], "Succeeded")
        refused(403, "AccessDenied", lambda: reader.invoke("hello"))
        refused(403, "AccessDenied", lambda: reader.stop("one"))
        refused(403, "AccessDenied", lambda: reader.delete_function(FUNCTION))
    with story.operation("be told that there is no such function"):
        refused(404, "FunctionNotFound", lambda: sdk.invoke("hello", function="nobody"))


def followed(sdk, id, is_it, qualifier=None):
    def look():
        record = sdk.get(id, qualifier)
        return record if is_it(record) else None

    return until(f"the task {id}", look)


def ended(sdk, id, qualifier=None):
    return followed(sdk, id, lambda record: record["endTime"] != 0, qualifier)


def is_record(sdk, record, id, status):
    """Whether everything is in it that each record has."""
    has(record, **{sdk.ID: id, "status": status})
    sdk.check_names(record)
    assert record["requestId"] and record["instanceId"], record
    for key in ["startedTime", "endTime", "durationMs", "alreadyRetriedTimes"]:
        assert isinstance(record[key], int), (key, record)
    for key in [sdk.ERROR, "destinationStatus"]:
        assert isinstance(record[key], str), (key, record)
    events = record["events"]
    equal([event["eventId"] for event in events], list(range(1, len(events) + 1)))
    times = [event["timestamp"] for event in events]
    equal(times, sorted(times))
    equal(times[0], record["startedTime"])
    if record["endTime"]:
        equal(times[-1], record["endTime"])


def statuses(record):
    return [event["status"] for event in record["events"]]


def ids(sdk, records, sort=False):
    found = [record[sdk.ID] for record in records]
    return sorted(found) if sort else found


def now():
    return time.time_ns() // 1_000_000

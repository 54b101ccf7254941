"""What every story is told with: the settings, one JSON line for each operation, and patience."""

import contextlib
import json
import os
import sys
import time
import traceback

ENDPOINT = os.environ["EKIDEN_ENDPOINT"]
KEY = (os.environ["EKIDEN_ACCESS_KEY_ID"], os.environ["EKIDEN_ACCESS_KEY_SECRET"])
READER = (os.environ["EKIDEN_TEST_READER_ID"], os.environ["EKIDEN_TEST_READER_SECRET"])
# Where a server answers that speaks the custom-runtime contract.
TARGET = os.environ["EKIDEN_TEST_TARGET"]

# How long anything may take before a story gives up waiting for it, in seconds.
PATIENCE = 60

SERVICE = "tales"
FUNCTION = "teller"


class Refused(Exception):
    """What an SDK raises when the server refuses, in the same words for all of them."""

    def __init__(self, status, code, request_id):
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code
        self.request_id = request_id


class Translated:
    """An SDK's client whose errors are told in our words."""

    def __init__(self, client, kind, read):
        self.client, self.kind, self.read = client, kind, read

    def __getattr__(self, name):
        method = getattr(self.client, name)

        def call(*arguments, **named):
            try:
                return method(*arguments, **named)
            except self.kind as error:
                raise Refused(*self.read(error)) from error

        return call


class Story:
    """Tells what became of each operation of one SDK."""

    def __init__(self, sdk):
        self.sdk = sdk

    def tell(self, operation, result, why=None):
        line = {"sdk": self.sdk.NAME, "operation": operation, "result": result}
        if why:
            line["why"] = why
        print(json.dumps(line), flush=True)

    @contextlib.contextmanager
    def operation(self, operation, why=None, result="works"):
        """Has this result if nothing in it fails; `why` is a remark on how."""
        try:
            yield
        except BaseException:
            print(f"{self.sdk.NAME} does not {operation}:", file=sys.stderr)
            traceback.print_exc()
            sys.exit(1)
        self.tell(operation, result, why)

    def differs(self, operation, why):
        """As an operation, of which nothing in it shows more than how it differs from FC's."""
        return self.operation(operation, why, "differs")

    def has(self, method, operation):
        """Whether the SDK has what this needs; tells so if not."""
        if hasattr(self.sdk, method):
            return True
        self.tell(operation, "not applicable", self.sdk.LACKS[method])
        return False


def equal(found, expected, what=""):
    assert found == expected, f"{what}: found {found!r}, expected {expected!r}"


def has(found, **expected):
    """Whether a document has these values."""
    for key, value in expected.items():
        equal(found.get(key), value, f"{key} of {found}")


def refused(status, code, call):
    """Whether the call is refused, in these words, and the refusal tells the request's id."""
    try:
        answer = call()
    except Refused as error:
        equal((error.status, error.code), (status, code))
        assert len(error.request_id) > 10, f"a request id: {error.request_id!r}"
        return
    raise AssertionError(f"not refused as {code}: {answer!r}")


def until(what, look):
    """Looks until there is something."""
    give_up = time.monotonic() + PATIENCE
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < give_up, f"waited in vain for {what}"
        time.sleep(0.02)

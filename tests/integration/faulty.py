"""What tests against the scripted server share.  Import the fixtures by name."""

import os

import pytest
from fake.stub import Stub
from program import Program
from servers import Unavailable

ACCESS = "FAULTYACCESSKEY00001"
SECRET = "s3cret/never+in/any+output/faulty"
URL = "s3://bucket"


def start_stub(**options):
    """It verifies every signature with code of its own, unless verify_key=None."""
    options = {"verify_key": f"{ACCESS}:{SECRET}", "record": 10_000, "etag": "md5", **options}
    try:
        return Stub(**{name: value for name, value in options.items() if value}).start()
    except Unavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture
def stub():
    server = start_stub()
    yield server
    server.stop()


@pytest.fixture
def program(stub, tmp_path):
    return Program(os.environ["BUCKETABLE"], stub, tmp_path)


class Contents(dict):
    """The bucket: {key: bytes}."""

    def __init__(self, stub):
        super().__init__()
        self.stub = stub

    def put(self, key, body):
        self[key] = body.encode() if isinstance(body, str) else body
        self.stub.put(key, body)


def fill(stub):
    made = Contents(stub)
    for n in range(12):
        made.put(f"docs/{n:02}.txt", f"{n}: some text to be read\n" * 40)
    return made


@pytest.fixture
def contents(stub):
    return fill(stub)


def hits(stub):
    return sum(rule["hits"] for rule in stub.faults())


def ops(stub):
    return [request["op"] for request in stub.requests()]

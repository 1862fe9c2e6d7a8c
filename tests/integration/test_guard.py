"""A handle is used by one thread at a time: a second one that comes meanwhile is told so."""

import ctypes
import os
import threading
from pathlib import Path

import pytest
from marks import minio_only

BUSY, OK = -14, 0
LIBRARY = Path(os.environ["BUCKETABLE_PLAIN"]).resolve().parent.parent / "libbucketable.so"
CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
POINTER = ctypes.c_void_p


class CheckOptions(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("write_test", ctypes.c_bool), ("told", CALLBACK),
                ("ctx", POINTER)]


class Library:
    """The functions by their names; a struct bkt_error is not asked for."""

    def __init__(self):
        self.loaded = ctypes.CDLL(str(LIBRARY))

    def __call__(self, name, *arguments):
        return getattr(self.loaded, f"bkt_{name}")(
            *(value.encode() if isinstance(value, str) else value for value in arguments))

    def make(self, name, *arguments):
        made = POINTER()
        assert self(name, *arguments, ctypes.byref(made), None) == OK
        return made


@pytest.fixture
def library(server, monkeypatch):
    for name, value in {"AWS_ACCESS_KEY_ID": server.access_key, "AWS_REGION": "us-east-1",
                        "AWS_SECRET_ACCESS_KEY": server.secret_key,
                        "AWS_ENDPOINT_URL": server.url,
                        "AWS_EC2_METADATA_DISABLED": "true"}.items():
        monkeypatch.setenv(name, value)
    return Library()


def from_another_thread(call):
    answers = []
    thread = threading.Thread(target=lambda: answers.append(call()))
    thread.start()
    thread.join()
    return answers[0]


@minio_only
@pytest.mark.parametrize("kind", ["plan", "verify", "check", "source"])
def test_a_second_thread_is_turned_away(bucket, library, tmp_path, kind):
    bucket.put("a", "1")
    config = library.make("config_new")
    assert library("config_source", config, bucket.url, None) == OK
    assert library("config_set", config, "url", str(tmp_path / "docs.db"), None) == OK
    counts = ctypes.create_string_buffer(256)
    answers = []

    @CALLBACK
    def called(ctx, item):
        if not answers:
            answers.append(from_another_thread(run))
        return 0

    if kind == "check":
        options = CheckOptions(ctypes.sizeof(CheckOptions), False, called, None)
        handle = library.make("check_new", config, ctypes.byref(options))
    elif kind == "verify":
        options = (ctypes.c_size_t * 1)(0)  # its size: of no member is anything set
        handle = library.make("verify_new", config, ctypes.byref(options))
    else:
        handle = library.make(f"{kind}_new", config)

    def run():
        if kind == "check":
            return library("check_run", handle, counts, None)
        if kind == "source":
            return library("source_walk", handle, called, None, None)
        return library(f"{kind}_run", handle, called, None, counts, None)

    assert run() == OK
    assert answers == [BUSY]
    assert run() == OK, "it is free again"
    library(f"{kind}_free", handle)
    library("config_free", config)

"""Looking at a target whose rows are elsewhere: its state file stands for the table."""

import pytest
from marks import minio_only

pytestmark = minio_only


@pytest.fixture
def changes(bucket, program, tmp_path):
    bucket.put_all({"a": "1", "b": "2", "c": "3"})
    program("sync", bucket.url, f"jsonl:{tmp_path}/changes.jsonl")
    bucket.put("b", b"other")
    bucket.delete("c")
    return f"jsonl:{tmp_path}/changes.jsonl"


def test_plan_and_verify_compare_the_state(bucket, program, changes, tmp_path):
    before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    assert program("plan", bucket.url, changes).stdout == b"~ b\n- c\n"
    result = program("verify", bucket.url, changes, exits=5)
    assert result.stdout == b"~ b\n- c\n" and "cannot be read back" in result.stderr
    program("verify", "--deep", bucket.url, changes, exits=1)
    assert {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before
    program("verify", "--repair", bucket.url, changes, exits=0)
    program("verify", bucket.url, changes)


def test_status_and_explain(bucket, program, changes, tmp_path):
    assert program("status", "--json", changes).json()["rows"] == 3
    state = ["--state", tmp_path / "changes.jsonl.state"]
    assert program("status", "--json", "kafka://127.0.0.1:1/t", *state).json()["rows"] == 3
    found = program("explain", "--json", bucket.url, changes, "b").json()
    assert found["state"]["deleted"] is False and found["next"]["op"] == "update"


def test_without_a_state_there_is_nothing_to_look_at(bucket, program):
    assert "--state FILE" in program("plan", bucket.url, "jsonl:-", exits=1).error()

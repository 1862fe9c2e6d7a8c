"""watch on MinIO's own stream of events, of a MinIO where it works and of one where it does not."""

import os

import pytest
import table
from bucket import Bucket
from program import Program
from proxy import Pipe
from refuser import Refuser


@pytest.fixture
def server(live):
    return live


def test_changes_are_seen(bucket, watch, db):
    bucket.put("old", "1")
    running = watch(bucket.url + "/", db, "--minio-listen")
    running.wait_for("ready")
    for key in ("new", "sp ace+plus%41/ü=x&y", "a%2Fb", "x/ é"):
        bucket.put(key, "2")
        running.wait_for("upsert", key)
    bucket.put("old", "1b")
    running.wait_for("upsert", "old")
    bucket.delete("new")
    running.wait_for("delete", "new")
    assert table.rows(db) == bucket.contents()
    running.end()


def test_a_prefix_is_listened_to_alone(bucket, watch, db):
    running = watch(bucket.url + "/docs/", db, "--minio-listen")
    running.wait_for("ready")
    bucket.put("other/a", "1")
    bucket.put("docs/a", "1")
    running.wait_for("upsert", "docs/a")
    running.end()
    assert table.rows(db) == {"docs/a": b"1"}


def test_after_a_break_it_is_opened_again_and_the_bucket_listed(bucket, server, watch, db):
    with Pipe(server.port) as pipe:
        running = watch(bucket.url, db, "--minio-listen", env={"AWS_ENDPOINT_URL": pipe.url})
        running.wait_for("ready")
        pipe.is_closed = True
        pipe.cut()
        running.wait_for("error")
        bucket.put("missed", "1")
        pipe.is_closed = False
        assert running.wait_for("synced", timeout_s=40)["events_missed"] == 1
        bucket.put("seen", "2")
        running.wait_for("upsert", "seen")
        running.end()
    assert table.rows(db) == {"missed": b"1", "seen": b"2"}


def test_a_server_whose_stream_is_broken_is_told(all_servers, tmp_path, db):
    """This version of MinIO, as it is, never answers."""
    minio = all_servers.get("minio")
    bucket = Bucket(minio)
    program = Program(os.environ["BUCKETABLE"], minio, tmp_path)
    result = program("watch", bucket.url, db, "--minio-listen", exits=1, timeout_s=20)
    line = result.stderr.splitlines()[-1]
    assert "no answer" in line and "redis_url" in line
    bucket.remove()


def test_a_server_without_such_a_stream_ends_it_at_the_start(all_servers, tmp_path, db):
    moto = all_servers.get("moto")
    bucket = Bucket(moto)
    program = Program(os.environ["BUCKETABLE"], moto, tmp_path)
    result = program("watch", bucket.url, db, "--minio-listen", exits=1)
    assert "MinIO" in result.stderr.splitlines()[-1]
    bucket.remove()


def listen_finding(program, bucket, **how):
    lines = program("check", "--json", bucket.url, "--minio-listen", **how).json_lines()
    names = [line["check"] for line in lines]
    assert names.index("events") + 1 == names.index("minio-listen")
    return lines[names.index("minio-listen")]


def test_check_tells_that_the_stream_works(bucket, program):
    bucket.put("a", "1")
    finding = listen_finding(program, bucket)
    assert finding["ok"] is True and "began" in finding["detail"]


@pytest.mark.parametrize("name,words", [("minio", "no answer"), ("moto", "needs a MinIO server")])
def test_check_tells_what_to_use_instead(all_servers, tmp_path, name, words):
    server = all_servers.get(name)
    bucket = Bucket(server)
    bucket.put("a", "1")
    finding = listen_finding(Program(os.environ["BUCKETABLE"], server, tmp_path), bucket, exits=1)
    assert finding["ok"] is False and words in finding["detail"]
    assert "--refresh-interval" in finding["fix"] and "--redis-url" in finding["fix"]
    bucket.remove()


def test_check_names_the_right_that_is_missing(bucket, server, program):
    with Refuser(server.port) as refuser:
        refuser.refuse("LISTEN")
        finding = listen_finding(program, bucket, exits=1, env={"AWS_ENDPOINT_URL": refuser.url})
    assert finding["ok"] is False and "AccessDenied" in finding["detail"]
    assert f'"s3:ListenBucketNotification","Resource":"arn:aws:s3:::{bucket.name}"' in finding["fix"]

"""Secrets leave no copies in memory: tests/wiped/ is the program, which tells of those that it finds."""

import hashlib
import hmac
import json
import os
import signal
import socket
import socketserver
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from faulty import ACCESS, SECRET, URL, contents, program, stub  # noqa: F401
from program import Program

WIPED = Path(os.environ["BUCKETABLE_PLAIN"]).resolve().parent.parent.parent / "tests/wiped/wiped"
TOKEN = "t0ken/" + "never-left-in-memory/" * 20
OWN = "s3cret-of-the-server-that-gives-keys"


def masked(*secrets):
    """For WIPED: all bits turned over, so that the process does not have them from its environment."""
    raw = [secret if isinstance(secret, bytes) else secret.encode() for secret in secrets]
    return ",".join(bytes(255 - byte for byte in secret).hex() for secret in raw)


def signing_keys(secret):
    """Those of each step of Signature Version 4, for yesterday, today and tomorrow."""
    keys = []
    for day in (-1, 0, 1):
        key = b"AWS4" + secret.encode()
        date = time.strftime("%Y%m%d", time.gmtime(time.time() + 86400 * day))
        for part in (date, "us-east-1", "s3", "aws4_request"):
            key = hmac.digest(key, part.encode(), hashlib.sha256)
            keys.append(key)
    return keys


@pytest.fixture
def wiped(stub, contents, tmp_path):  # noqa: F811
    """wiped(ARGUMENT..., secrets=, at_end=) runs it with no keys but those that a test gives."""
    program = Program(WIPED, stub, tmp_path)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        del program.env[name]

    def run(*arguments, secrets, at_end=(), env=None, exits=0):
        env = {**(env or {}), "WIPED": masked(*secrets, *at_end)}
        if at_end:
            env["WIPED_AT_END"] = "1"
        return program(*arguments, env=env, exits=exits)

    run.home = tmp_path / "home"
    return run


def keys_in_json(**more):
    return json.dumps({"Version": 1, "AccessKeyId": ACCESS, "SecretAccessKey": SECRET,
                       "SessionToken": TOKEN, "Token": TOKEN, "Padding": "x" * 6000,
                       "Expiration": "2100-01-01T00:00:00Z", **more})


class Giver(BaseHTTPRequestHandler):
    """What gives keys to a container that shows OWN."""

    def do_GET(self):
        body = keys_in_json().encode() if self.headers["Authorization"] == OWN else b""
        self.send_response(200 if body else 403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def by_environment(home):
    return {"AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_SESSION_TOKEN": TOKEN}


def by_file(home):
    """Of more than one read."""
    (home / ".aws").mkdir()
    (home / ".aws/credentials").write_text(
        f"[default]\naws_access_key_id = {ACCESS}\naws_secret_access_key = {SECRET}\n"
        f"aws_session_token = {TOKEN}\n" + "# a comment\n" * 2000)
    return {}


def by_process(home):
    (home / "keys.json").write_text(keys_in_json())
    (home / ".aws").mkdir()
    (home / ".aws/config").write_text(f"[default]\ncredential_process = cat {home}/keys.json\n")
    return {}


def by_container(home):
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Giver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{server.server_address[1]}/",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": OWN}


@pytest.mark.parametrize("source", [by_environment, by_file, by_process, by_container])
def test_no_memory_is_given_back_with_keys_in_it(wiped, tmp_path, source):
    env = source(wiped.home)
    wiped("sync", URL, tmp_path / "t.db", env=env,
          secrets=[SECRET, TOKEN, *([OWN] if source == by_container else []), *signing_keys(SECRET)])


@pytest.mark.parametrize("source", [by_file, by_process])
def test_the_secret_key_is_nowhere_at_the_end(wiped, tmp_path, source):
    env = source(wiped.home)
    wiped("sync", URL, tmp_path / "t.db", env=env, secrets=[], at_end=[SECRET, *signing_keys(SECRET)])


PASSWORDS = {"redis": "r3dis-p4ssword-1", "postgres": "p0stgres-p4ssword", "kafka": "k4fka-p4ssword-1",
             "before": "one-of-a-URL-that-another-replaces"}


def urls(port):
    return {"redis": f"redis://u:{PASSWORDS['redis']}@127.0.0.1:{port}/0",
            "postgres": f"postgresql://u:{PASSWORDS['postgres']}@127.0.0.1:{port}/d"}


@pytest.fixture
def silent():
    """A port that connects and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)
        yield listener


def test_passwords_of_the_configuration_are_wiped(wiped, tmp_path):
    """From a spec file and over it, whatever becomes of the connection."""
    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps({
        "source": {"bucket_name": "bucket", "redis_channel": "c", "redis_url": urls(9)["redis"]},
        "target": {"url": f"postgresql://u:{PASSWORDS['before']}@127.0.0.1:9/d"}}))
    wiped("watch", spec, urls(9)["postgres"], "--kafka-option", f"sasl.password={PASSWORDS['kafka']}",
          env=by_environment(wiped.home), exits=1, secrets=PASSWORDS.values())


def test_a_password_of_redis_is_nowhere_at_the_end(wiped, tmp_path):
    """Of a spec file's, since libpq has copies of its own."""
    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps({
        "source": {"bucket_name": "bucket", "redis_channel": "c", "redis_url": urls(9)["redis"]},
        "target": {"url": str(tmp_path / "t.db")}}))
    wiped("watch", spec, env=by_environment(wiped.home), exits=1, secrets=[],
          at_end=[PASSWORDS["redis"]])


def test_ps_shows_no_password(program, silent):  # noqa: F811
    port = silent.getsockname()[1]
    arguments = ("watch", "--kafka-option", f"sasl.password={PASSWORDS['kafka']}",
                 f"--redis-url={urls(port)['redis']}", "--redis-channel", "c", URL,
                 f"{urls(port)['postgres']}?sslpassword={PASSWORDS['before']}")
    running = program.start(*arguments)
    silent.accept()[0].close()
    shown = Path(f"/proc/{running.pid}/cmdline").read_bytes()
    running.kill()
    program.finish(running, exits=-signal.SIGKILL)
    assert shown.count(b"***") == len(PASSWORDS) and b"sasl.password=***" in shown, shown
    assert [name for name in PASSWORDS if PASSWORDS[name].encode() in shown] == []
    assert URL.encode() in shown


@pytest.mark.parametrize("arguments", [
    ("sync", "{0}", URL),
    ("{0}",),
    ("help", "{0}"),
    ("ls", URL, "{0}"),
    ("sync", URL, "x.db", "{0}"),
    ("sync", "--{0}", URL),
    ("sync", URL, "x.db", "--log-format", "{0}"),
    ("sync", URL, "x.db", "--columns", "{0}"),
    ("sync", URL, "x.db", "--max-file-size", "{0}"),
    ("sync", URL, "x.db", "--include", "{0}["),
    ("sync", URL, "x.db", "--endpoint-url", "{0}"),
    ("sync", URL, "sqlite://{0}"),
    ("watch", URL, "x.db", "--listen", "{0}"),
    ("sync", "https://user:{1}@bucket.s3.amazonaws.com/key", "x.db"),
    ("sync", "S3://user:{1}@bucket", "x.db"),
    ("sync", "s3://user:{1}@bucket", "x.db"),
    ("sync", URL, "kafka://user:{1}@broker/topic", "--state", "state"),
    ("sync", URL, "kafka://broker/topic", "--state", "state", "--kafka-option", "sasl.passwords={1}"),
], ids="-".join)
def test_a_password_in_the_wrong_place_is_not_shown(program, arguments):  # noqa: F811
    """program looks for each password of the command line in all that was printed."""
    password = PASSWORDS["postgres"]
    words = [word.format(urls(9)["postgres"], password) for word in arguments]
    running = program.start(*words)
    running.secrets.append(password.encode())
    program.finish(running, exits=2)

"""watch under a service manager: what it tells it, on a datagram socket like systemd's."""

import os
import signal
import socket
import time

import pytest
from marks import minio_only

pytestmark = minio_only
WAIT_S = 20


class Manager:
    """Receives datagrams, as systemd does."""

    def __init__(self, place):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(place)

    def hear(self, beginning, timeout_s=WAIT_S):
        """The next datagram that begins so, and those that came before it."""
        before = []
        deadline = time.monotonic() + timeout_s
        while True:
            self.socket.settimeout(max(deadline - time.monotonic(), 0.01))
            text = self.socket.recv(4096).decode()
            if text.startswith(beginning):
                return text, before
            before.append(text)


@pytest.fixture
def manager(tmp_path):
    running = Manager(str(tmp_path / "notify"))
    yield running
    running.socket.close()


@pytest.fixture
def managed(tmp_path, manager):
    return {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "600000"}


def test_a_manager_is_told_of_the_whole_life(bucket, watch, db, manager, managed):
    bucket.put_all({"a": "1", "b": "2"})
    running = watch(bucket.url, db, "--refresh-interval", "1h", env=managed)
    _, before = manager.hear("READY=1")
    assert not any(text.startswith(("RELOADING", "STOPPING")) for text in before)
    running.wait_for("ready")
    manager.hear("STATUS=2 rows, 0 of them failing; 2 changes")
    manager.hear("WATCHDOG=1")

    bucket.put("c", "3")
    running.process.send_signal(signal.SIGHUP)
    text, _ = manager.hear("RELOADING=1\nMONOTONIC_USEC=")
    assert 0 < int(text.partition("USEC=")[2]) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    manager.hear("READY=1")
    running.wait_for("upsert", "c")

    running.end()
    manager.hear("STOPPING=1")


def test_a_reload_that_fails_keeps_nobody_waiting(bucket, proxy, watch, db, manager, managed):
    running = watch(bucket.url, db, "--refresh-interval", "1h", "--retry-time", "100ms",
                    env={**managed, "AWS_ENDPOINT_URL": proxy.url})
    manager.hear("READY=1")
    proxy.refuse = True
    running.process.send_signal(signal.SIGHUP)
    manager.hear("RELOADING=1")
    manager.hear("READY=1")
    assert running.wait_for("error")["message"].startswith("list ")
    manager.hear("STATUS=trouble: list ")
    running.end()


def test_children_cannot_speak_for_it(bucket, server, watch, db, manager, managed, tmp_path):
    """The program of credential_process finds no manager in its environment."""
    helper = tmp_path / "keys"
    helper.write_text(
        f"#!/bin/sh\nenv >'{tmp_path}/seen'\n"
        f"echo '{{\"Version\": 1, \"AccessKeyId\": \"{server.access_key}\","
        f" \"SecretAccessKey\": \"{server.secret_key}\"}}'\n")
    helper.chmod(0o755)
    (tmp_path / "home" / ".aws").mkdir(parents=True)
    (tmp_path / "home" / ".aws" / "config").write_text(
        f"[default]\ncredential_process = {helper}\n")
    running = watch(bucket.url, db, "--refresh-interval", "1h", env={
        **managed, "WATCHDOG_PID": str(os.getpid()), "AWS_ACCESS_KEY_ID": "",
        "AWS_SECRET_ACCESS_KEY": ""})
    _, before = manager.hear("READY=1")
    seen = (tmp_path / "seen").read_text()
    assert "AWS_ENDPOINT_URL=" in seen
    assert "NOTIFY_SOCKET" not in seen and "WATCHDOG" not in seen
    running.end()
    _, later = manager.hear("STOPPING=1")
    assert "WATCHDOG=1" not in before + later, "the watchdog was that of another process"


def test_a_manager_that_cannot_be_told_is_no_reason_to_stop(bucket, watch, db):
    running = watch(bucket.url, db, "--refresh-interval", "1h",
                    env={"NOTIFY_SOCKET": "vsock:2:1234"})
    running.wait_for("ready")
    assert "NOTIFY_SOCKET" in running.end()

"""watch --listen: what it tells over HTTP, and to whom."""

import http.client
import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from browser import CHROMIUM, Browser
from marks import moto_only
from servers import free_port
from test_watch import events  # noqa: F401  a fixture

PAGES = ("/", "/metrics", "/healthz")
DOCS = Path(__file__).resolve().parents[2] / "docs"
PROMTOOL = shutil.which("promtool") or os.environ.get("PROMTOOL")


def ask(port, path, method="GET", host=None):
    """(status, headers, body)"""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path, headers={"Host": host} if host else {})
    answer = connection.getresponse()
    try:
        return answer.status, dict(answer.getheaders()), answer.read().decode()
    finally:
        connection.close()


@pytest.fixture
def port():
    return free_port()


def metrics(port):
    """{name and labels: value}"""
    status, headers, body = ask(port, "/metrics")
    assert status == 200 and headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert body.endswith("\n")
    found = {}
    for line in body.splitlines():
        if not line.startswith("#"):
            name, value = re.fullmatch(r"(\w+(?:\{[^{}]*\})?) (\S+)", line).groups()
            assert name not in found, name
            found[name] = float(value)
    return found


@moto_only
def test_numbers_and_health_of_a_watch(bucket, events, watch, db, port):  # noqa: F811
    bucket.put_all({"a": "1", "b": "22", "c": "333"})
    events.client.purge_queue(QueueUrl=events.url)  # or they are read twice: listed, and told of
    running = watch(bucket.url, db, "--sqs-queue-url", events.url, "--listen", f"127.0.0.1:{port}")
    running.wait_for("ready")
    seen = metrics(port)
    assert seen["bucketable_rows"] == 3 and seen["bucketable_ready"] == 1
    assert seen['bucketable_changes_total{kind="added"}'] == 3
    assert seen["bucketable_content_bytes_total"] == 6
    assert seen['bucketable_s3_requests_total{operation="get",status="2xx"}'] == 3
    assert seen['bucketable_s3_requests_total{operation="list",status="2xx"}'] >= 1
    assert abs(time.time() - seen["bucketable_last_listing_timestamp_seconds"]) < 60
    assert seen["bucketable_commit_duration_seconds_count"] >= 1
    assert seen['bucketable_trouble_seconds{part="sqs"}'] == 0

    bucket.delete("b")
    running.wait_for("delete", "b")
    events.wait_until_empty()
    seen = metrics(port)
    assert seen["bucketable_rows"] == 2
    assert seen['bucketable_changes_total{kind="deleted"}'] == 1
    assert seen['bucketable_events_received_total{source="sqs"}'] >= 1
    assert seen["bucketable_lag_seconds"] == 0
    assert ask(port, "/healthz")[::2] == (200, "ok\n")

    told = json.loads(ask(port, "/status.json")[2])
    assert told["rows"] == 2 and told["ready"] and not told["trouble"]
    assert [note["filename"] for note in told["changes"]][0] == "b"
    status, headers, page = ask(port, "/")
    assert status == 200 and page.startswith("<!DOCTYPE html>")
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")
    running.end()


def test_keys_are_bytes_of_strangers(bucket, watch, db, port):  # noqa: F811
    key = "x</script><img src=evil onerror=alert(1)>&amp;'é"
    bucket.put(key, "1")
    running = watch(bucket.url, db, "--refresh-interval", "1h", "--listen", f":{port}")
    running.wait_for("ready")
    status, _, body = ask(port, "/status.json")
    assert status == 200 and json.loads(body)["changes"][0]["filename"] == key
    assert key not in ask(port, "/")[2]
    running.end()


def test_only_this_machine_and_only_reading(bucket, watch, db, port):  # noqa: F811
    bucket.put("a", "1")
    running = watch(bucket.url, db, "--refresh-interval", "1h", "--listen", f"localhost:{port}")
    running.wait_for("ready")
    for path in PAGES:
        assert ask(port, path, host=f"localhost:{port}")[0] == 200
        assert ask(port, path, host="bucket.evil.example")[0] == 403
        status, headers, _ = ask(port, path, "POST")
        assert status == 405 and headers["Allow"] == "GET, HEAD"
        assert ask(port, path, "HEAD")[2] == ""
    assert ask(port, "/etc/passwd")[0] == 404
    running.end()


def test_trouble_is_told_while_it_lasts(server, bucket, watch, db, port):  # noqa: F811
    """A minute of it is ridden out before /healthz says so: unit tests have the rule."""
    bucket.put("a", "1")
    running = watch(bucket.url, db, "--refresh-interval", "1s", "--listen", f":{port}")
    running.wait_for("ready")
    bucket.delete("a")
    bucket.client.delete_bucket(Bucket=bucket.name)
    running.wait_for("error")
    assert metrics(port)['bucketable_trouble_seconds{part="table"}'] > 0
    trouble = json.loads(ask(port, "/status.json")[2])["trouble"]
    assert [t["part"] for t in trouble] == ["table"] and "NoSuchBucket" in trouble[0]["text"]
    assert ask(port, "/healthz")[0] == 200
    bucket.client.create_bucket(Bucket=bucket.name)
    running.wait_for("synced")
    assert metrics(port)['bucketable_trouble_seconds{part="table"}'] == 0
    running.end()


@pytest.mark.parametrize("where", ["", "9100", "127.0.0.1", "127.0.0.1:", "127.0.0.1:99999",
                                   "::1:9100",
                                   "nowhere.example:9100", "127.0.0.1:91x"])
def test_no_address(bucket, program, db, where):
    line = program("watch", bucket.url, db, "--listen", where, exits=2).error()
    assert "--listen" in line and "127.0.0.1:9100" in line
    assert not db.exists()


def test_a_port_that_is_taken(bucket, program, watch, db, port, tmp_path):  # noqa: F811
    running = watch(bucket.url, db, "--refresh-interval", "1h", "--listen", f"[::1]:{port}")
    running.wait_for("ready")
    line = program("watch", bucket.url, tmp_path / "other.db", "--listen", f"[::1]:{port}",
                   "--refresh-interval", "1h", exits=1).error()
    assert "already in use" in line
    running.end()


@moto_only
def test_a_free_port_is_said_even_if_quiet(bucket, watch, db):  # noqa: F811
    running = watch("--quiet", bucket.url, db, "--refresh-interval", "1h", "--listen", ":0")
    running.wait_for("ready")
    words = running.end()
    assert re.search(r"http://127\.0\.0\.1:[1-9]\d*/", words), words


@moto_only
def test_metrics_are_those_that_the_manual_names(bucket, events, watch, db, port):  # noqa: F811
    running = watch(bucket.url, db, "--sqs-queue-url", events.url, "--listen", f":{port}")
    running.wait_for("ready")
    text = ask(port, "/metrics")[2]
    running.end()
    manual = (DOCS / "monitoring.md").read_text()
    documented = dict(re.findall(r"^\| `(bucketable_\w+)` \| (\w+)", manual, re.M))
    assert dict(re.findall(r"^# TYPE (\w+) (\w+)", text, re.M)) == documented
    known = set(documented) | {name + "_bucket" for name in documented}
    for page in (manual, (DOCS / "grafana.json").read_text()):
        assert set(re.findall(r"bucketable_\w+", page)) <= known
    if PROMTOOL:
        done = subprocess.run([PROMTOOL, "check", "metrics"], input=text.encode(),
                              capture_output=True, timeout=30)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.fixture
def browser(tmp_path):
    browsers = []

    def start(width):
        browsers.append(Browser(tmp_path / "chromium", width))
        return browsers[-1]

    yield start
    for one in browsers:
        one.close()


@moto_only
@pytest.mark.skipif(not CHROMIUM, reason="no chromium")
@pytest.mark.parametrize("width", [390, 1200])
def test_a_browser_shows_the_page(bucket, events, watch, db, port, browser, width):  # noqa: F811
    """Its script runs under its policy, renews the page, and shows hostile keys as text."""
    bucket.put_all({"a": "1", "bad": b"\xc3("})
    running = watch(bucket.url, db, "--sqs-queue-url", events.url, "--text-errors", "strict",
                    "--listen", f":{port}")
    running.wait_for("ready")
    bucket.put("<img src=x onerror=alert(1)>\u202e&.md", "2")
    running.wait_for("upsert")
    browser = browser(width)
    browser.open(f"http://127.0.0.1:{port}/")

    def text(id_):
        return browser.value(f"document.getElementById('{id_}').innerText")

    browser.wait_for("document.getElementById('state').textContent === 'following the bucket'")
    assert re.search(r"(?m)^2\s+rows$", text("cards")), text("cards")
    assert "<img src=x onerror=alert(1)>\\u{202e}&.md" in text("changes")
    assert "bad" in text("failures") and "not valid UTF-8" in text("failures")
    assert browser.value("document.querySelectorAll('img').length") == 0
    assert browser.value("document.querySelectorAll('polyline').length") == 3
    assert browser.value("document.documentElement.scrollWidth") <= width

    bucket.put("fresh", "3")
    browser.wait_for("document.getElementById('changes').innerText.includes('fresh')")
    assert re.search(r"(?m)^3\s+rows$", text("cards")), text("cards")
    assert not browser.complaints
    running.kill()
    browser.wait_for("document.getElementById('state').textContent === 'not running'")

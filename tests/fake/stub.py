"""Start, control and stop s3_stub from a test.  Standard library only; tests/ is on the path.

    with Stub(keys=100_000, shape="dates") as stub:
        stub.fault({"status": 503, "code": "SlowDown"}, op="list", nth=3)
        ...
        assert stub.stats()["get_requests"] == 0

The binary is the one that S3_STUB names, or what a build folder inside the project has.
"""

import http.client
import json
import os
import subprocess
from pathlib import Path
from urllib.parse import quote, urlencode

from servers import ROOT, Unavailable, die_with_parent


def find_binary():
    named = os.environ.get("S3_STUB")
    if named:
        return named
    candidates = [*ROOT.glob("build*/tests/fake/s3_stub")]
    program = os.environ.get("BUCKETABLE")
    if program:
        candidates += [folder / "tests/fake/s3_stub" for folder in Path(program).resolve().parents]
    found = [path for path in candidates if path.is_file()]
    if not found:
        raise Unavailable("no s3_stub: build the project, or set S3_STUB")
    return str(max(found, key=lambda path: path.stat().st_mtime))


class Stub:
    """One server with one bucket.  Keyword arguments are its options, with underscores."""

    def __init__(self, bucket="bucket", command=(), **options):
        self.bucket = bucket
        self.access_key, _, self.secret_key = options.get("verify_key", "stub:stub").partition(":")
        self.command = [*command, find_binary(), "--bucket", bucket]
        options.setdefault("port", 0)
        for name, value in options.items():
            self.command += ["--" + name.replace("_", "-"), str(value)]
        self.process = None
        self.port = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self):
        return self.process.pid

    def start(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True,
                                        preexec_fn=die_with_parent)
        line = self.process.stdout.readline()
        if not line.startswith("listening "):
            self.process.wait(timeout=10)
            raise RuntimeError(f"s3_stub did not start: {' '.join(self.command)}")
        self.port = int(line.split()[1])
        return self

    def stop(self):
        """Raises when the stub itself went wrong: in a sanitized build, say."""
        if self.process is None:
            return
        process, self.process = self.process, None
        process.terminate()
        status = process.wait(timeout=10)
        process.stdout.close()
        if status != 0:
            raise RuntimeError(f"s3_stub ended with status {status}")

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def environment(self):
        """What a program needs to find this server, and nothing else of this machine's."""
        return {"AWS_ACCESS_KEY_ID": self.access_key, "AWS_SECRET_ACCESS_KEY": self.secret_key,
                "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": self.url,
                "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
                "AWS_EC2_METADATA_DISABLED": "true"}

    def request(self, method, path, body=b"", headers=None):
        """(status, headers, body) of one request, over a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def control(self, method, command, body=b"", **parameters):
        query = urlencode(parameters, quote_via=quote)
        status, _, answer = self.request(method, f"/_stub/{command}?{query}", body)
        if status != 200:
            raise ValueError(f"{command}: {answer.decode()}")
        return json.loads(answer)

    def stats(self):
        return self.control("GET", "stats")

    def reset_stats(self):
        self.control("POST", "reset-stats")

    def requests(self):
        """The requests since the last reset_stats(), when started with record=N."""
        return self.control("GET", "requests")

    def put(self, key, body=b"", **parameters):
        """
        A real object; without a body, one with computed content, changed at each call.
        modified_ms: its time, in milliseconds since 1970, in place of now.
        """
        self.control("POST", "put", body.encode() if isinstance(body, str) else body, key=key,
                     **parameters)

    def delete(self, key):
        return self.control("POST", "delete", key=key)["deleted"]

    def touch_fraction(self, percent, seed=1, kinds=("change",)):
        return self.control("POST", "touch-fraction", percent=percent, seed=seed,
                            kinds=",".join(kinds))

    def latency(self, **parameters):
        """get_ms, jitter (percent) and page_ms; what is not named stays."""
        self.control("POST", "latency", **parameters)

    def fault(self, do, **match):
        self.control("POST", "fault", json.dumps({"match": match, "do": do}).encode())

    def faults(self):
        return self.control("GET", "fault")

    def clear_faults(self):
        self.control("POST", "fault/clear")

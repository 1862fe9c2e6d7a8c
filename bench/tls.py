"""What TLS adds: the same sync through nginx, once plain and once encrypted, handshakes counted."""

import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from fake.stub import Stub
from measure import Figures, cores, need, run, scratch
from servers import die_with_parent, free_port
from tools import Bucketable

OBJECTS = 10_000
OBJECT_BYTES = 1024
READY_S = 20

CONFIGURATION = """
daemon off; worker_processes 1; pid nginx.pid; error_log error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  ssl_session_cache shared:tls:1m; ssl_certificate leaf.crt; ssl_certificate_key leaf.key;
  map $connection_requests $is_first {{ 1 1; default 0; }}
  log_format handshake '$ssl_protocol $ssl_session_reused';
  upstream stub {{ server 127.0.0.1:{stub}; keepalive 128; }}
  server {{
    listen 127.0.0.1:{plain}; listen 127.0.0.1:{tls} ssl; keepalive_requests {requests};
    location / {{
      proxy_pass http://stub; proxy_http_version 1.1;
      proxy_set_header Connection ""; proxy_set_header Host $http_host;
      access_log handshakes handshake if=$is_first;
    }}
  }}
}}
"""
CERTIFICATE = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
               "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
               "subjectAltName=IP:127.0.0.1", "-keyout", "leaf.key", "-out", "leaf.crt"]


class Nginx:
    """Before the stub, on two ports.  It ends connections now and then, as S3 does."""

    def __init__(self, place, stub, core, requests_per_connection):
        self.place = Path(place)
        self.program = need("nginx")
        self.core = core
        self.ports = {"plain": free_port(), "tls": free_port()}
        subprocess.run(CERTIFICATE, cwd=self.place, check=True, stderr=subprocess.DEVNULL)
        (self.place / "nginx.conf").write_text(CONFIGURATION.format(
            stub=stub.port, requests=requests_per_connection, **self.ports))
        self.process = None

    def __enter__(self):
        self.process = subprocess.Popen(
            ["taskset", "-c", str(self.core), self.program, "-p", str(self.place), "-c",
             "nginx.conf"], stderr=subprocess.DEVNULL, preexec_fn=die_with_parent)
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.ports['plain']}/", timeout=2)
            except urllib.error.HTTPError:
                return self
            except OSError:
                time.sleep(0.05)
            else:
                return self
        raise RuntimeError("nginx does not answer")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=10)

    def url(self, kind):
        return f"{'https' if kind == 'tls' else 'http'}://127.0.0.1:{self.ports[kind]}"

    def handshakes(self):
        """(full, resumed) since the last call."""
        log = self.place / "handshakes"
        lines = log.read_text().splitlines()
        log.write_text("")
        return (sum(line.startswith("TLS") and line.endswith(" .") for line in lines),
                sum(line.startswith("TLS") and line.endswith(" r") for line in lines))


def measure(context):
    client, server = cores()
    figures = Figures()
    with scratch() as place, Stub(bucket="bench", keys=OBJECTS, shape="flat",
                                  object_size=OBJECT_BYTES,
                                  command=["taskset", "-c", str(server[0])]) as stub, \
            Nginx(place, stub, server[0], OBJECTS // 50) as nginx:
        tool = Bucketable(Path(place) / "table", context.build)
        for _ in range(context.runs):
            for kind in ("plain", "tls"):
                tool.fresh()
                nginx.handshakes()
                env = {**tool.environment(stub), "AWS_ENDPOINT_URL": nginx.url(kind),
                       "AWS_CA_BUNDLE": nginx.place / "leaf.crt"}
                cost = run(tool.command("bench"), env=env, pin=client)
                tool.check(cost.stdout, OBJECTS, True)
                figures.add(f"{kind}, CPU", cost.cpu_s * 1e6 / OBJECTS, "us/object", "plain, CPU",
                            "<= 1.5" if kind == "tls" else "")
            full, resumed = nginx.handshakes()
            figures.add("tls, full handshakes", full, "", goal="<= 1")
            figures.add("tls, resumed", resumed, "")
    return figures, [f"{OBJECTS:,} objects of 1 KB through nginx, which ends a connection after {OBJECTS // 50} "
                     "requests; up to 64 connections are open at once."]

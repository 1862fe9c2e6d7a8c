"""The way to the server: TLS with a private authority, proxies, addresses of either kind."""

import os
import socket
import ssl
import subprocess
import threading
import urllib.request

import boto3
import pytest
import servers
import table
from botocore.config import Config
from faulty import URL, contents, program, stub  # noqa: F401
from program import Program
from proxy import Listener, pump, shut

OPENSSL = """
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj '/CN=test CA' \
  -keyout ca.key -out ca.crt
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=localhost' \
  -keyout private.key -out srv.csr
printf 'subjectAltName=DNS:localhost,IP:127.0.0.1' > names
openssl x509 -req -in srv.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -out public.crt \
  -extfile names
"""


class TlsMinio(servers.Minio):
    def __init__(self, directory, binary):
        super().__init__(directory, binary)
        self.url = f"https://127.0.0.1:{self.port}"
        self.certificates = self.directory / "certificates"
        self.certificates.mkdir(parents=True)
        subprocess.run(["/bin/sh", "-e", "-c", OPENSSL], cwd=self.certificates, check=True,
                       capture_output=True)
        self.ca_bundle = str(self.certificates / "ca.crt")

    def command(self):
        return [*super().command(), "--certs-dir", str(self.certificates)]

    def is_ready(self):
        context = ssl.create_default_context(cafile=self.ca_bundle)
        try:
            with urllib.request.urlopen(self.url + self.ready_path, timeout=2,
                                        context=context) as answer:
                return answer.status == 200
        except OSError:
            return False


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    if "MINIO" not in os.environ:
        pytest.skip(os.environ.get("MINIO_UNAVAILABLE", "MINIO is not set"))
    server = TlsMinio(tmp_path_factory.mktemp("tls") / "minio", os.environ["MINIO"])
    try:
        server.start()
    except servers.Unavailable as reason:
        pytest.skip(str(reason))
    client = boto3.client(
        "s3", endpoint_url=server.url, verify=server.ca_bundle, region_name="us-east-1",
        aws_access_key_id=server.access_key, aws_secret_access_key=server.secret_key,
        config=Config(s3={"addressing_style": "path"}))
    client.create_bucket(Bucket="secret")
    for n in range(20):
        client.put_object(Bucket="secret", Key=f"{n:02}", Body=f"{n}\n".encode())
    server.contents = {f"{n:02}": f"{n}\n".encode() for n in range(20)}
    yield server
    server.stop()


@pytest.fixture
def secure_program(secure, tmp_path):
    return Program(os.environ["BUCKETABLE"], secure, tmp_path)


def test_a_private_authority_by_option(secure, secure_program, db):
    secure_program.sync("s3://secret", db, "--ca-bundle", secure.ca_bundle)
    assert table.rows(db) == secure.contents


def test_a_private_authority_by_environment(secure, secure_program, db):
    secure_program.sync("s3://secret", db, env={"AWS_CA_BUNDLE": secure.ca_bundle})
    assert table.rows(db) == secure.contents


def test_a_private_authority_by_profile(secure, secure_program, db, tmp_path):
    config = tmp_path / "config"
    config.write_text(f"[default]\nca_bundle = {secure.ca_bundle}\n")
    secure_program.sync("s3://secret", db, env={"AWS_CONFIG_FILE": str(config)})
    assert table.rows(db) == secure.contents


def test_an_authority_that_nobody_named(secure, secure_program, db):
    line = secure_program("sync", "s3://secret", db, exits=1).error()
    assert "certificate" in line and "--ca-bundle" in line


def test_a_name_that_the_certificate_does_not_have(secure, secure_program, db):
    line = secure_program("sync", "s3://secret", db, "--ca-bundle", secure.ca_bundle, exits=1,
                          env={"AWS_ENDPOINT_URL": f"https://127.0.0.2:{secure.port}"}).error()
    assert "127.0.0.2" in line


def test_a_bundle_that_is_not_there(secure, secure_program, db):
    line = secure_program("sync", "s3://secret", db, "--ca-bundle", "/no/such/file",
                          exits=(1, 2)).error()
    assert "/no/such/file" in line


def test_http_to_a_port_of_https(secure, secure_program, db):
    line = secure_program("sync", "s3://secret", db, "--retry-time", "300ms", exits=1,
                          env={"AWS_ENDPOINT_URL": f"http://127.0.0.1:{secure.port}"}).error()
    assert "400" in line or "HTTP" in line


# Proxies

class Relay(Listener):
    """Passes connections on: after a CONNECT, or as they are to `server_port`."""

    def __init__(self, family=socket.AF_INET, server_port=None):
        super().__init__(server_port, family)
        self.asked = []

    def serve(self, client):
        with client:
            port = self.server_port
            if port is None:
                head = b""
                while b"\r\n\r\n" not in head:
                    head += client.recv(4096)
                self.asked.append(head.split(b"\r\n")[0].decode())
                port = int(head.split(b" ")[1].rsplit(b":", 1)[1])
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            with socket.create_connection(("127.0.0.1", port)) as server:
                back = threading.Thread(target=pump, args=(server, client), daemon=True)
                back.start()
                pump(client, server)
                shut(client)
                back.join()


@pytest.fixture
def relay():
    with Relay() as running:
        yield running


def test_https_proxy(secure, secure_program, relay, db):
    proxy = relay.url
    secure_program.sync("s3://secret", db, "--ca-bundle", secure.ca_bundle,
                        env={"HTTPS_PROXY": proxy})
    assert table.rows(db) == secure.contents
    assert relay.asked and set(relay.asked) == {f"CONNECT 127.0.0.1:{secure.port} HTTP/1.1"}


@pytest.mark.parametrize("variable", ["NO_PROXY", "no_proxy"])
def test_no_proxy(secure, secure_program, relay, db, variable):
    secure_program.sync("s3://secret", db, "--ca-bundle", secure.ca_bundle,
                        env={"HTTPS_PROXY": relay.url,
                             variable: "127.0.0.1"})
    assert table.rows(db) == secure.contents
    assert relay.asked == []


def test_a_proxy_that_is_not_there(secure, secure_program, db):
    port = servers.free_port()
    line = secure_program("sync", "s3://secret", db, "--ca-bundle", secure.ca_bundle,
                          "--retry-time", "300ms", exits=1,
                          env={"HTTPS_PROXY": f"http://user:hush@127.0.0.1:{port}"}).error()
    assert str(port) in line and "hush" not in line


# Addresses

def test_an_ipv6_address(stub, program, contents, db):
    try:
        relay = Relay(socket.AF_INET6, stub.port)
    except OSError as reason:
        pytest.skip(f"no IPv6 loopback: {reason}")
    with relay:
        program.sync(URL, db, env={"AWS_ENDPOINT_URL": f"http://[::1]:{relay.port}"})
    assert table.rows(db) == contents


def test_a_name_with_addresses_of_which_one_is_dead(stub, program, contents, db):
    """`localhost` is ::1 first on many machines, where this server does not listen."""
    program.sync(URL, db, env={"AWS_ENDPOINT_URL": f"http://localhost:{stub.port}"})
    assert table.rows(db) == contents


def test_a_name_that_does_not_exist(program, db):
    line = program("sync", URL, db, exits=1, timeout_s=40,
                   env={"AWS_ENDPOINT_URL": "http://no-such-host.invalid"}).error()
    assert "no-such-host.invalid; check its spelling, the region" in line

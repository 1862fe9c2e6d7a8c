"""A broker that wants TLS and a password, by a private authority: PLAIN and SCRAM, and what is wrong."""

import re
import shutil
import subprocess
import uuid

import pytest
import servers
from marks import minio_only
from test_kafka import fold, messages
from test_tls import OPENSSL

pytestmark = [minio_only,
              pytest.mark.skipif(not shutil.which("kcat"), reason="kcat is not installed")]
PASSWORD = "s3cret-of-the-broker"


class SecureKafka(servers.Kafka):
    SETTINGS = servers.Kafka.SETTINGS + """
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512
ssl.keystore.type=PEM
ssl.keystore.location={directory}/keystore.pem
ssl.client.auth=none
""" + f"""
listener.name.secure.plain.sasl.jaas.config=\\
 org.apache.kafka.common.security.plain.PlainLoginModule required user_docs="{PASSWORD}";
listener.name.secure.scram-sha-512.sasl.jaas.config=\\
 org.apache.kafka.common.security.scram.ScramLoginModule required;
"""
    FORMAT = f"--add-scram 'SCRAM-SHA-512=[name=docs,password={PASSWORD}]'"

    def __init__(self, directory, jars):
        super().__init__(directory, jars)
        self.secure = f"127.0.0.1:{servers.free_port()}"
        self.directory.mkdir(parents=True)
        subprocess.run(["/bin/sh", "-e", "-c", OPENSSL], cwd=self.directory, check=True,
                       capture_output=True)
        (self.directory / "keystore.pem").write_text(
            (self.directory / "private.key").read_text()
            + (self.directory / "public.crt").read_text())
        settings = self.SETTINGS
        settings = re.sub(r"(?m)^(listeners=.*)$", rf"\1,SECURE://{self.secure}", settings)
        settings = re.sub(r"(?m)^(advertised.listeners=.*)$", rf"\1,SECURE://{self.secure}",
                          settings)
        self.SETTINGS = re.sub(r"(?m)^(listener.security.protocol.map=.*)$", r"\1,SECURE:SASL_SSL",
                               settings)

    def options(self, mechanism, password=PASSWORD, authority="ca.crt"):
        settings = {"security.protocol": "sasl_ssl", "sasl.mechanism": mechanism,
                    "sasl.username": "docs", "ssl.ca.location": self.directory / authority,
                    **({"sasl.password": password} if password else {})}
        return [part for name, value in settings.items()
                for part in ("--kafka-option", f"{name}={value}")]


@pytest.fixture(scope="module")
def broker(all_servers, tmp_path_factory):
    try:
        server = SecureKafka(tmp_path_factory.mktemp("secure") / "kafka",
                             all_servers.install("kafka")).start()
    except servers.Unavailable as reason:
        pytest.skip(str(reason))
    yield server
    server.stop()


@pytest.fixture
def topic():
    return f"secure-{uuid.uuid4().hex[:12]}"


def librdkafka():
    said = subprocess.run(["kcat", "-V"], capture_output=True, text=True, check=False)
    return tuple(map(int, re.search(r"librdkafka (\d+)\.(\d+)\.(\d+)",
                                    said.stdout + said.stderr).groups()))


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
def test_from_bucket_to_topic_and_back(bucket, program, broker, topic, tmp_path, mechanism):
    """PLAIN's password comes from the environment."""
    password = PASSWORD if mechanism != "PLAIN" else None
    if not password:
        program.env["KAFKA_SASL_PASSWORD"] = PASSWORD
    target = (f"kafka://{broker.secure}/{topic}", *broker.options(mechanism, password),
              "--kafka-option", "compression.codec=zstd")
    bucket.put_all({f"k{n}": f"content {n}" for n in range(50)})
    if mechanism != "PLAIN" and librdkafka() < (2, 6, 1):
        error = program("sync", bucket.url, *target, "--state", tmp_path / "state", exits=1).error()
        assert "wants librdkafka 2.6.1 or newer" in error and PASSWORD not in error
        return
    assert program.sync(bucket.url, *target, "--state", tmp_path / "state")["added"] == 50
    assert fold(messages(broker, topic)) == bucket.contents()
    again = program.sync(bucket.url, *target, "--state", tmp_path / "new", "--rebuild-state")
    assert (again["unchanged"], again["get_requests"]) == (50, 0)


def test_what_is_refused_is_one_line_without_the_password(bucket, program, broker, topic, tmp_path):
    target = (f"kafka://{broker.secure}/{topic}", "--state", tmp_path / "state")
    for options, says in ((broker.options("PLAIN", password="wrong-s3cret"), "uthentication"),
                          (broker.options("PLAIN", authority="keystore.pem"), "certificate"),
                          (broker.options("SCRAM-SHA-512", password="wrong-s3cret"),
                           "uthentication")):
        error = program("sync", bucket.url, *target, *options, exits=1).error()
        assert says in error and "s3cret" not in error and topic in error

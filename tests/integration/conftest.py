"""Fixtures: real servers, a fresh bucket for each test, and the program run like a user runs it.

tests/run sets the environment: BUCKETABLE is the program (a sanitized build), BUCKETABLE_PLAIN one
without sanitizers, MINIO the MinIO binary, MINIO_UNAVAILABLE why there is none.
"""

import os
import signal
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import package  # noqa: E402
import servers  # noqa: E402
from bucket import Bucket  # noqa: E402
from postgres import Postgres  # noqa: E402
from live import LiveMinio  # noqa: E402
from program import Program  # noqa: E402
from proxy import Proxy  # noqa: E402
from watching import Watching  # noqa: E402

INSTALL_TIMEOUT_S = 1200
IN_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")


def pytest_configure():
    # So that fixtures are torn down, and servers stopped, when the run is told to end.
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("told to end", returncode=143))
    # A run in a shell's background ignores Ctrl-C, and so would the programs whose Ctrl-C is tested.
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


INSTALLS = {"kafka": servers.KafkaJars(), "elasticmq": servers.ElasticMqJars(),
            "live": servers.ListeningMinioBinary(), "versitygw": servers.VersitygwBinary()}


def pytest_collection_finish(session):
    """What takes a while to install is begun beside the first tests."""
    wanted = {name for item in session.items for name in getattr(item, "fixturenames", ())}
    for name in wanted & INSTALLS.keys():
        try:
            INSTALLS[name].start()
        except servers.Unavailable:
            pass  # said again where it is used


class Servers:
    """Starts each server when the first test wants it; what failed once is not tried again."""

    def __init__(self, directory):
        self.directory = directory
        self.running = {}
        self.unavailable = {}

    def get(self, name):
        if name not in self.running and name not in self.unavailable:
            try:
                self.running[name] = self.make(name).start()
            except servers.Unavailable as reason:
                self.unavailable[name] = str(reason)
        if name in self.unavailable:
            (pytest.fail if IN_CI else pytest.skip)(self.unavailable[name])
        return self.running[name]

    def make(self, name):
        if name == "moto":
            return servers.Moto(self.directory / name, sys.executable)
        if name == "kafka":
            return servers.Kafka(self.directory / name, self.install(name))
        if name == "elasticmq":
            return servers.ElasticMq(self.directory / name, self.install(name))
        if name == "redis":
            return servers.Redis(self.directory / name)
        if name == "live":
            redis = self.get("redis")
            return LiveMinio(self.directory / name, self.install(name), redis.port)
        if name == "versitygw":
            return servers.Versitygw(self.directory / name, self.install(name))
        if name == "postgres":
            return Postgres()
        if "MINIO" not in os.environ:
            raise servers.Unavailable(os.environ.get("MINIO_UNAVAILABLE", "MINIO is not set"))
        return servers.Minio(self.directory / name, os.environ["MINIO"])

    def install(self, name):
        return INSTALLS[name].wait(INSTALL_TIMEOUT_S)

    def stop(self):
        for server in self.running.values():
            server.stop()
        for install in INSTALLS.values():
            install.stop()


@pytest.fixture(scope="session")
def all_servers(tmp_path_factory):
    found = Servers(tmp_path_factory.mktemp("servers"))
    yield found
    found.stop()


@pytest.fixture(params=["minio", "moto"])
def server(request, all_servers):
    """Each test runs against every server, unless `marks.minio_only` or such says otherwise."""
    return all_servers.get(request.param)


@pytest.fixture
def kafka(all_servers):
    return all_servers.get("kafka")


@pytest.fixture(scope="session")
def versitygw(all_servers):
    return all_servers.get("versitygw")


@pytest.fixture(scope="session")
def elasticmq(all_servers):
    return all_servers.get("elasticmq")


@pytest.fixture(scope="session")
def redis(all_servers):
    return all_servers.get("redis")


@pytest.fixture(scope="session")
def live(all_servers):
    """MinIO that sends its events to `redis`, and whose listen call works."""
    return all_servers.get("live")


@pytest.fixture(scope="session")
def postgres(all_servers):
    return all_servers.get("postgres")


@pytest.fixture
def postgres_target(postgres):
    """The URL of a database with an empty schema `app`."""
    postgres.sql("SET client_min_messages = error; DROP SCHEMA IF EXISTS app CASCADE;"
                 "CREATE SCHEMA app AUTHORIZATION tester")
    return postgres.url


@pytest.fixture
def bucket(server):
    made = Bucket(server)
    yield made
    made.remove()


@pytest.fixture
def proxy(server):
    """Stands between the program and the server: counts, slows down."""
    with Proxy(server.port) as running:
        yield running


@pytest.fixture
def program(server, tmp_path):
    """program(ARGUMENT...) runs it; see program.Program."""
    return Program(os.environ["BUCKETABLE"], server, tmp_path)


@pytest.fixture
def plain_program(server, tmp_path):
    """The build without sanitizers, whose memory can be measured."""
    return Program(os.environ["BUCKETABLE_PLAIN"], server, tmp_path)


@pytest.fixture
def watch(program):
    """watch(ARGUMENT...) starts the program's `watch`; see watching.Watching."""
    running = []

    def start(*arguments, **how):
        running.append(Watching(program, *arguments, **how))
        return running[-1]

    yield start
    for one in running:
        if one.process.poll() is None:
            one.kill()


@pytest.fixture
def db(tmp_path):
    return tmp_path / "docs.db"


@pytest.fixture(scope="session")
def package_path(tmp_path_factory):
    """What belongs into sys.path for the Python package."""
    pytest.importorskip("setuptools")
    return package.build(tmp_path_factory.mktemp("python"))


@pytest.fixture
def bucketable(package_path, server, monkeypatch):
    """The Python package, in this process, with the server's credentials."""
    monkeypatch.syspath_prepend(package_path)
    for name, value in package.environment(server).items():
        monkeypatch.setenv(name, value)
    import bucketable
    import bucketable.aio
    return bucketable

"""The servers that tests and the demo run against: how each is installed, started and stopped.

Installed things live below $XDG_CACHE_HOME/bucketable, or .cache/ in this checkout, and are made
once; their folders are named after the version, so a new pin makes a new one.  A server binds
127.0.0.1, keeps everything in a directory of its own, and dies with the process that started it.

Python's standard library only.
"""

import ctypes
import hashlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "tests" / "requirements.txt"
MINIO_VERSION = "v0.0.0-20260212201848-7aac2a2c5b7c"
VERSITYGW_VERSION = "v1.8.0"

# The kernel takes outgoing connections' ports from here up: a server that wants one of those
# sometimes finds it in use.
EPHEMERAL_PORT_MIN = 32768
PR_SET_PDEATHSIG = 1


class Unavailable(Exception):
    """A server cannot be had on this machine; the message says why."""


def cache_dir():
    base = os.environ.get("XDG_CACHE_HOME")
    return Path(base) / "bucketable" if base else ROOT / ".cache"


def free_port():
    for _ in range(200):
        port = random.SystemRandom().randrange(10240, EPHEMERAL_PORT_MIN)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise Unavailable("no free port below 32768")


def die_with_parent():
    """Runs in the child: an interrupted or killed test run leaves no process behind."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Install:
    """Something made once in the cache, in the background, by a command that logs to a file."""

    def __init__(self, name, done):
        self.name = name
        self.done = done  # this path exists when it is made
        self.log = cache_dir() / f"{name}.log"
        self.process = None

    def start(self):
        if self.done.exists() or self.process:
            return
        cache_dir().mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, **self.environment()}, preexec_fn=die_with_parent,
                start_new_session=True)

    def wait(self, timeout_s):
        """Where it is.  Raises Unavailable."""
        self.start()
        if self.process:
            try:
                self.process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self.stop()
                raise Unavailable(f"{self.name}: not installed after {timeout_s} s: {self.log}")
            if self.process.returncode == 0:
                self.finish()
            self.process = None
        if not self.done.exists():
            tail = self.log.read_text(errors="replace").strip().splitlines()[-3:]
            raise Unavailable(f"{self.name}: installation failed: {' / '.join(tail)} ({self.log})")
        return self.done

    def stop(self):
        """The command and what it started: a compiler's children are in its session."""
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait()
        self.process = None

    def environment(self):
        return {}

    def finish(self):
        pass


class Venv(Install):
    """A requirements.txt in a virtual environment.  wait() gives its Python."""

    def __init__(self, requirements=REQUIREMENTS):
        self.requirements = requirements
        pins = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:12]
        self.place = cache_dir() / f"venv-{pins}"
        self.unfinished = self.place.with_name(self.place.name + ".ok")
        super().__init__("python-packages", self.unfinished)

    def command(self):
        shutil.rmtree(self.place, ignore_errors=True)
        make = "import sys, venv; venv.create(sys.argv[1], with_pip=True, clear=True)"
        script = '"$1" -c "$2" "$3" && exec "$3/bin/python" -m pip install -q -r "$4"'
        return ["/bin/sh", "-c", script, "venv", sys.executable, make, str(self.place),
                str(self.requirements)]

    def finish(self):
        self.done.touch()

    def wait(self, timeout_s):
        super().wait(timeout_s)
        return self.place / "bin" / "python"


class GoBinary(Install):
    """A program built by `go install`."""

    def __init__(self, package, version):
        name = package.rsplit("/", 1)[-1]
        self.package = f"{package}@{version}"
        self.bin = cache_dir() / f"{name}-{version}"
        super().__init__(name, self.bin / name)

    def start(self):
        if not self.done.exists() and not shutil.which("go"):
            raise Unavailable(f"{self.name}: no Go compiler (1.21 or newer) to build it with")
        super().start()

    def command(self):
        return ["nice", "go", "install", "-ldflags=-s -w", self.package]

    def environment(self):
        return {"GOBIN": str(self.bin), "GOFLAGS": "", "CGO_ENABLED": "0"}


class MinioBinary(GoBinary):
    """Some minutes and 150 MB the first time."""

    def __init__(self):
        super().__init__("github.com/minio/minio", MINIO_VERSION)


class VersitygwBinary(GoBinary):
    """Three minutes and 45 MB the first time."""

    def __init__(self):
        super().__init__("github.com/versity/versitygw/cmd/versitygw", VERSITYGW_VERSION)


class ListeningMinioBinary(Install):
    """
    MinIO whose listen call works.  In the pinned version the writer that wraps every answer has no
    Flush, so that nothing of an endless answer leaves the server until 4 KiB have piled up.  What
    is linked in was compiled for MinioBinary already: a minute or two.
    """

    FLUSH_GO = """package cmd

import "net/http"

func (w *trackingResponseWriter) Flush() {
	if flusher, ok := w.ResponseWriter.(http.Flusher); ok {
		flusher.Flush()
	}
}
"""
    SCRIPT = """set -e
dir=$(go mod download -json "github.com/minio/minio@$1" | sed -n 's/.*"Dir": "\\(.*\\)".*/\\1/p')
rm -rf "$2/source" && cp -r "$dir" "$2/source" && chmod -R u+w "$2/source"
cp "$2/flush.go" "$2/source/cmd/"
cd "$2/source" && nice go build -buildvcs=false '-ldflags=-s -w' -o "$2/unfinished" .
mv "$2/unfinished" "$2/minio" && rm -rf "$2/source"
"""

    def __init__(self):
        self.place = cache_dir() / f"minio-listening-{MINIO_VERSION}"
        super().__init__("minio-listening", self.place / "minio")

    def command(self):
        if not shutil.which("go"):
            raise Unavailable("minio: no Go compiler (1.21 or newer) to build it with")
        self.place.mkdir(parents=True, exist_ok=True)
        (self.place / "flush.go").write_text(self.FLUSH_GO)
        return ["/bin/sh", "-c", self.SCRIPT, "minio-listening", MINIO_VERSION, str(self.place)]

    def environment(self):
        return {"GOFLAGS": "", "CGO_ENABLED": "0"}


class Jars(Install):
    """A Java program and what it needs, from Maven Central.  wait() gives the folder of jars."""

    POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
      <modelVersion>4.0.0</modelVersion>
      <groupId>bucketable</groupId><artifactId>tests</artifactId><version>1</version>
      <packaging>pom</packaging>
      <dependencies>{dependencies}</dependencies>
    </project>"""
    DEPENDENCY = """
        <dependency><groupId>{}</groupId><artifactId>{}</artifactId>
          <version>{}</version></dependency>"""
    program = None
    version = None
    dependencies = ()  # (group, artifact, version)

    def __init__(self):
        self.place = cache_dir() / f"{self.program}-{self.version}"
        super().__init__(self.program, self.place / "installed")

    def command(self):
        if not shutil.which("java") or not shutil.which("mvn"):
            raise Unavailable(f"{self.program}: no Java or no Maven to get it with")
        self.place.mkdir(parents=True, exist_ok=True)
        wanted = "".join(self.DEPENDENCY.format(*one) for one in self.dependencies)
        (self.place / "pom.xml").write_text(self.POM.format(dependencies=wanted))
        return ["mvn", "-B", "-ntp", "-q", "-f", str(self.place / "pom.xml"),
                "dependency:copy-dependencies", f"-DoutputDirectory={self.place}/lib"]

    def finish(self):
        self.done.touch()

    def wait(self, timeout_s):
        super().wait(timeout_s)
        return self.place / "lib"


class KafkaJars(Jars):
    """Kafka's broker: 45 jars, 43 MB."""

    program = "kafka"
    version = "4.4.0"
    dependencies = (("org.apache.kafka", "kafka_2.13", version),
                    ("org.apache.logging.log4j", "log4j-slf4j-impl", "2.25.5"))


class ElasticMqJars(Jars):
    """ElasticMQ, which speaks SQS: 40 jars, 43 MB."""

    program = "elasticmq"
    version = "1.7.1"
    dependencies = (("org.elasticmq", "elasticmq-server_3", version),)


class Server:
    """A running process with an HTTP address.  start() returns when it is ready."""

    name = None
    ready_path = None
    start_timeout_s = 30
    access_key = "TESTACCESSKEY0000001"
    secret_key = "s3cret/never+in/any+output/0123456789abcd"

    def __init__(self, directory):
        self.directory = Path(directory)
        self.log = self.directory / f"{self.name}.log"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None

    def start(self):
        self.directory.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=self.directory, env={**os.environ, **self.environment()},
                preexec_fn=die_with_parent, start_new_session=True)
        try:
            self.wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def wait_until_ready(self):
        deadline = time.monotonic() + self.start_timeout_s
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                tail = self.log.read_text(errors="replace").strip().splitlines()[-3:]
                raise Unavailable(f"{self.name}: did not start: {' / '.join(tail)}")
            time.sleep(0.05)

    def is_ready(self):
        try:
            with urllib.request.urlopen(self.url + self.ready_path, timeout=2) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def stop(self):
        if not self.process:
            return
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def environment(self):
        return {}


class Minio(Server):
    name = "minio"
    ready_path = "/minio/health/ready"

    def __init__(self, directory, binary):
        super().__init__(directory)
        self.binary = binary

    def command(self):
        return [str(self.binary), "server", "--address", f"127.0.0.1:{self.port}",
                str(self.directory / "data")]

    def environment(self):
        return {"MINIO_ROOT_USER": self.access_key, "MINIO_ROOT_PASSWORD": self.secret_key,
                "MINIO_BROWSER": "off", "MINIO_PROMETHEUS_AUTH_TYPE": "public"}


class Versitygw(Server):
    """S3 over a directory.  It closes each connection after its answer."""

    name = "versitygw"
    ready_path = "/health"

    def __init__(self, directory, binary):
        super().__init__(directory)
        self.binary = binary

    def command(self):
        data = self.directory / "data"
        data.mkdir(exist_ok=True)
        return [str(self.binary), "--port", f"127.0.0.1:{self.port}", "--health", self.ready_path,
                "posix", str(data)]

    def environment(self):
        return {"ROOT_ACCESS_KEY": self.access_key, "ROOT_SECRET_KEY": self.secret_key}


class Moto(Server):
    name = "moto"
    ready_path = "/moto-api/data.json"

    def __init__(self, directory, python):
        super().__init__(directory)
        self.python = python

    def command(self):
        return [str(self.python), "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]


class Kafka(Server):
    """One broker that is its own controller; `brokers` is its address."""

    name = "kafka"
    start_timeout_s = 90
    SETTINGS = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={directory}/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
log.cleaner.dedupe.buffer.size=16777216
"""
    FORMAT = ""  # more options of the tool that makes the storage

    def __init__(self, directory, jars):
        super().__init__(directory)
        self.jars = jars
        self.controller = free_port()
        self.brokers = f"127.0.0.1:{self.port}"

    def command(self):
        settings = self.directory / "server.properties"
        settings.write_text(self.SETTINGS.format(
            port=self.port, controller=self.controller, directory=self.directory))
        java = ("java -Xms64m -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1"
                f" -cp '{self.jars}/*'")
        # A second start finds what the first one left.
        script = ('[ -e data/meta.properties ] ||'
                  f' {{ id=$({java} kafka.tools.StorageTool random-uuid 2>/dev/null) &&'
                  f' {java} kafka.tools.StorageTool format -t "$id" -c "$1" {self.FORMAT}; }} &&'
                  f' exec {java} kafka.Kafka "$1"')
        return ["/bin/sh", "-c", script, "kafka", str(settings)]

    def is_ready(self):
        """It opens this port when it can be asked; clients try again until it answers."""
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=2).close()
            return True
        except OSError:
            return False


class ElasticMq(Server):
    """
    SQS with the semantics of the real one, stricter in places: a receipt handle ends with its
    visibility.  It checks no signatures, and no S3 sends it events.
    """

    name = "elasticmq"
    ready_path = "/?Action=ListQueues"
    start_timeout_s = 90
    SETTINGS = """
include classpath("application.conf")
node-address {{ protocol = http, host = "127.0.0.1", port = {port}, context-path = "" }}
rest-sqs {{ enabled = true, bind-port = {port}, bind-hostname = "127.0.0.1", sqs-limits = strict }}
rest-stats {{ enabled = false }}
aws {{ region = us-east-1, accountId = 000000000000 }}
"""

    def __init__(self, directory, jars):
        super().__init__(directory)
        self.jars = jars

    def command(self):
        settings = self.directory / "elasticmq.conf"
        settings.write_text(self.SETTINGS.format(port=self.port))
        return ["java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
                f"-Dconfig.file={settings}", "-cp", f"{self.jars}/*",
                "org.elasticmq.server.Main"]


class Redis(Server):
    name = "redis"

    def __init__(self, directory, options=()):
        super().__init__(directory)
        self.options = list(options)

    def command(self):
        if not shutil.which("redis-server"):
            raise Unavailable("redis-server is not installed")
        return ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
                "--appendonly", "no", "--dir", str(self.directory), *self.options]

    def is_ready(self):
        """With the default user off, an answer is all that there is."""
        try:
            return self.cli("ping") == "PONG" or "NOAUTH" in self.cli("ping")
        except (OSError, subprocess.CalledProcessError):
            return False

    def cli(self, *arguments, feed=None):
        return subprocess.run(["redis-cli", "-p", str(self.port), *arguments], check=True,
                              input=feed, capture_output=True, text=True).stdout.strip()

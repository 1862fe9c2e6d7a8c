"""Runs the program in an environment of its own, and checks what must hold for every run."""

import json
import os
import re
import resource
import signal
import subprocess
from dataclasses import dataclass

from servers import die_with_parent

SANITIZER_EXIT = 99
SECRET_VARIABLES = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN",
                    "PGPASSWORD", "REDISCLI_AUTH", "KAFKA_SASL_PASSWORD")
PASSWORD = re.compile(r"://[^/@\s:]*:([^/@\s]+)@|password=([^&\s]+)")
SECRET_LEN_MIN = 6
SIGNED = (b"X-Amz-Signature", b"Signature=", b"X-Amz-Security-Token", b"Authorization:")
SANITIZER_WORDS = (b"AddressSanitizer", b"LeakSanitizer", b"ThreadSanitizer",
                   b"runtime error:")


@dataclass
class Result:
    stdout: bytes
    stderr: str
    exit_code: int

    def json(self):
        """The one JSON object on stdout."""
        return json.loads(self.stdout)

    def json_lines(self):
        return [json.loads(line) for line in self.stdout.splitlines()]

    def error(self):
        """The one line on stderr; nothing else may stand there, and nothing on stdout."""
        assert self.stdout == b"", self.stdout
        lines = self.stderr.splitlines()
        assert len(lines) == 1 and lines[0].startswith("bucketable: "), self.stderr
        return lines[0]


def secrets_of(arguments, environment):
    """What a run was told and may never print: secret variables, passwords in URLs and settings."""
    found = {environment[name] for name in SECRET_VARIABLES if name in environment}
    for text in [*map(str, arguments), *environment.values()]:
        found.update(group for match in PASSWORD.findall(text) for group in match if group)
    # A short one could stand in any text.
    return [secret.encode() for secret in found if len(secret) >= SECRET_LEN_MIN]


class Program:
    """program("sync", url, db, exits=0) runs to the end; start(...) gives the Popen.

    Extra environment variables go in `env`, or for the whole test into `self.env`.
    """

    def __init__(self, path, server, directory):
        self.path = path
        self.secret = server.secret_key.encode()
        self.directory = directory
        home = directory / "home"
        home.mkdir(exist_ok=True)
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "AWS_ACCESS_KEY_ID": server.access_key,
            "AWS_SECRET_ACCESS_KEY": server.secret_key,
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": server.url,
            "AWS_EC2_METADATA_DISABLED": "true",
            "ASAN_OPTIONS": f"exitcode={SANITIZER_EXIT}:detect_leaks=1",
            "TSAN_OPTIONS": f"exitcode={SANITIZER_EXIT}",
            "UBSAN_OPTIONS": f"exitcode={SANITIZER_EXIT}:print_stacktrace=1:halt_on_error=1",
        }

    def start(self, *arguments, env=None, wrapper=(), file_size_max=None, stdout=subprocess.PIPE):
        def in_child():
            die_with_parent()
            if file_size_max:
                # The signal is ignored, as a shell user may have it: then write() fails instead.
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (file_size_max, file_size_max))

        environment = {**self.env, **(env or {})}
        process = subprocess.Popen(
            [*wrapper, self.path, *(str(a) for a in arguments)], stdin=subprocess.DEVNULL,
            stdout=stdout, stderr=subprocess.PIPE, cwd=self.directory, env=environment,
            preexec_fn=in_child)
        process.secrets = [self.secret, *secrets_of(arguments, environment)]
        return process

    def finish(self, process, exits=0, timeout_s=60):
        try:
            stdout, stderr = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            stdout, stderr = process.communicate()
            raise AssertionError(f"still running after {timeout_s} s: {stderr.decode()}")
        stdout = stdout or b""
        for output in (stdout, stderr):
            for secret in process.secrets:
                assert secret not in output, "a secret was printed"
            for word in SIGNED:
                assert word not in output, f"{word.decode()} was printed"
        for word in SANITIZER_WORDS:
            assert word not in stderr, stderr.decode()
        allowed = exits if isinstance(exits, tuple) else (exits,)
        assert process.returncode in allowed, (
            f"exit {process.returncode} instead of {exits}: {stderr.decode()}")
        return Result(stdout, stderr.decode(), process.returncode)

    def __call__(self, *arguments, exits=0, timeout_s=60, **how):
        return self.finish(self.start(*arguments, **how), exits, timeout_s)

    def sync(self, *arguments, **how):
        """`sync --json`: the summary."""
        return self("sync", "--json", *arguments, **how).json()

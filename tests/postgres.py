#!/usr/bin/env python3
"""A PostgreSQL server of its own for a test, and PgBouncer before it.

    tests/postgres.py [--icu LOCALE] [--set NAME=VALUE]... [--pgbouncer] [--] PROGRAM [ARGUMENT]...

starts one in a new directory, runs PROGRAM and stops it.  The program finds in its environment
BKT_TEST_POSTGRES, the URL that it is to test with (PgBouncer's where there is one), and
BKT_TEST_POSTGRES_ADMIN, the superuser's past everything in between.  Without PostgreSQL the test
is skipped, in TAP; with CI=true it fails.

fsync is on.  Python's standard library only.
"""

import argparse
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from servers import Unavailable, die_with_parent, free_port  # noqa: E402

IN_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")
PASSWORD = "s3cret-never-in-any-output"
USER = "tester"
START_TIMEOUT_S = 60


def find_program(name):
    """Debian keeps the server's programs out of PATH."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    newest = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"),
                    key=lambda path: float(path.parent.parent.name))
    if not found and not newest:
        raise Unavailable(f"{name} is not installed")
    return found or str(newest[-1])


def owner():
    """Both servers refuse to run as root: then the user postgres, which the package makes."""
    if os.geteuid() != 0:
        return {}
    try:
        account = pwd.getpwnam("postgres")
    except KeyError:
        raise Unavailable("PostgreSQL does not run as root, and there is no user postgres")
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def wait_for_port(port, process, log):
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None or time.monotonic() > deadline:
            tail = log.read_text(errors="replace").strip().splitlines()[-3:]
            raise Unavailable(f"{log.stem}: did not start: {' / '.join(tail)}")
        time.sleep(0.02)


class Postgres:
    """start() returns when it takes connections.  `url` logs in by password over TCP."""

    def __init__(self, icu_locale=None, settings=(), with_pgbouncer=False):
        self.icu_locale = icu_locale
        self.settings = settings
        self.with_pgbouncer = with_pgbouncer
        self.as_owner = owner()
        # Not below the caller's directories, which the user postgres may not enter.
        self.directory = Path(tempfile.mkdtemp(prefix="bkt-postgres-"))
        if self.as_owner:
            os.chown(self.directory, self.as_owner["user"], self.as_owner["group"])
        self.port = free_port()
        self.admin_url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
        self.url = f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/postgres"
        self.direct_url = self.url
        self.processes = []

    def spawn(self, name, command):
        log = self.directory / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                cwd=self.directory, preexec_fn=die_with_parent, start_new_session=True,
                **self.as_owner)
        self.processes.append(process)
        return process, log

    def make_cluster(self):
        command = [find_program("initdb"), "-D", str(self.directory / "data"), "-U", "postgres",
                   "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        if self.icu_locale:
            command += ["--locale-provider=icu", f"--icu-locale={self.icu_locale}"]
        process, log = self.spawn("initdb", command)
        if process.wait() != 0:
            raise Unavailable(f"initdb: {log.read_text(errors='replace')[-300:]}")
        (self.directory / "data" / "pg_hba.conf").write_text(
            "local all all trust\n"
            "host all postgres 127.0.0.1/32 trust\n"
            "host all all 127.0.0.1/32 scram-sha-256\n")

    def start(self):
        try:
            self.make_cluster()
            self.start_server()
            if self.with_pgbouncer:
                self.start_pgbouncer()
        except BaseException:
            self.stop()
            raise
        return self

    def start_server(self):
        command = [find_program("postgres"), "-D", str(self.directory / "data"), "-p",
                   str(self.port), "-c", "listen_addresses=127.0.0.1", "-c",
                   f"unix_socket_directories={self.directory}"]
        for setting in self.settings:
            command += ["-c", setting]
        process, log = self.spawn("postgres", command)
        wait_for_port(self.port, process, log)
        self.sql(f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}';"
                 f"GRANT CREATE ON DATABASE postgres TO {USER};"
                 f"GRANT CREATE ON SCHEMA public TO {USER}")

    def start_pgbouncer(self):
        port = free_port()
        ini = self.directory / "pgbouncer.ini"
        users = self.directory / "users.txt"
        users.write_text(f'"{USER}" "{PASSWORD}"\n')
        ini.write_text(
            f"[databases]\n* = host=127.0.0.1 port={self.port}\n[pgbouncer]\n"
            f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
            f"auth_type = scram-sha-256\nauth_file = {users}\npool_mode = transaction\n"
            "default_pool_size = 2\n")
        process, log = self.spawn("pgbouncer", [find_program("pgbouncer"), str(ini)])
        wait_for_port(port, process, log)
        self.url = f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{port}/postgres"

    def sql(self, text):
        """What psql prints, unaligned and without headings, run as the superuser."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            done = subprocess.run(
                [find_program("psql"), "-qAtX", "-v", "ON_ERROR_STOP=1", "-d", self.admin_url,
                 "-c", text], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, text=True)
            if done.returncode == 0:
                return done.stdout.rstrip("\n")
            if "starting up" not in done.stderr or time.monotonic() > deadline:
                raise AssertionError(done.stderr)
            time.sleep(0.02)

    def stop(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                # SIGINT is a fast shutdown; SIGTERM would wait for the clients.
                process.send_signal(signal.SIGINT)
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        self.processes = []
        shutil.rmtree(self.directory, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--icu", help="the database's locale, by ICU")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--pgbouncer", action="store_true", help="in transaction mode")
    parser.add_argument("program", nargs=argparse.REMAINDER)
    args = parser.parse_args()
    command = args.program[1:] if args.program[:1] == ["--"] else args.program
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        server = Postgres(args.icu, args.set, args.pgbouncer).start()
    except Unavailable as reason:
        print(f"Bail out! {reason}" if IN_CI else f"1..0 # SKIP {reason}")
        return 1 if IN_CI else 0
    environment = {**os.environ, "BKT_TEST_POSTGRES": server.url,
                   "BKT_TEST_POSTGRES_ADMIN": server.admin_url}
    try:
        return subprocess.run(command, env=environment, preexec_fn=die_with_parent).returncode
    finally:
        server.stop()


if __name__ == "__main__":
    sys.exit(main())

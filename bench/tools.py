"""Programs that do the same job, each as one command on a bucket: ours and its yardsticks."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from measure import Missing, need

PEERS = Path(__file__).resolve().parent / "peers"


class Tool:
    """`fresh` begins with nothing, `again` with what the last run left in `place`."""

    def __init__(self, place):
        self.place = Path(place)

    def fresh(self):
        shutil.rmtree(self.place, ignore_errors=True)
        self.place.mkdir(parents=True)

    def environment(self, server):
        return {"AWS_ACCESS_KEY_ID": server.access_key, "AWS_SECRET_ACCESS_KEY": server.secret_key,
                "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_ENDPOINT_URL": server.url, "AWS_EC2_METADATA_DISABLED": "true"}


class Bucketable(Tool):
    name = "bucketable"

    def __init__(self, place, build):
        super().__init__(place)
        self.program = build / "src" / "cli" / "bucketable"
        if not self.program.exists():
            raise Missing("the build has no program bucketable")

    def command(self, bucket):
        return [self.program, "sync", f"s3://{bucket}", self.place / "table.db", "--json",
                "--quiet"]

    @staticmethod
    def check(stdout, objects, fresh):
        summary = json.loads(stdout.strip().splitlines()[-1])
        expected = {"matched": objects, "failed": 0, "added": objects if fresh else 0}
        wrong = {name: summary[name] for name, value in expected.items() if summary[name] != value}
        if wrong:
            raise RuntimeError(f"bucketable: {wrong} instead of {expected}")


class Rclone(Tool):
    name = "rclone"

    def __init__(self, place):
        super().__init__(place)
        self.program = need("rclone")

    def environment(self, server):
        return {**super().environment(server), "RCLONE_CONFIG_S_TYPE": "s3",
                "RCLONE_CONFIG_S_PROVIDER": "Other", "RCLONE_CONFIG_S_ENV_AUTH": "true",
                "RCLONE_CONFIG_S_ENDPOINT": server.url, "RCLONE_CONFIG_S_REGION": "us-east-1",
                "RCLONE_CONFIG_S_FORCE_PATH_STYLE": "true", "RCLONE_CONFIG": "/dev/null",
                "RCLONE_S3_LIST_VERSION": "2"}

    def command(self, bucket):
        return [self.program, "copy", "--transfers", "64", "--checkers", "16",
                "--use-server-modtime", "--fast-list", f"s:{bucket}", self.place / "files"]

    @staticmethod
    def check(stdout, objects, fresh):
        pass


class Boto3(Tool):
    name = "boto3"

    def __init__(self, place, python=sys.executable):
        super().__init__(place)
        self.python = python
        if subprocess.run([python, "-c", "import boto3"], stderr=subprocess.DEVNULL).returncode:
            raise Missing("boto3 is not installed for this Python")

    def command(self, bucket):
        return [self.python, PEERS / "boto3_table.py", bucket, self.place / "table.db"]

    @staticmethod
    def check(stdout, objects, fresh):
        pass

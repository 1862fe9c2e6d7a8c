"""docs/examples/custom_target.c, run as its head says."""

import os
from pathlib import Path

from marks import minio_only
from program import Program

EXAMPLE = (Path(os.environ["BUCKETABLE"]).parent / "../../tests/unit/targets/custom_target").resolve()


@minio_only
def test_the_example_writes_what_the_bucket_has(bucket, server, tmp_path):
    example = Program(EXAMPLE, server, tmp_path)
    bucket.put_all({"a": "1\t2\n", "b\\c": "x"})
    assert example(bucket.url, "rows.tsv").stdout == b"2 rows\n"
    bucket.delete("a")
    bucket.put("b\\c", "y")
    example(bucket.url, "rows.tsv")
    lines = (tmp_path / "rows.tsv").read_text().splitlines()
    assert sorted(lines[:2]) == ["+\ta\t1\\t2\\n", "+\tb\\\\c\tx"]
    assert sorted(lines[2:]) == ["+\tb\\\\c\ty", "-\ta"]

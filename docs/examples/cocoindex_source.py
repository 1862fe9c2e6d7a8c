#!/usr/bin/env python3
"""A CocoIndex flow over a bucket: each document's first line, in a table of PostgreSQL.

    COCOINDEX_DATABASE_URL=postgresql://... python3 cocoindex_source.py my-docs

It was written for CocoIndex's own source; the one import is all that changed.
"""

import sys

import cocoindex
# from cocoindex.sources import AmazonS3
from bucketable.cocoindex import AmazonS3


@cocoindex.op.function()
def first_line(content: str) -> str:
    return content.partition("\n")[0]


@cocoindex.flow_def(name="FirstLines")
def first_lines(builder: cocoindex.FlowBuilder, scope: cocoindex.DataScope) -> None:
    scope["documents"] = builder.add_source(
        AmazonS3(bucket_name=sys.argv[1], included_patterns=["*.md"]))
    found = scope.add_collector()
    with scope["documents"].row() as document:
        document["line"] = document["content"].transform(first_line)
        found.collect(filename=document["filename"], line=document["line"])
    found.export("first_lines", cocoindex.targets.Postgres(table_name="first_lines"),
                 primary_key_fields=["filename"])


if __name__ == "__main__":
    cocoindex.init()
    first_lines.setup()
    print(first_lines.update())

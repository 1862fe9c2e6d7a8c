#!/usr/bin/env python3
"""A CocoIndex flow that follows a bucket live, by way of a table that bucketable keeps.

    export COCOINDEX_DATABASE_URL=postgresql://...
    bucketable watch s3://my-docs "$COCOINDEX_DATABASE_URL" --table documents \
        --sqs-queue-url https://... &
    python3 cocoindex_table.py documents

PostgreSQL notifies CocoIndex of each row that bucketable commits.  It runs until it is interrupted.
"""

import sys

import cocoindex


@cocoindex.op.function()
def first_line(content: str) -> str:
    return content.partition("\n")[0]


@cocoindex.flow_def(name="FirstLinesLive")
def first_lines(builder: cocoindex.FlowBuilder, scope: cocoindex.DataScope) -> None:
    scope["documents"] = builder.add_source(cocoindex.sources.Postgres(
        table_name=sys.argv[1], included_columns=["content"],
        notification=cocoindex.sources.PostgresNotification()))
    found = scope.add_collector()
    with scope["documents"].row() as document:
        document["line"] = document["content"].transform(first_line)
        found.collect(filename=document["filename"], line=document["line"])
    found.export("first_lines", cocoindex.targets.Postgres(table_name="first_lines"),
                 primary_key_fields=["filename"])


if __name__ == "__main__":
    cocoindex.init()
    first_lines.setup()
    with cocoindex.FlowLiveUpdater(first_lines) as updater:
        try:
            updater.wait()
        except KeyboardInterrupt:
            pass

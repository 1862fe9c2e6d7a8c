"""CocoIndex: its AmazonS3 source, exported to a table in PostgreSQL, which it needs anyway.

    cocoindex_table.py BUCKET POSTGRES_URL
"""

import os
import sys

import cocoindex


def main(bucket, database_url):
    os.environ["COCOINDEX_DATABASE_URL"] = database_url
    os.environ["COCOINDEX_DISABLE_USAGE_TRACKING"] = "1"
    cocoindex.init()

    @cocoindex.flow_def(name="Objects")
    def flow(builder, scope):
        source = cocoindex.sources.AmazonS3(bucket_name=bucket, force_path_style=True)
        scope["objects"] = builder.add_source(source)
        collected = scope.add_collector()
        with scope["objects"].row() as item:
            collected.collect(filename=item["filename"], content=item["content"])
        collected.export("objects", cocoindex.targets.Postgres(table_name="objects"),
                         primary_key_fields=["filename"])

    flow.setup()
    flow.update()
    # Its threads sometimes outlive the interpreter, which then ends with SIGABRT.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""What a peer's store has now, as JSON: how many rows, and the content of one.

    look.py sqlite|duckdb|files|changes|postgres STORE KEY
"""

import json
import sqlite3
import sys
from pathlib import Path


def of_sqlite(store, key):
    db = sqlite3.connect(store)
    found = db.execute("SELECT content FROM objects WHERE filename = ?", (key,)).fetchone()
    return db.execute("SELECT count(*) FROM objects").fetchone()[0], found and found[0]


def of_duckdb(store, key):
    """dlt keeps a schema of its own, and whole URLs as names."""
    import duckdb
    db = duckdb.connect(store, read_only=True)
    schema = db.execute("SELECT min(table_schema) FROM information_schema.tables "
                        "WHERE table_name = 'objects'").fetchone()[0]
    found = db.execute(f"SELECT content FROM {schema}.objects WHERE ends_with(filename, ?)",
                       ["/" + key]).fetchone()
    return db.execute(f"SELECT count(*) FROM {schema}.objects").fetchone()[0], found and found[0]


def of_files(store, key):
    path = Path(store) / key
    count = sum(1 for one in Path(store).rglob("*") if one.is_file())
    return count, path.read_text() if path.exists() else None


def of_changes(store, key):
    """A run of Pathway writes its changes alone, over those of the run before: they are kept."""
    rows = {}
    for path in sorted(Path(store).glob("changes-*.jsonl")):
        changes = [json.loads(line) for line in path.read_text().splitlines()]
        for change in sorted(changes, key=lambda one: (one["time"], one["diff"])):
            if change["diff"] > 0:
                rows[change["filename"]] = change["content"]
            else:
                rows.pop(change["filename"], None)
    return len(rows), rows.get(key)


def of_postgres(store, key):
    import subprocess
    sql = f"SELECT count(*), max(content) FILTER (WHERE filename = '{key}') FROM objects"
    out = subprocess.run(["psql", "-X", "-A", "-t", "-F", "\t", store, "-c", sql], check=True,
                         capture_output=True, text=True).stdout
    count, content = out.rstrip("\n").split("\t", 1)
    return int(count), content or None


def main(kind, store, key):
    count, content = globals()[f"of_{kind}"](store, key)
    if isinstance(content, bytes):
        content = content.decode()
    print(json.dumps({"rows": count, "content": content}))


if __name__ == "__main__":
    main(*sys.argv[1:])

#!/usr/bin/env python3
"""Retrieval over a table that bucketable keeps: chunks, embeddings, and the ones nearest to a question.

    rag.py docs.db index                    take up what has changed since the last time
    rag.py docs.db follow                   go on doing so, beside `bucketable watch`
    rag.py docs.db ask [--prompt] QUESTION  the nearest chunks, or a prompt made of them

Triggers on the table note, in the very transaction that changes a row, which keys have to be looked at;
the chunks of an object that is gone are gone with it.  So nothing is missed, whatever was killed when.
Chunks whose text is the same as before keep their embeddings: a small edit of a long document costs
one or two new ones.

--embedder MODULE:FUNCTION takes a function of your own: a list of texts in, a list of vectors (lists
of floats, all of one length) out.  Without it, hashed n-grams serve: they know nothing of meaning,
but need no model and no network.  Python's standard library only.
"""

import argparse
import array
import hashlib
import importlib
import math
import re
import sqlite3
import sys
import time

CHUNK_CHARS_MAX = 800
DIMENSIONS = 512
POLL_S = 0.2
BUSY_S = 30

SCHEMA = """
CREATE TABLE IF NOT EXISTS rag_settings (embedder TEXT NOT NULL);
-- `version` tells one change of a key from the next, so that none is crossed off unread.
CREATE TABLE IF NOT EXISTS rag_changed (filename TEXT PRIMARY KEY, version INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS rag_chunks (
    filename TEXT NOT NULL, position INTEGER NOT NULL, text TEXT NOT NULL, embedding BLOB NOT NULL,
    PRIMARY KEY (filename, position)) WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS rag_insert AFTER INSERT ON "{table}" BEGIN
    INSERT INTO rag_changed VALUES (new.filename, 1) ON CONFLICT DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER IF NOT EXISTS rag_update AFTER UPDATE OF content ON "{table}" BEGIN
    INSERT INTO rag_changed VALUES (new.filename, 1) ON CONFLICT DO UPDATE SET version = version + 1;
END;
CREATE TRIGGER IF NOT EXISTS rag_delete AFTER DELETE ON "{table}" BEGIN
    DELETE FROM rag_chunks WHERE filename = old.filename;
    DELETE FROM rag_changed WHERE filename = old.filename;
END;
"""


def hashed_ngrams(texts):
    """Words, and their beginnings, middles and ends, hashed into a vector of fixed length."""
    def features(text):
        for word in re.findall(r"\w+", text.lower()):
            yield word
            framed = f"<{word}>"
            yield from (framed[at:at + 4] for at in range(len(framed) - 3))

    vectors = []
    for text in texts:
        vector = [0.0] * DIMENSIONS
        for feature in features(text):
            number = int.from_bytes(hashlib.blake2b(feature.encode(), digest_size=8).digest(), "big")
            vector[number % DIMENSIONS] += 1 if number >> 63 else -1
        vectors.append(vector)
    return vectors


def unit(vector):
    length = math.sqrt(sum(value * value for value in vector)) or 1.0
    return array.array("f", (value / length for value in vector))


def chunks_of(text):
    """Paragraphs, put together while they are short and cut where they are long."""
    chunks, current = [], ""
    for paragraph in re.split(r"\n\s*\n", text):
        pieces = [paragraph[at:at + CHUNK_CHARS_MAX]
                  for at in range(0, len(paragraph), CHUNK_CHARS_MAX)]
        for piece in pieces:
            if current and len(current) + len(piece) > CHUNK_CHARS_MAX:
                chunks.append(current)
                current = ""
            current = f"{current}\n\n{piece}" if current else piece
    return [chunk for chunk in [*chunks, current] if chunk.strip()]


class Index:
    def __init__(self, path, table, embed, embedder):
        self.db = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
        self.table, self.embed = table, embed
        self.db.execute("BEGIN IMMEDIATE")
        for statement in self.statements():
            self.db.execute(statement)
        known = self.db.execute("SELECT embedder FROM rag_settings").fetchone()
        if known != (embedder,):  # new here, or its vectors are of another kind
            self.db.execute("DELETE FROM rag_chunks")
            self.db.execute("DELETE FROM rag_settings")
            self.db.execute("INSERT INTO rag_settings VALUES (?)", (embedder,))
            self.db.execute(f'INSERT OR IGNORE INTO rag_changed SELECT filename, 1 FROM "{table}"')
        self.db.execute("COMMIT")

    def statements(self):
        found = ""
        for line in SCHEMA.format(table=self.table).splitlines():
            found += line + "\n"
            if sqlite3.complete_statement(found):
                yield found
                found = ""

    def take_up(self, filename, version):
        """Embed one document.  It may change meanwhile: then the next round has it again."""
        row = self.db.execute(f'SELECT content FROM "{self.table}" WHERE filename = ?',
                              (filename,)).fetchone()
        content = row[0] if row else ""
        if isinstance(content, bytes):
            content = content.decode("utf-8", "replace")
        texts = chunks_of(content or "")
        known = dict(self.db.execute("SELECT text, embedding FROM rag_chunks WHERE filename = ?",
                                     (filename,)))
        fresh = [text for text in dict.fromkeys(texts) if text not in known]
        if fresh:
            known.update(zip(fresh, (unit(vector).tobytes() for vector in self.embed(fresh))))
        self.db.execute("BEGIN IMMEDIATE")
        crossed_off = self.db.execute("DELETE FROM rag_changed WHERE filename = ? AND version = ?",
                                      (filename, version)).rowcount
        if crossed_off:
            self.db.execute("DELETE FROM rag_chunks WHERE filename = ?", (filename,))
            self.db.executemany("INSERT INTO rag_chunks VALUES (?, ?, ?, ?)",
                                [(filename, at, text, known[text]) for at, text in enumerate(texts)])
        self.db.execute("COMMIT")
        return len(fresh)

    def take_up_all(self):
        """Gives how many documents there were to look at, and how many chunks were embedded."""
        documents = embedded = 0
        while changed := self.db.execute("SELECT * FROM rag_changed LIMIT 100").fetchall():
            for filename, version in changed:
                embedded += self.take_up(filename, version)
                documents += 1
        return documents, embedded

    def follow(self):
        while True:
            documents, embedded = self.take_up_all()
            if documents:
                print(f"{documents} documents, {embedded} new embeddings", flush=True)
            time.sleep(POLL_S)

    def nearest(self, question, count):
        asked = unit(self.embed([question])[0])
        scored = []
        for filename, text, embedding in self.db.execute(
                "SELECT filename, text, embedding FROM rag_chunks"):
            score = sum(a * b for a, b in zip(asked, array.array("f", embedding)))
            scored.append((score, filename, text))
        return sorted(scored, reverse=True)[:count]


def prompt_of(question, found):
    sources = "\n\n".join(f"[{filename}]\n{text}" for _, filename, text in found)
    return (f"Answer the question from these sources alone, and name the ones you used.\n\n"
            f"{sources}\n\nQuestion: {question}")


def load(name):
    if name == "hashed-ngrams":
        return hashed_ngrams
    module, _, function = name.partition(":")
    sys.path.insert(0, "")
    return getattr(importlib.import_module(module), function)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("database")
    parser.add_argument("command", choices=["index", "follow", "ask"])
    parser.add_argument("question", nargs="?")
    parser.add_argument("--table", default="objects")
    parser.add_argument("--embedder", default="hashed-ngrams", metavar="MODULE:FUNCTION")
    parser.add_argument("--count", type=int, default=3)
    parser.add_argument("--prompt", action="store_true")
    args = parser.parse_intermixed_args()
    if (args.question is None) == (args.command == "ask"):
        parser.error("ask, and only ask, takes a QUESTION")
    index = Index(args.database, args.table, load(args.embedder), args.embedder)
    if args.command == "index":
        print("%d documents, %d new embeddings" % index.take_up_all())
    elif args.command == "follow":
        index.follow()
    else:
        index.take_up_all()
        found = index.nearest(args.question, args.count)
        if args.prompt:
            print(prompt_of(args.question, found))
        else:
            for score, filename, text in found:
                print(f"{score:.2f}  {filename}  {' '.join(text.split())[:80]}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)

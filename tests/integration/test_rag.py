"""docs/examples/rag.py: the chunks are those of the table, whatever happens to it."""

import importlib.util
import sqlite3
import subprocess
import sys

import documents
import marks
import pytest

SCRIPT = documents.ROOT / "docs/examples/rag.py"
pytestmark = marks.moto_only


@pytest.fixture
def rag(db):
    def run(*arguments):
        done = subprocess.run([sys.executable, SCRIPT, db, *arguments], capture_output=True,
                              text=True, cwd=db.parent)
        assert done.returncode == 0, done.stderr
        return done.stdout
    return run


@pytest.fixture
def module():
    spec = importlib.util.spec_from_file_location("rag", SCRIPT)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def chunks(db):
    with sqlite3.connect(db) as connection:
        return connection.execute("SELECT filename, text FROM rag_chunks ORDER BY 1, position").fetchall()


def test_it_follows_the_table(bucket, program, db, rag):
    paragraphs = [f"Paragraph {n}. {'Of gardens. ' * 40}".strip() for n in range(5)]
    bucket.put_all({"garden.md": "\n\n".join(paragraphs).encode(), "ferry.md": b"The ferry leaves at noon."})
    program.sync(bucket.url, db)
    assert rag("index") == "2 documents, 6 new embeddings\n"
    assert rag("index") == "0 documents, 0 new embeddings\n"
    assert "ferry.md" in rag("ask", "--count", "1", "When do ferries leave?")

    # One paragraph of five is another: one embedding is made anew.
    paragraphs[2] = paragraphs[2].replace("gardens", "orchards")
    bucket.put("garden.md", "\n\n".join(paragraphs).encode())
    program.sync(bucket.url, db)
    assert rag("index") == "1 documents, 1 new embeddings\n"
    assert [text for name, text in chunks(db) if name == "garden.md"] == paragraphs

    # What is deleted is gone from the chunks before anything is indexed again.
    bucket.delete("ferry.md")
    program.sync(bucket.url, db)
    assert {name for name, _ in chunks(db)} == {"garden.md"}
    assert rag("index") == "0 documents, 0 new embeddings\n"


def test_a_change_while_it_embeds_is_not_lost(bucket, program, db, module):
    bucket.put("a.md", b"old")
    program.sync(bucket.url, db)

    def embed(texts):
        if texts == ["old"]:
            bucket.put("a.md", b"new")
            program.sync(bucket.url, db)
        return module.hashed_ngrams(texts)

    index = module.Index(db, "objects", embed, "slow")
    assert index.take_up_all() == (2, 2)
    assert chunks(db) == [("a.md", "new")]


def test_a_delete_while_it_embeds_leaves_no_chunk(bucket, program, db, module):
    bucket.put("a.md", b"old")
    program.sync(bucket.url, db)

    def embed(texts):
        bucket.delete("a.md")
        program.sync(bucket.url, db)
        return module.hashed_ngrams(texts)

    module.Index(db, "objects", embed, "slow").take_up_all()
    assert chunks(db) == []


def test_another_embedder_embeds_all_anew(bucket, program, db, rag):
    bucket.put("a.md", b"text")
    program.sync(bucket.url, db)
    rag("index")
    (db.parent / "mine.py").write_text("def embed(texts):\n    return [[1.0, len(t)] for t in texts]\n")
    assert rag("index", "--embedder", "mine:embed") == "1 documents, 1 new embeddings\n"
    assert rag("index", "--embedder", "mine:embed") == "0 documents, 0 new embeddings\n"

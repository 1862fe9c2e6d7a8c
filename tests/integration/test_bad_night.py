"""What whoever is called at night sees of a `watch`: a line that says what to do, and then it goes on."""

import time

import pytest
from marks import minio_only


class Trouble:
    """Makes PostgreSQL refuse the table's rows with an SQLSTATE; counts how often it was asked."""

    def __init__(self, postgres, sqlstate):
        self.postgres = postgres
        postgres.sql(f"""
            CREATE SEQUENCE app.tries; GRANT ALL ON SEQUENCE app.tries TO tester;
            CREATE FUNCTION app.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                PERFORM nextval('app.tries');
                RAISE EXCEPTION 'could not extend file' USING ERRCODE = '{sqlstate}';
            END $$;
            CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON app.objects
            FOR EACH ROW EXECUTE FUNCTION app.refuse()""")

    def wait_for_tries(self, count, timeout_s=30):
        deadline = time.monotonic() + timeout_s
        while int(self.postgres.sql("SELECT last_value FROM app.tries")) < count:
            assert time.monotonic() < deadline, "it has given up"
            time.sleep(0.1)

    def end(self):
        self.postgres.sql("DROP TRIGGER refuse ON app.objects")


@minio_only
@pytest.mark.parametrize("sqlstate, says", [
    ("53100", "could not extend file: make room"),
    ("57P03", "could not extend file"),
], ids=["disk full", "not accepting"])
def test_a_database_that_refuses_for_a_while(bucket, watch, postgres, postgres_target, sqlstate, says):
    bucket.put("a", b"1")
    watching = watch(bucket.url, postgres_target, "--table", "app.objects", "--refresh-interval", "1s")
    watching.wait_for("ready")
    trouble = Trouble(postgres, sqlstate)
    bucket.put("a", b"2")
    watching.wait_for("error")
    trouble.wait_for_tries(3)
    trouble.end()
    watching.wait_for("upsert", "a")
    assert len(watching.events("error")) == 1, "each try was told"
    lines = [line for line in watching.end().splitlines() if "could not extend" in line]
    assert len(lines) == 1 and lines[0].endswith(says)
    assert postgres.sql("SELECT content FROM app.objects") == "2"

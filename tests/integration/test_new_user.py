"""The settings of somebody who begins: each works, or its one line says what to write instead.

The server is the scripted one, which verifies every signature with code of its own.
"""

import hashlib
import textwrap

import pytest
import table
from faulty import ACCESS, SECRET, URL, contents, program, stub  # noqa: F401

KEYS = f"aws_access_key_id = {ACCESS}\naws_secret_access_key = {SECRET}\n"
SSO = """
    [default]
    sso_session = corp
    sso_account_id = 1
    sso_role_name = reader
    [sso-session corp]
    sso_region = eu-west-1
    sso_start_url = https://corp.example/start
    """


@pytest.fixture
def aws(program):
    """Writes the AWS files, and takes all that AWS reads out of the environment."""
    folder = program.directory / "home" / ".aws"
    folder.mkdir()
    for name in [name for name in program.env if name.startswith("AWS_")]:
        del program.env[name]
    program.env["AWS_EC2_METADATA_DISABLED"] = "true"

    def write(config="", credentials=""):
        (folder / "config").write_text(textwrap.dedent(config))
        (folder / "credentials").write_text(textwrap.dedent(credentials))
        return folder
    return write


def test_a_shell_with_nothing_but_a_profile(stub, program, contents, aws, db):
    aws(f"[profile mine]\nendpoint_url = {stub.url}\nregion = us-east-1\n", f"[mine]\n{KEYS}")
    program.sync(URL, db, env={"AWS_PROFILE": "mine"})
    assert table.rows(db) == contents


def test_a_profile_whose_keys_a_program_prints(stub, program, contents, aws, db):
    answer = f'{{"Version":1,"AccessKeyId":"{ACCESS}","SecretAccessKey":"{SECRET}"}}'
    aws(f"[default]\nendpoint_url = {stub.url}\ncredential_process = echo '{answer}'\n")
    program.sync(URL, db)
    assert table.rows(db) == contents


CASES = {
    "a profile by another name": (
        2, "[profile mine]\n", "", {"AWS_PROFILE": "mien"}, "did you mean mine?"),
    "a profile without the word": (
        2, "[mine]\n", "", {"AWS_PROFILE": "mine"}, "write [profile mine] instead of [mine]"),
    "no keys": (1, "", "", {}, "no credentials found; set AWS_ACCESS_KEY_ID and"),
    "half a pair": (1, "", "", {"AWS_ACCESS_KEY_ID": ACCESS}, "AWS_SECRET_ACCESS_KEY is not"),
    "a region with a blank": (
        2, "", f"[default]\n{KEYS}", {"AWS_REGION": "eu west"}, "AWS_REGION: the region is no"),
    "an endpoint without scheme": (
        2, "[default]\nendpoint_url = minio.example.com:9000\n", f"[default]\n{KEYS}",
        {"AWS_ENDPOINT_URL": ""}, "write https://minio.example.com:9000"),
    "roles that go in a circle": (
        2, """
        [default]
        role_arn = arn:aws:iam::1:role/a
        source_profile = b
        [profile b]
        role_arn = arn:aws:iam::1:role/b
        source_profile = default
        """, "", {}, "source_profile goes in a circle: profile b comes back to default"),
    "a role of nobody": (
        2, "[default]\nrole_arn = arn:aws:iam::1:role/a\nsource_profile = nobody\n", "", {},
        "profile nobody is neither in"),
    "a program that prints rubbish": (
        1, "[default]\ncredential_process = echo hush hush\n", "", {}, "its output: line 1"),
    "a program that prints nothing": (
        1, "[default]\ncredential_process = true\n", "", {}, "it is empty"),
    "a program that fails": (
        1, "[default]\ncredential_process = sh -c 'echo the vault is shut >&2; exit 3'\n", "", {},
        "status 3: the vault is shut"),
    "a program that is not there": (
        1, "[default]\ncredential_process = /nowhere/tool\n", "", {},
        "/nowhere/tool: No such file"),
    "no token of SSO": (1, SSO, "", {}, "run: aws sso login --profile default"),
    "a stray line": (
        2, "", f"[default]\n{KEYS}oops, a stray line\n", {}, "credentials: line 4: no '='"),
    "a line before all sections": (2, "", f"hello\n[default]\n{KEYS}", {}, "credentials: line 1:"),
}


@pytest.mark.parametrize("code, config, credentials, env, words", CASES.values(), ids=CASES)
def test_a_mistake(stub, program, contents, aws, db, code, config, credentials, env, words):
    aws(config, credentials)
    line = program("sync", URL, db, exits=code,
                   env={"AWS_ENDPOINT_URL": stub.url, **env}).error()
    assert words in line and "hush" not in line
    assert stub.requests() == [] and not db.exists()


def test_a_token_of_sso_that_has_expired(stub, program, aws, db):
    cache = aws(SSO) / "sso" / "cache"
    cache.mkdir(parents=True)
    name = hashlib.sha1(b"corp").hexdigest()
    (cache / f"{name}.json").write_text(
        '{"accessToken": "hush", "expiresAt": "2020-01-01T00:00:00Z"}')
    line = program("sync", URL, db, exits=1, env={"AWS_ENDPOINT_URL": stub.url}).error()
    assert line.endswith("the SSO token has expired; run: aws sso login --profile default")

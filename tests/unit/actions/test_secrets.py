from __future__ import annotations

import os
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.secrets import Secrets, UnknownSecretError, is_reference

VALUE = st.text(st.characters(exclude_categories=["Cs"]), min_size=4, max_size=30)


def test_a_variable_wins_over_a_file_and_the_exact_name_over_the_upper_cased(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("from-file\r\n")
    assert Secrets(tmp_path, {}).resolve("secret:a") == "from-file"
    assert Secrets(tmp_path, {"ONESTACK_SECRET_A": "upper"}).resolve("secret:a") == "upper"
    both = {"ONESTACK_SECRET_A": "upper", "ONESTACK_SECRET_a": "exact"}
    assert Secrets(tmp_path, both).resolve("secret:a") == "exact"


def test_a_secret_is_read_when_it_is_asked_for(tmp_path: Path) -> None:
    environ: dict[str, str] = {}
    secrets = Secrets(tmp_path, environ)
    environ["ONESTACK_SECRET_NEW"] = "value-1"
    assert secrets.resolve("secret:new") == "value-1"
    assert secrets.redact("is value-1") == "is [secret]"
    (tmp_path / "f").write_text("value-2")
    assert secrets.resolve("secret:f") == "value-2"
    (tmp_path / "f").write_text("value-3")
    assert secrets.resolve("secret:f") == "value-3"
    assert secrets.redact("value-2 value-3") == "[secret] [secret]"


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "/etc/passwd", ".hidden", "a\n", "a\x00", "ä", "x" * 101]
)
def test_a_name_can_not_leave_the_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / ".hidden").write_text("hidden-value")
    (tmp_path.parent / "x").write_text("outside-value")
    with pytest.raises(UnknownSecretError):
        Secrets(tmp_path, {}).resolve("secret:" + name)


def test_an_organisations_own_secret_is_found_by_no_other(tmp_path: Path) -> None:
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "CHAT").write_text("chat-of-acme\n")
    (tmp_path / "CHAT").write_text("chat-of-all\n")
    (tmp_path / "acme" / "KEY").write_text("key-of-acme")
    secrets = Secrets(tmp_path, {"ONESTACK_SECRET_ENV": "env-of-all", "ONESTACK_SECRET_KEY": ""})
    assert secrets.redact("chat-of-acme key-of-acme") == "[secret] [secret]", "known from the start"
    assert secrets.resolve("secret:CHAT", "acme") == "chat-of-acme"
    assert secrets.resolve("secret:CHAT", "globex") == "chat-of-all"
    assert secrets.resolve("secret:ENV", "acme") == "env-of-all"
    for name, org in (("KEY", "globex"), ("KEY", None), ("acme/KEY", "globex"), ("KEY", "../acme"), ("KEY", "")):
        with pytest.raises(UnknownSecretError):
            secrets.resolve(f"secret:{name}", org)


def test_an_organisations_secret_wins_over_a_variable(tmp_path: Path) -> None:
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "KEY").write_text("own")
    assert Secrets(tmp_path, {"ONESTACK_SECRET_KEY": "of-all"}).resolve("secret:KEY", "acme") == "own"


def test_what_is_not_defined_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "large").write_bytes(b"x" * 70_000)
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for name in ("NOPE", "empty", "folder", "large", "binary"):
        with pytest.raises(UnknownSecretError, match=f"^secret {name} is not defined$"):
            Secrets(tmp_path, {"ONESTACK_SECRET_EMPTY": ""}).resolve("secret:" + name)
    with pytest.raises(UnknownSecretError):
        Secrets(tmp_path / "missing", {}).resolve("secret:x")


def test_linked_files_are_read_as_orchestrators_mount_them(tmp_path: Path) -> None:
    (tmp_path / "..data").mkdir()
    (tmp_path / "..data" / "tok").write_text("linked-value")
    (tmp_path / "tok").symlink_to(tmp_path / "..data" / "tok")
    assert Secrets(tmp_path, {}).resolve("secret:tok") == "linked-value"


def test_all_secrets_are_known_from_the_start(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("from-file")
    secrets = Secrets(tmp_path, {"ONESTACK_SECRET_A": "from-env", "ONESTACK_SECRETS_DIR": "/somewhere"}, ["the-token"])
    assert secrets.redact("from-file from-env the-token /somewhere") == "[secret] [secret] [secret] /somewhere"


def test_a_variable_that_is_no_text_does_no_harm() -> None:
    Secrets(None, {"ONESTACK_SECRET_A": os.fsdecode(b"\xff\xfe\xfd\xfc")}).redact("x")


def test_a_secret_within_another_does_not_show_the_rest_of_it() -> None:
    assert Secrets(None, {}, ["abcd", "abcdefgh"]).redact("abcdefgh abcd") == "[secret] [secret]"
    assert Secrets(None, {}, ["abcdefgh"]).redact("abcdefgh", ["abcd"]) == "[secret]"


def test_a_secret_url_is_hidden_in_the_parts_that_servers_quote() -> None:
    secrets = Secrets(None, {}, ["https://hooks.example/services/T0/B0/token?sig=0123456789abcdef"])
    for text in ("POST /services/T0/B0/token?sig=0123456789abcdef", "at /services/T0/B0/token", "sig=0123456789abcdef"):
        redacted = secrets.redact(text)
        assert "[secret]" in redacted
        assert "token" not in redacted
        assert "0123" not in redacted


@given(secret=VALUE, before=st.text(max_size=5), after=st.text(max_size=5))
def test_an_echoed_secret_is_found_in_any_json(secret: str, before: str, after: str) -> None:
    secrets = Secrets(None, {}, [secret])
    try:
        raw = orjson.dumps({before + secret: [secret, before + secret + after]})
    except TypeError:  # lone surrogates around it: no server can send them
        return
    assert secrets.may_be_in(raw)
    ((name, values),) = secrets.redact_json(orjson.loads(raw)).items()
    # The texts themselves: written as JSON they have escapes, whose digits may be anybody's secret.
    assert all(secret not in text.replace("[secret]", "") for text in (name, *values))


def test_a_reference_is_text_that_says_so() -> None:
    assert is_reference("secret:A")
    assert not is_reference("a secret:A")
    assert not is_reference(None)

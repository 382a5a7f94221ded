"""Files that `onestack validate` refuses: one sentence a fault, a non-zero exit code, and never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.main import run

GOOD = """\
id: wf
org: acme
version: 1
name: A workflow
state: enabled
trigger: {type: ticket.created}
steps:
  - {id: note, action: create_note, with: {body: "Hello {{ticket.title}}"}}
"""
LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 20)
)
BRANCH = "  - {id: b, if: {field: a, op: exists}, then: [{id: t, action: add_tag, with: {tag: x}}]}\n"
FILES: list[tuple[str, bytes, str]] = [
    ("billion laughs", LAUGHS.encode(), "more than 100,000 values, aliases expanded"),
    ("billion laughs in a definition", (GOOD + LAUGHS).encode(), "more than 100,000 values, aliases expanded"),
    ("alias of itself", b"a: &a [*a]\n", "the alias *a names no finished value before it"),
    ("python object", b"a: !!python/object/apply:os.system ['true']\n", "the tag 'tag:yaml.org,2002:python/object/"),
    ("python name", b"a: !!python/name:os.system\n", "the tag 'tag:yaml.org,2002:python/name:os.system' is not read"),
    ("own tag", b"a: !include secrets.yaml\n", "the tag '!include' is not read"),
    ("binary tag", b"a: !!binary aGVsbG8=\n", "is not read"),
    ("merge key", GOOD.encode() + b"<<: {name: x}\n", "merge keys (<<) are not read"),
    ("key twice", GOOD.encode() + b"id: again\n", "line 9: the key 'id' stands twice in one mapping"),
    ("tab as indentation", b"a:\n\tb: 1\n", "line 2: not YAML"),
    ("unclosed list", b"a: [1, 2\n", "not YAML"),
    ("unclosed quote", b'a: "x\n', "not YAML"),
    ("empty file", b"", "there is no document in it"),
    ("comment alone", b"# nothing yet\n", "there is no document in it"),
    ("a list", b"- id: wf\n", "a document is a mapping of fields, not a list"),
    ("a word", b"workflow\n", "a document is a mapping of fields, not a single value"),
    ("a mapping as key", b"{{a: 1}: 2}\n", "a key is a single word or text"),
    ("invalid utf-8", b"a: \xff\n", "line 1: not UTF-8 text"),
    ("NUL", b"a: x\x00y\n", "not YAML"),
    ("escaped NUL", GOOD.replace("A workflow", '"a\\0b"').encode(), "line 4: has a NUL character"),
    ("lone surrogate", GOOD.replace("A workflow", '"a\\ud800b"').encode(), "line 4: "),
    ("raw lone surrogate", b"a: \xed\xa0\x80\n", "not UTF-8 text"),
    ("nested 200 lists", b"a: " + b"[" * 200 + b"]" * 200, "nested deeper than 64 levels"),
    ("nested 100,000 lists", b"a: " + b"[" * 100_000, ""),
    ("huge number", GOOD.replace("version: 1", "version: " + "9" * 5000).encode(), "is too large"),
    ("2 MB", b"# " + b"x" * 2_000_000, "at most 1,000,000 are read"),
    ("700 kB definition", GOOD.encode() + b"description: " + b"x" * 700_000, "description: should have at most 4000"),
    ("truncated json", b'{"id": "wf"', "not YAML"),
    ("no version", GOOD.replace("version: 1\n", "").encode(), "version: is required"),
    ("version as text", GOOD.replace("version: 1", "version: '1'").encode(), "version: should be a whole number"),
    ("unknown action", GOOD.replace("create_note", "reboot").encode(), "steps[0].action: 'reboot' is not an action"),
    ("missing parameter", GOOD.replace("body:", "title:").encode(), "steps[0].with.body: is required"),
    ("loop", GOOD.replace("{{ticket.title}}", "{% for i in x %}").encode(), "steps[0].with.body: has '{%'"),
    ("attribute access", GOOD.replace("ticket.title", "ticket.__class__").encode(), "with.body: '__class__' is not"),
    ("unknown filter", GOOD.replace("title}}", "title | eval}}").encode(), "with.body: 'eval' is not a filter"),
    ("unclosed braces", GOOD.replace('title}}"', 'title"').encode(), "steps[0].with.body: has '{{' without '}}'"),
    ("branch", (GOOD + BRANCH.replace("if:", "when:")).encode(), "steps[1].if: is required"),
    ("delay", (GOOD + "  - {id: w, action: delay, with: {for: soon}}\n").encode(), "'soon' is not a duration"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "reason"), [one[1:] for one in FILES], ids=[one[0] for one in FILES])
def test_a_bad_file_is_refused_in_one_sentence(
    content: bytes, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.yaml").write_bytes(content)
    assert run(["validate", "bad.yaml"]) == 1
    told = capsys.readouterr()
    first, *_, last = told.err.splitlines()
    assert told.out == ""
    assert first.startswith("bad.yaml: ")
    assert reason in first
    assert len(first) < 600
    assert last.startswith("onestack: ")
    assert last.endswith(" refused.")
    assert "Traceback" not in told.err
    assert "internal error" not in told.err


def test_the_good_file_of_which_they_are_made_is_accepted(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(GOOD)
    assert run(["validate", str(tmp_path / "good.yaml")]) == 0


@pytest.mark.parametrize("command", ["validate", "publish"])
def test_a_billion_laughs_ends_the_command_with_code_1(command: str, tmp_path: Path) -> None:
    (tmp_path / "laughs.yaml").write_text(LAUGHS)
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", command, str(tmp_path / "laughs.yaml")],
        capture_output=True, text=True, check=False, timeout=100,
        env={**os.environ, "ONESTACK_BROKER": "127.0.0.1:1"},
    )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "aliases expanded" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["emit", "device.exploded", "--org", "acme"],
        ["emit", "device.offline", "--org", "a/b"],
        ["emit", "device.offline", "--org", "acme", "--data", "{"],
        ["emit", "device.offline", "--org", "acme", "--data", "[]"],
        ["emit", "device.offline", "--org", "acme", "--data", '{"device": {"id": 5}}'],
        ["emit", "device.offline", "--org", "acme", "--data", '{"device": {"id": "a", "online": "no"}}'],
        ["validate", "."],
        ["validate", "/dev/null"],
        ["validate", "not-there.yaml"],
    ],
    ids=" ".join,
)
def test_a_bad_command_line_is_one_sentence(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(arguments) in {1, 2}
    told = capsys.readouterr().err
    assert told.splitlines()[-1].startswith("onestack: ")
    assert "internal error" not in told
    assert "Traceback" not in told

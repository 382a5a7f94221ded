from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.lean import without


def test_what_is_hidden_is_not_there_within_and_there_again_after(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "this_is_hidden", raising=False)
    with pytest.raises(ImportError), without("this_is_hidden"):
        importlib.import_module("this_is_hidden")
    assert "this_is_hidden" not in sys.modules


def test_what_is_loaded_already_stays_so() -> None:
    with without("json"):
        assert importlib.import_module("json") is sys.modules["json"]
    assert sys.modules["json"] is not None


def test_a_worker_loads_nothing_of_what_it_does_not_use() -> None:
    script = "import sys, streams.launch, streams.worker; print([n for n in ('rich', 'yaml') if n in sys.modules])"
    root = Path(__file__).parents[3]
    told = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"

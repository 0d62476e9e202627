import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from IPython.core.history import HistoryManager
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from maskline.tokens import Keyring

SECRET = "alice.secret@example.com"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A policy, a keyring and a small database."""
    with sqlite3.connect(tmp_path / "shop.db") as connection:
        connection.executescript(
            "CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT, tier TEXT);"
            f"INSERT INTO customer VALUES (1, '{SECRET}', 'gold'), (2, NULL, '<b>silver</b>');"
        )
    connection.close()
    Keyring.generate().save(tmp_path / "keyring.json")
    (tmp_path / "policy.yaml").write_text(
        "version: 1\n"
        "keys: {file: keyring.json}\n"
        "sources:\n  shop: {url: 'sqlite:///shop.db'}\n"
        "labels:\n  shop:\n    main.customer: {id: PUBLIC, email: EMAIL_ADDRESS, tier: PUBLIC}\n"
        "audit: {path: audit}\n"
    )
    return tmp_path


@pytest.fixture
def shell(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    monkeypatch.chdir(folder)
    InteractiveShell.clear_instance()
    config = Config()
    config.HistoryManager.hist_file = ":memory:"
    # Here raw rows could be seen, and a sidecar takes a second to start. It has its own tests.
    config.Maskline.in_process = True
    shell = InteractiveShell.instance(config=config)
    assert isinstance(shell.history_manager, HistoryManager)
    shell.run_line_magic("load_ext", "maskline")
    yield shell
    shell.run_line_magic("unload_ext", "maskline")
    shell.history_manager.end_session()
    InteractiveShell.clear_instance()

"""The magic in a real kernel, as JupyterLab would start one."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import start_new_kernel

SECRET = "alice.secret@example.com"


@pytest.fixture
def kernel(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BlockingKernelClient]:
    monkeypatch.setenv("IPYTHONDIR", str(folder / "ipython"))
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(folder))
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)
    manager.cleanup_resources()


def run(client: BlockingKernelClient, code: str) -> list[dict]:
    """Run a cell and return everything that a notebook would store for it."""
    stored: list[dict] = []
    client.execute_interactive(code, timeout=60, output_hook=stored.append)
    return [message["content"] for message in stored]


def test_kernel_stores_masked_output_only(kernel: BlockingKernelClient) -> None:
    run(kernel, "%load_ext maskline\n%maskline connect shop")
    outputs = run(kernel, "%%maskedsql\nSELECT id, email FROM customer ORDER BY id")

    # Where the machine is slow, the progress that was shown before the answer is among them.
    pages = [content["data"]["text/html"] for content in outputs if "data" in content]
    assert "email_" in pages[-1]
    assert SECRET not in str(outputs)


def test_kernel_stores_no_frames_of_a_refusal(kernel: BlockingKernelClient) -> None:
    run(kernel, "%load_ext maskline\n%maskline connect shop")
    outputs = run(kernel, "%%maskedsql\nSELECT nosuch(email) FROM customer")

    [error] = [content for content in outputs if "traceback" in content]
    assert len(error["traceback"]) <= 3
    assert "The function nosuch" in "".join(error["traceback"])
    assert SECRET not in str(outputs)

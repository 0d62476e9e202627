"""The documentation is true."""

import inspect
import re
from pathlib import Path

import pytest

import maskline.hookspecs

ROOT = Path(__file__).parents[1]
# Folders that begin with a dot hold environments, with pages of other people.
ALL = [page for page in sorted(ROOT.rglob("*.md")) if "/." not in page.relative_to(ROOT).as_posix()]
ALL = [page for page in ALL if not page.relative_to(ROOT).as_posix().startswith(".")]
PAGES = [page for page in ALL if "docs" in page.parts and "```python" in page.read_text()]
HOOKS = [name for name in maskline.hookspecs.__all__ if name.startswith("maskline_")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_python_blocks_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)

    exec(compile("\n".join(blocks), page.name, "exec"), {"__name__": "__main__"})  # noqa: S102


@pytest.mark.parametrize("page", ALL, ids=lambda page: page.stem)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    prose = re.sub(r"^```.*?^```|`[^`\n]*`", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    links = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", prose)

    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_documented(hook: str) -> None:
    function = getattr(maskline.hookspecs, hook)
    result = re.sub(r"(\w+\.)+", "", str(inspect.signature(function)))
    first_line = (inspect.getdoc(function) or "").splitlines()[0]

    assert f"## `{hook}{result}`\n\n{first_line}" in (ROOT / "docs/reference/hooks.md").read_text()


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_tested(hook: str) -> None:
    pages = [*ROOT.glob("*/tests/test_*.py"), *ROOT.glob("*/*/tests/test_*.py")]
    tests = "".join(path.read_text() for path in pages)

    assert hook in tests


def test_no_page_promises_compliance() -> None:
    promise = re.compile(r"guarantees? compliance|fully compliant", re.IGNORECASE)

    assert [page.name for page in ALL if promise.search(page.read_text())] == []

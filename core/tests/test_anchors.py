"""Checkpoints of the audit log are copied to anchors that a policy names."""

import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from maskline import cli, hookimpl
from maskline._anchors import BUILTIN
from maskline._anchors.git import GitAnchor, GitAnchorType
from maskline.access import open_audit
from maskline.audit import SigningKey, verify
from maskline.errors import AuditError, PolicyError
from maskline.model import AccessEvent, OptionValue
from maskline.plugins import load_policy
from maskline.roles import AnchorType
from maskline.testing import check_anchor

KEY = "audit: {path: audit, key: audit.key, every: 2, anchors: %s}"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "evidence"
    path.mkdir()
    # What a hook of another repository would hand down.
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    git(path, "init", "--quiet")
    return path


@pytest.fixture
def policy(tmp_path: Path) -> Callable[[str], Path]:
    SigningKey.generate("example.com/audit").save(tmp_path / "audit.key")

    def write(anchors: str) -> Path:
        path = tmp_path / "policy.yaml"
        path.write_text(f"version: 1\n{KEY % anchors}\n")
        return path

    return write


def git(path: Path, *arguments: str) -> str:
    command = ["git", "-C", str(path), *arguments]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(path)}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return done.stdout


@pytest.mark.usefixtures("repository")
def test_a_policy_commits_checkpoints(
    policy: Callable[[str], Path], event: AccessEvent, repository: Path
) -> None:
    (repository.parent / "worm").mkdir()
    loaded, registry = load_policy(policy("[worm, {git: {path: evidence, folder: shop/audit}}]"))
    with open_audit(loaded, registry) as log:
        for _ in range(3):
            log.append(event)

    names = [f"shop/audit/00000000000{size}.checkpoint" for size in (2, 3)]
    assert git(repository, "ls-files").split() == names
    assert git(repository, "log", "--format=%s %an").splitlines() == [
        "Checkpoint of 3 records maskline",
        "Checkpoint of 2 records maskline",
    ]
    assert len(list((repository.parent / "worm").iterdir())) == 2
    notes = [(repository / name).read_text() for name in names]
    assert verify(log.path, checkpoints=notes).ok


def test_what_is_staged_and_hooks_stay_out_of_it(repository: Path) -> None:
    (repository / "other.txt").write_text("staged")
    git(repository, "add", "other.txt")
    hook = repository / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    anchor = GitAnchor(repository)
    for _ in range(2):
        anchor.put("note\n", size=7)

    assert git(repository, "ls-tree", "-r", "--name-only", "HEAD").split() == [
        "000000000007.checkpoint"
    ]
    assert git(repository, "diff", "--cached", "--name-only").split() == ["other.txt"]
    assert repr(anchor) == f"<GitAnchor: {repository}>"


def test_a_commit_that_was_cut_short_is_made_up_for(repository: Path) -> None:
    (repository / "000000000007.checkpoint").write_text("note\n")
    GitAnchor(repository).put("note\n", size=7)

    assert git(repository, "log", "--format=%s") == "Checkpoint of 7 records\n"


def test_without_a_repository_no_row_is_handed_out(
    policy: Callable[[str], Path], event: AccessEvent, tmp_path: Path
) -> None:
    (tmp_path / "plain").mkdir()
    loaded, registry = load_policy(policy("{git: {path: plain}}"))
    log = open_audit(loaded, registry)
    log.append(event)

    with pytest.raises(AuditError, match="CalledProcessError") as caught:
        log.append(event)
    assert caught.value.__context__ is None
    assert not (log.path / "checkpoint").exists()


@pytest.mark.parametrize(
    ("anchors", "problem"),
    [
        ("[a, {cvs: {}}]", "2:62: audit.anchors[1].cvs: There is no anchor `cvs`."),
        ("{git: {}}", "audit.anchors.git: The anchor git needs a path"),
        ("{git: {path: a, push: true}}", "The anchor git has no option push."),
        ("{git: {path: a, folder: ../b}}", "The folder of the anchor git is one below its path."),
        ("{git: {path: a}, other: {}}", "audit.anchors: This is no anchor."),
        ("[[a]]", "audit.anchors[0]: This is no anchor."),
        ("''", "audit.anchors: This is no anchor."),
        ("[]", "audit.anchors: This list must not be empty."),
    ],
)
def test_mistakes_are_reported(policy: Callable[[str], Path], anchors: str, problem: str) -> None:
    with pytest.raises(PolicyError) as caught:
        load_policy(policy(anchors))

    assert problem in "\n".join(map(str, caught.value.problems))


class Broken:
    name = "broken"

    def check(self, options: Mapping[str, OptionValue]) -> Sequence[str]:
        return [f"No option {name}." for name in options]

    def open(
        self, options: Mapping[str, OptionValue], *, resolve: Callable[[str], str]
    ) -> "Broken":
        return self

    def put(self, note: str, *, size: int) -> None:
        message = "canary"
        raise RuntimeError(message)

    @hookimpl
    def maskline_register_anchors(self) -> Sequence[AnchorType]:
        return [self]


def test_what_a_plugin_raises_stops_the_release_and_is_not_shown(
    policy: Callable[[str], Path], event: AccessEvent
) -> None:
    loaded, registry = load_policy(policy("{broken: {}}"), extra={"broken": Broken()})
    log = open_audit(loaded, registry)
    log.append(event)

    with pytest.raises(AuditError, match="The anchor Broken did not take") as caught:
        log.append(event)
    assert "canary" not in str(caught.value)
    assert caught.value.__context__ is None


def test_every_anchor_passes_its_check(repository: Path) -> None:
    assert [kind.name for kind in BUILTIN] == ["git"]
    check_anchor(GitAnchorType(), options={"path": str(repository)})
    with pytest.raises(AssertionError, match="anchor broken"):
        check_anchor(Broken())


def test_signing_by_hand_goes_to_the_anchors_too(
    policy: Callable[[str], Path], event: AccessEvent, repository: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    loaded, registry = load_policy(policy("{git: {path: evidence}}"))
    open_audit(loaded, registry).append(event)
    monkeypatch.chdir(loaded.path.parent)

    assert cli.main(["audit", "sign"]) == 0
    assert git(repository, "ls-files").split() == ["000000000001.checkpoint"]

import base64
import hashlib
import inspect
import json
import os
import pickle
import random
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from maskline import cli
from maskline.access import notary_of
from maskline.audit import (
    AuditLog,
    Notary,
    SigningKey,
    notes_in,
    prove,
    prove_growth,
    public_path,
    read,
    span,
    verify,
)
from maskline.audit.checkpoints import signed_in
from maskline.audit.signed import (
    Tree,
    is_signature,
    key_hash,
    leaf,
    read_checkpoint,
    split_notes,
)
from maskline.audit.verify import GENESIS, canonical, main, record_hash
from maskline.errors import AuditError, AuditIntegrityError, KeyringError, PolicyError
from maskline.model import AccessEvent, Outcome, Principal
from maskline.plugins import load_policy

VERIFIER = Path(inspect.getfile(verify))
NAME = "example.com/shop/audit"

# RFC 8032, section 7.1: the secret key, the public key, the message and the signature.
RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46"  # noqa: ISC004 - one number
        "bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8"  # noqa: ISC004 - one number
        "c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc65"  # noqa: ISC004 - one number
        "94a7c15e9716ed28dc027beceea1ec40a",
    ),
    (
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        hashlib.sha512(b"abc").hexdigest(),
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e03"  # noqa: ISC004 - one number
        "03dca179c138ac17ad9bef1177331a704",
    ),
]
# The reference tests of Certificate Transparency, RFC 6962: the leaves, and the root after each.
LEAVES = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
# The example of C2SP signed-note: the key, the text, and the signature.
C2SP_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
C2SP_TEXT = "This is an example message.\n"
C2SP_SIGNATURE = (
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM="
)
# A key of Go's package golang.org/x/mod/sumdb/note, and what it signs.
GO_KEY = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_PUBLIC = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n\n"
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngot"
    "pRZb6KE6RyyBwJnAM=\n"
)


@pytest.fixture
def event() -> AccessEvent:
    return AccessEvent(
        query_id="0b2f1a4e-6c1d-4f7e-9a51-3d2b7f0c9e11",
        time="2026-03-01T12:00:00.000001Z",
        outcome=Outcome.ANSWERED,
        principal=Principal(kind="agent", id="bot"),
        purpose="chargeback",
        source="shop",
        namespace="postgres://db:5432",
        dialect="postgres",
        sql="SELECT email FROM customer",
        fingerprint="ab" * 32,
        decision="commuting",
        policy_hash="cd" * 32,
    )


@pytest.fixture(scope="session")
def key() -> SigningKey:
    return SigningKey.generate(NAME)


@pytest.fixture
def anchor(tmp_path: Path) -> Path:
    path = tmp_path / "anchor.txt"
    path.touch()
    return path


@pytest.fixture
def notary(key: SigningKey, anchor: Path) -> Notary:
    return Notary(key=key, every=4, anchors=(anchor,))


@pytest.fixture
def log(tmp_path: Path, event: AccessEvent, notary: Notary) -> Iterator[AuditLog]:
    """Ten records in several segments, signed after 4, 8 and 10."""
    with AuditLog.open(tmp_path / "audit", notary=notary, segment_bytes=2_500) as log:
        for number in range(10):
            log.append(replace(event, time=f"2026-03-{number + 1:02d}T00:00:00Z"))
    return log


def lines_of(directory: Path) -> list[bytes]:
    return [
        line
        for path in sorted(directory.glob("audit-*.jsonl"))
        for line in path.read_bytes().splitlines(keepends=True)
    ]


def write_lines(directory: Path, lines: list[bytes]) -> None:
    for path in directory.glob("audit-*.jsonl"):
        path.unlink()
    (directory / "audit-000001.jsonl").write_bytes(b"".join(lines))


def chained(lines: list[bytes]) -> list[bytes]:
    """Write the chain anew, as somebody would who may write to the directory."""
    prev, made = GENESIS, []
    for seq, line in enumerate(lines, start=1):
        record = {**json.loads(line), "seq": seq, "prev": prev}
        record["hash"] = prev = record_hash(record)
        made.append(canonical(record) + b"\n")
    return made


def found(log: Path, notes: list[str], key: SigningKey) -> set[str]:
    result = verify(log, checkpoints=notes, public_keys=key.public)
    return {finding.what for finding in result.findings}


# Vectors.


@pytest.mark.parametrize(("secret", "public", "message", "signature"), RFC_8032)
def test_signatures_of_rfc_8032_are_right(
    secret: str, public: str, message: str, signature: str
) -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret))
    said, signed = bytes.fromhex(message), bytes.fromhex(signature)

    assert key.sign(said) == signed
    assert is_signature(bytes.fromhex(public), said, signed)
    assert not is_signature(bytes.fromhex(public), said + b"x", signed)


@given(st.binary(max_size=40), st.integers(0, 767))
def test_one_wrong_bit_makes_a_signature_wrong(message: bytes, bit: int) -> None:
    key = Ed25519PrivateKey.generate()
    whole = bytearray(key.public_key().public_bytes_raw() + key.sign(message))
    assert is_signature(bytes(whole[:32]), message, bytes(whole[32:]))

    whole[bit // 8] ^= 1 << bit % 8

    assert not is_signature(bytes(whole[:32]), message, bytes(whole[32:]))


def test_signatures_in_another_spelling_are_wrong() -> None:
    _, public, message, signature = (bytes.fromhex(part) for part in RFC_8032[1])
    order = 2**252 + 27742317777372353535851937790883648493
    factor = int.from_bytes(signature[32:], "little") + order

    assert not is_signature(public, message, signature[:32] + factor.to_bytes(32, "little"))
    assert not is_signature(public, message, signature[:-1])
    assert not is_signature(public, message, signature + b"\0")
    assert not is_signature(public[:-1], message, signature)
    assert not is_signature(b"\xff" * 32, message, signature)
    assert not is_signature((1 | 1 << 255).to_bytes(32, "little"), message, signature)


def test_roots_are_those_of_rfc_6962() -> None:
    tree = Tree()
    roots = [tree.root().hex()]
    for data in LEAVES:
        tree.add(leaf(bytes.fromhex(data)))
        roots.append(tree.root().hex())

    assert roots == ROOTS


def merkle(leaves: list[bytes]) -> bytes:
    """The definition of RFC 6962, section 2.1, as it stands there."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + merkle(leaves[:split]) + merkle(leaves[split:])).digest()


def test_any_runs_make_the_whole_tree() -> None:
    leaves = [leaf(b"%d" % number) for number in range(70)]
    for size in (1, 2, 3, 5, 8, 13, 31, 32, 33, 64, 70):
        for begin in range(size + 1):
            for end in range(begin, size + 1, 7):
                whole = Tree()
                for start, stop in ((0, begin), (begin, end), (end, size)):
                    part = Tree(start)
                    for each in leaves[start:stop]:
                        part.add(each)
                    assert whole.extend(part.hashes, stop)

                assert whole.root() == merkle(leaves[:size])


def test_a_run_with_another_number_of_hashes_is_refused() -> None:
    tree, digest = Tree(), b"x" * 32

    assert not tree.extend([digest], 3)
    assert not tree.extend([digest] * 3, 3)
    assert not tree.extend([digest, b"x"], 3)
    assert tree.extend([digest] * 2, 3)
    assert not tree.extend([], 2)
    assert tree.end == 3


def test_the_key_hash_is_that_of_c2sp() -> None:
    name, known_by, encoded = C2SP_KEY.split("+", 2)

    assert key_hash(name, base64.b64decode(encoded)[1:]).hex() == known_by


def test_a_key_of_another_program_signs_the_same_note(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(f"{GO_KEY}\n")
    path.chmod(0o600)
    key = SigningKey.load(path)

    assert key.public == GO_PUBLIC
    assert key.sign(GO_NOTE.partition("\n\n")[0] + "\n") == GO_NOTE


def test_notes_are_told_apart() -> None:
    notes = [f"{C2SP_TEXT}\n\u2014 example.com/foo {C2SP_SIGNATURE}\n", GO_NOTE]

    assert split_notes("\n".join(notes)) == notes
    assert split_notes("torn\n\n" + "\n".join(notes) + "\nmore") == [*notes, "torn\n\n\n\nmore"]
    assert split_notes("") == []


# Keys.


def test_a_key_is_for_its_owner_and_its_public_key_for_all(tmp_path: Path, key: SigningKey) -> None:
    path = tmp_path / "audit.key"
    key.save(path)
    again = SigningKey.load(path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(public_path(path).stat().st_mode) == 0o644
    assert public_path(path).read_text() == f"{key.public}\n"
    assert (again.name, again.public) == (NAME, key.public)
    assert again.sign("a\n") == key.sign("a\n")


def test_a_key_that_is_there_stays(tmp_path: Path, key: SigningKey) -> None:
    path = tmp_path / "audit.key"
    path.write_text("mine")
    with pytest.raises(KeyringError, match="exists"):
        key.save(path)
    assert (path.read_text(), public_path(path).exists()) == ("mine", False)

    path.rename(public_path(path))
    with pytest.raises(KeyringError, match="exists"):
        key.save(path)
    assert not path.exists()


def test_what_is_no_key_is_refused(tmp_path: Path, key: SigningKey) -> None:
    path = tmp_path / "audit.key"
    key.save(path)
    text = path.read_text()
    other = SigningKey.generate("other")
    for wrong in (
        "",
        key.public,
        text.replace("example", "sample"),
        text.replace("PRIVATE+", ""),
        text.replace(NAME, other.name),
        text[:-10],
        text + "x",
        "canary",
    ):
        path.write_text(wrong)
        with pytest.raises(KeyringError, match="damaged") as caught:
            SigningKey.load(path)
        assert "canary" not in str(caught.value)
        assert caught.value.hint

    path.write_text(text)
    path.chmod(0o644)
    with pytest.raises(KeyringError, match="other users"):
        SigningKey.load(path)
    with pytest.raises(KeyringError, match="cannot be opened") as caught:
        SigningKey.load(tmp_path / "nowhere")
    assert "create-key" in caught.value.hint


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "x" * 129, "\u2014"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(KeyringError, match="not a name"):
        SigningKey.generate(name)


def test_a_key_stays_where_it_is(tmp_path: Path, key: SigningKey) -> None:
    path = tmp_path / "audit.key"
    key.save(path)
    private = path.read_text().split("+", 4)[-1].strip()
    notary = Notary(key=SigningKey.load(path))

    assert private not in repr(key) + repr(notary)
    with pytest.raises(KeyringError, match="pickled"):
        pickle.dumps(key)


# Signing.


def test_checkpoints_are_signed_as_records_come_and_at_the_end(
    log: AuditLog, anchor: Path, key: SigningKey
) -> None:
    checkpoints = [read_checkpoint(note, key.public) for note in notes_in(anchor)]
    newest = read_checkpoint((log.path / "checkpoint").read_text(), key.public)
    lines = lines_of(log.path)

    assert [each.size for each in checkpoints if each] == [4, 8, 10]
    assert newest == checkpoints[-1]
    assert newest.origin == NAME
    assert newest.root == merkle([leaf(line) for line in lines])
    assert newest.head == json.loads(lines[-1])["hash"]
    assert (log.path / newest.segment).stat().st_size == newest.offset


def test_a_checkpoint_is_spelt_as_c2sp_says(log: AuditLog) -> None:
    lines = (log.path / "checkpoint").read_text().split("\n")

    assert lines[:2] == [NAME, "10"]
    assert len(base64.b64decode(lines[2])) == 32
    assert [line.split()[0] for line in lines[3:7]] == ["time", "head", "end", "range"]
    assert lines[7] == ""
    assert lines[8].startswith(f"\u2014 {NAME} ")
    assert lines[9:] == [""]
    assert stat.S_IMODE((log.path / "checkpoint").stat().st_mode) == 0o644


def test_a_signed_log_is_whole(log: AuditLog, anchor: Path, key: SigningKey) -> None:
    result = verify(log.path, checkpoints=notes_in(anchor), public_keys=key.public)

    assert result.ok
    assert (result.signed, result.records, result.pruned) == (10, 10, 0)
    assert verify(log.path, checkpoints=notes_in(anchor)).ok
    assert verify(log.path).signed == 0


def test_records_after_the_checkpoint_are_chained_only(
    log: AuditLog, event: AccessEvent, key: SigningKey
) -> None:
    log.append(event)
    result = verify(log.path, public_keys=key.public)

    assert (result.ok, result.signed, result.records) == (True, 10, 11)


def test_a_log_without_a_notary_has_no_checkpoint(tmp_path: Path, event: AccessEvent) -> None:
    with AuditLog.open(tmp_path, notary=None) as log:
        log.append(event)
        log.sign()

    assert {path.name for path in tmp_path.iterdir()} == {"audit.lock", "audit-000001.jsonl"}


def test_a_log_that_only_was_looked_at_is_not_signed(
    tmp_path: Path, event: AccessEvent, notary: Notary, anchor: Path
) -> None:
    AuditLog.open(tmp_path / "audit").append(event)
    AuditLog.open(tmp_path / "audit", notary=notary).close()

    assert anchor.read_text() == ""


def test_a_log_that_was_not_signed_is_signed_as_a_whole(
    tmp_path: Path, event: AccessEvent, notary: Notary, key: SigningKey
) -> None:
    unsigned = AuditLog.open(tmp_path / "audit")
    for _ in range(3):
        unsigned.append(event)
    log = AuditLog.open(tmp_path / "audit", notary=notary)
    log.sign()
    log.sign()

    assert verify(log.path, public_keys=key.public).signed == 3


def test_a_minute_is_enough_for_a_checkpoint(
    tmp_path: Path, event: AccessEvent, notary: Notary, anchor: Path, monkeypatch
) -> None:
    log = AuditLog.open(tmp_path / "audit", notary=replace(notary, every=1_000))
    log.append(event)
    monkeypatch.setattr("maskline.audit.checkpoints._SECONDS", 0.0)
    log.append(event)

    assert [read_checkpoint(note).size for note in notes_in(anchor)] == [2]


def test_two_writers_do_not_sign_the_same_twice(
    tmp_path: Path, event: AccessEvent, notary: Notary, anchor: Path, key: SigningKey
) -> None:
    logs = [AuditLog.open(tmp_path / "audit", notary=notary) for _ in range(2)]
    for number in range(16):
        logs[number % 2].append(event)
    for log in logs:
        log.close()

    assert [read_checkpoint(note).size for note in notes_in(anchor)] == [4, 8, 12, 16]
    assert verify(tmp_path / "audit", public_keys=key.public).signed == 16


def test_a_torn_tail_is_no_part_of_the_tree(
    log: AuditLog, event: AccessEvent, key: SigningKey, notary: Notary, anchor: Path
) -> None:
    segments = sorted(log.path.glob("audit-*.jsonl"))
    with segments[-1].open("ab") as file:
        file.write(b'{"event":{"time":"20')
    with AuditLog.open(log.path, notary=notary) as again:
        again.sign()
        again.append(event)
    result = verify(log.path, checkpoints=notes_in(anchor), public_keys=key.public)

    assert result.ok
    assert (result.signed, len(result.recoveries)) == (12, 1)


def test_a_folder_gets_a_file_for_each_checkpoint(
    tmp_path: Path, event: AccessEvent, key: SigningKey
) -> None:
    folder = tmp_path / "worm"
    folder.mkdir()
    notary = Notary(key=key, every=2, anchors=(folder,))
    with AuditLog.open(tmp_path / "audit", notary=notary) as log:
        for _ in range(5):
            log.append(event)

    assert sorted(path.name for path in folder.iterdir()) == [
        f"00000000000{size}.checkpoint" for size in (2, 4, 5)
    ]
    assert verify(log.path, checkpoints=notes_in(folder), public_keys=key.public).ok


def test_an_anchor_that_is_gone_refuses_until_it_is_back(
    tmp_path: Path, event: AccessEvent, key: SigningKey, anchor: Path
) -> None:
    gone = tmp_path / "gone"
    notary = Notary(key=key, every=2, anchors=(anchor, gone))
    log = AuditLog.open(tmp_path / "audit", notary=notary)
    log.append(event)
    for _ in range(2):
        with pytest.raises(AuditError, match="ENOENT") as caught:
            log.append(event)
        assert caught.value.__context__ is None
    assert not (log.path / "checkpoint").exists()
    gone.touch()
    log.append(event)

    assert [read_checkpoint(note).size for note in notes_in(gone)] == [4]
    assert verify(log.path, checkpoints=notes_in(anchor), public_keys=key.public).signed == 4


def test_an_anchor_that_has_a_checkpoint_is_not_asked_twice(
    tmp_path: Path, event: AccessEvent, key: SigningKey
) -> None:
    folder, gone = tmp_path / "worm", tmp_path / "gone"
    folder.mkdir()
    notary = Notary(key=key, every=1, anchors=(folder, gone))
    log = AuditLog.open(tmp_path / "audit", notary=notary)
    with pytest.raises(AuditError, match="ENOENT"):
        log.append(event)
    [first] = notes_in(folder)
    gone.touch()
    log.sign()

    assert notes_in(folder) == [first]
    assert len(notes_in(gone)) == 1


def test_a_full_anchor_refuses_and_is_as_it_was(
    log: AuditLog, event: AccessEvent, anchor: Path
) -> None:
    before = anchor.read_bytes()
    log.append(event)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for room, code in ((0, "EFBIG"), (100, "ENOSPC")):
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + room, hard))
        try:
            with pytest.raises(AuditError, match=code):
                log.sign()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert anchor.read_bytes() == before

    log.sign()
    assert len(notes_in(anchor)) == 4


def test_a_checkpoint_that_cannot_be_kept_refuses(
    tmp_path: Path, event: AccessEvent, key: SigningKey
) -> None:
    log = AuditLog.open(tmp_path / "audit", notary=Notary(key=key, every=1))
    (log.path / "checkpoint").symlink_to(tmp_path / "nowhere" / "file")
    with pytest.raises(AuditError, match="cannot be written") as caught:
        log.append(event)

    assert caught.value.hint


# What a log refuses to go on with.


def test_a_log_shorter_than_its_checkpoint_is_refused(
    log: AuditLog, event: AccessEvent, notary: Notary
) -> None:
    write_lines(log.path, lines_of(log.path)[:7])

    with pytest.raises(AuditIntegrityError, match="record 7, and 10 records"):
        AuditLog.open(log.path, notary=notary)
    log.append(event)
    with pytest.raises(AuditIntegrityError, match="record 8, and 10 records"):
        log.sign()


def test_a_checkpoint_of_another_key_is_refused(log: AuditLog, anchor: Path) -> None:
    other = Notary(key=SigningKey.generate(NAME), anchors=(anchor,))

    with pytest.raises(AuditIntegrityError, match="its key has signed"):
        AuditLog.open(log.path, notary=other)


def test_records_missing_since_the_checkpoint_are_refused(
    log: AuditLog, event: AccessEvent, notary: Notary
) -> None:
    with AuditLog.open(log.path) as unsigned:
        for _ in range(3):
            unsigned.append(event)
    lines = lines_of(log.path)
    lines[11] = b"no record\n"
    write_lines(log.path, lines)
    (log.path / "checkpoint").unlink()
    del lines[11]
    write_lines(log.path, lines)

    with pytest.raises(AuditIntegrityError, match="not all there"):
        AuditLog.open(log.path, notary=notary).sign()


# Mutations: whoever may write to the directory does, and the auditor has an older checkpoint.


def mutations(lines: list[bytes], at: int) -> Iterator[tuple[str, list[bytes]]]:
    yield "edited", [*lines[:at], lines[at].replace(b"chargeback", b"research"), *lines[at + 1 :]]
    yield "dropped", [*lines[:at], *lines[at + 1 :]]
    yield "repeated", [*lines[: at + 1], *lines[at:]]
    if at:
        yield "swapped", [*lines[: at - 1], lines[at], lines[at - 1], *lines[at + 1 :]]
    yield "cut", lines[:at]


LARGE = (1_000, 10_000) if os.environ.get("MASKLINE_AUDIT_MUTATIONS") else ()
SIZES = [
    1,
    2,
    3,
    7,
    16,
    *(pytest.param(size, marks=pytest.mark.slow) for size in (33, 100, *LARGE)),
]


@pytest.mark.parametrize("size", SIZES)
def test_every_mutation_is_found_against_an_older_checkpoint(
    tmp_path: Path, event: AccessEvent, key: SigningKey, size: int
) -> None:
    notary = Notary(key=key, every=2**30)
    first = AuditLog.open(tmp_path / "audit")
    first.append(event)
    [line] = lines_of(first.path)
    lines = chained([line.replace(b"chargeback", b"chargeback%d" % n) for n in range(size)])
    write_lines(first.path, lines)
    AuditLog.open(first.path, notary=notary).sign()
    noted = (first.path / "checkpoint").read_text()
    (first.path / "checkpoint").unlink()
    # The log has grown since.
    later = chained([*lines, line, line])
    assert later[:size] == lines
    choice = random.Random(size)  # noqa: S311 - places, not keys
    places = range(size) if size <= 33 else sorted(choice.sample(range(size), 33))
    for at in places:
        for kind, mutated in mutations(later, at):
            write_lines(first.path, mutated)
            assert found(first.path, [noted], key), (kind, at)

            # A copy of the last record after it, chained, is one more event and no mutation.
            if (kind, at) != ("repeated", size - 1):
                write_lines(first.path, chained(mutated))
                assert found(first.path, [noted], key) == {"not what was signed"}, (kind, at)
    write_lines(first.path, later)
    assert found(first.path, [noted], key) == set()


def test_an_emptied_directory_is_found(log: AuditLog, anchor: Path, key: SigningKey) -> None:
    notes = notes_in(anchor)
    for path in log.path.iterdir():
        path.unlink()

    assert found(log.path, notes, key) == {"not what was signed"}
    assert found(log.path.parent / "nowhere", notes, key) == {"unreadable", "not what was signed"}


def test_forged_checkpoints_are_found(log: AuditLog, key: SigningKey) -> None:
    note = (log.path / "checkpoint").read_text()
    text, _, _ = note.partition("\n\n")
    other = SigningKey.generate(NAME)
    namesake = SigningKey.generate("example.com/other")
    forged = [
        note.replace("\n10\n", "\n11\n"),
        note.replace("time 2", "time 1"),
        note.replace(f"\u2014 {NAME}", "\u2014 example.com"),
        other.sign(f"{text}\n"),
        namesake.sign(f"{text}\n"),
        namesake.sign(f"{text}\n".replace(NAME, namesake.name)),
        key.sign(f"{text}\n".replace(NAME, namesake.name)),
        key.sign(f"{text}\n".replace("\n10\n", "\n13\n")),
        key.sign(f"{text}\n".replace("\n10\n", "\n010\n")),
        f"{text}\n",
        "",
    ]

    assert found(log.path, [note], key) == set()
    for each in forged:
        assert each != note
        assert found(log.path, [each], key) == {"bad checkpoint"}, each
    assert found(log.path, [note], other) == {"bad checkpoint"}
    assert found(log.path, [note], SimpleNamespace(public="nonsense + x+y+z")) == {"bad checkpoint"}


def test_several_public_keys_may_be_given_and_others_may_have_signed(
    log: AuditLog, key: SigningKey
) -> None:
    note = (log.path / "checkpoint").read_text()
    witness = SigningKey.generate("witness")
    signed_twice = note + witness.sign(note.partition("\n\n")[0] + "\n").rpartition("\n\n")[2]
    keys = f"{witness.public}\n{key.public}\n"

    assert verify(log.path, checkpoints=[signed_twice], public_keys=keys).ok


def test_a_signature_that_claims_to_be_by_the_key_decides(log: AuditLog, key: SigningKey) -> None:
    note = (log.path / "checkpoint").read_text()
    text, _, signature = note.rpartition("\n\n")
    wrong = key.sign("other\n").rpartition("\n\n")[2]

    assert read_checkpoint(f"{text}\n\n{signature}{wrong}", key.public) is not None
    assert read_checkpoint(f"{text}\n\n{wrong}{signature}", key.public) is None


def test_a_checkpoint_whose_range_does_not_make_its_root_is_none(
    log: AuditLog, key: SigningKey
) -> None:
    text = (log.path / "checkpoint").read_text().partition("\n\n")[0]
    head, _, hashes = text.rpartition("range ")
    turned = " ".join(reversed(hashes.split()))

    assert read_checkpoint(key.sign(f"{head}range {hashes}\n")) is not None
    assert read_checkpoint(key.sign(f"{head}range {turned}\n")) is None
    assert read_checkpoint(key.sign(f"{head}range {hashes} {hashes}\n")) is None


# Proofs.


def proof(path: Path, lines: Iterator[bytes]) -> Path:
    place = path.with_name("proof.jsonl")
    place.write_bytes(b"".join(lines))
    return place


@pytest.mark.parametrize(("first", "last"), [(1, 1), (1, 10), (4, 7), (10, 10), (7, 6), (11, 10)])
def test_a_proof_is_checked_without_the_log(
    log: AuditLog, key: SigningKey, first: int, last: int
) -> None:
    lines = lines_of(log.path)
    place = proof(log.path, prove(log.path, first, last))
    for path in log.path.iterdir():
        path.unlink()
    result = verify(place, public_keys=key.public)

    assert result.findings == ()
    assert (result.ok, result.signed, result.records) == (True, 10, last - first + 1)
    assert place.read_bytes().splitlines(keepends=True)[1:] == lines[first - 1 : last]


def test_a_proof_without_a_public_key_proves_nothing(log: AuditLog) -> None:
    result = verify(proof(log.path, prove(log.path, 3, 3)))

    assert [finding.what for finding in result.findings] == ["bad checkpoint"]


def test_a_changed_proof_is_found(log: AuditLog, key: SigningKey) -> None:
    place = proof(log.path, prove(log.path, 4, 7))
    head, *records = place.read_bytes().splitlines(keepends=True)
    whole = json.loads(head)

    def written(change: dict[str, object], lines: list[bytes]) -> set[str]:
        place.write_bytes(b"".join([json.dumps({**whole, **change}).encode() + b"\n", *lines]))
        return found(place, [], key)

    edited = chained([records[1].replace(b"chargeback", b"research")])[0]
    assert written({}, records) == set()
    for lines in (
        [records[0], edited, *records[2:]],
        records[1:],
        records[:-1],
        [*records, records[-1]],
        [records[1], records[0], *records[2:]],
        [],
    ):
        assert "not what was signed" in written({}, lines)
    for change in ({"first": 5}, {"left": []}, {"left": whole["left"][::-1]}, {"right": []}):
        assert written(change, records) & {"not what was signed", "unreadable"}
    for change in (
        {"first": "x"},
        {"first": None},
        {"first": float("inf")},
        {"first": 0},
        {"left": 3},
        {"left": [3]},
        {"left": [*whole["left"][:-1], whole["left"][-1][:-4]]},
    ):
        assert "unreadable" in written(change, records)
    assert "bad checkpoint" in written({"note": "x"}, records)
    place.write_bytes(b"[" * 100_000 + b"\n")
    assert found(place, [], key) == {"unreadable"}
    place.write_bytes(b"{}\n")
    assert found(place, [], key) == {"unreadable"}


def test_growth_is_proved_from_an_older_checkpoint(
    log: AuditLog, anchor: Path, key: SigningKey
) -> None:
    older = notes_in(anchor)[0]
    place = proof(log.path, prove_growth(log.path, older))
    other = key.sign("x\n")

    assert verify(place, checkpoints=[older], public_keys=key.public).ok
    assert len(place.read_bytes().splitlines()) == 1
    assert found(place, [notes_in(anchor)[1]], key) == {"not what was signed"}
    with pytest.raises(AuditError, match="not a checkpoint"):
        prove_growth(log.path, other)


def test_growth_cannot_be_proved_if_the_log_was_written_anew(
    log: AuditLog, anchor: Path, key: SigningKey, notary: Notary
) -> None:
    older = notes_in(anchor)[0]
    lines = lines_of(log.path)
    write_lines(log.path, chained([lines[1], *lines[1:]]))
    (log.path / "checkpoint").unlink()
    AuditLog.open(log.path, notary=notary).sign()
    place = proof(log.path, prove_growth(log.path, older))

    assert found(place, [older], key) == {"not what was signed"}


def test_what_is_not_signed_cannot_be_proved(log: AuditLog, event: AccessEvent) -> None:
    log.append(event)
    assert len(list(prove(log.path, 1, 10))) == 11
    for first, last in ((11, 11), (0, 1), (5, 12), (8, 3)):
        with pytest.raises(AuditError, match="records 1 to 10 can"):
            prove(log.path, first, last)

    write_lines(log.path, chained(lines_of(log.path)[1:]))
    with pytest.raises(AuditIntegrityError, match="not what was signed"):
        prove(log.path, 1, 1)
    (log.path / "checkpoint").write_text("x")
    with pytest.raises(AuditError, match="cannot be proved"):
        prove(log.path, 1, 1)
    (log.path / "checkpoint").unlink()
    with pytest.raises(AuditError, match="no checkpoint that can be read"):
        prove(log.path, 1, 1)


def test_the_events_of_a_time_are_counted(log: AuditLog) -> None:
    assert span(log.path, "2026-03-03", "2026-03-06") == (3, 5)
    assert span(log.path, "", "9") == (1, 10)
    assert span(log.path, "2027", "9") == (1, 0)


# Retention.


def test_whole_segments_are_removed_and_the_rest_still_verifies(
    log: AuditLog, anchor: Path, key: SigningKey, event: AccessEvent
) -> None:
    before = len(list(log.path.glob("audit-*.jsonl")))
    old = proof(log.path, prove(log.path, 2, 2)).rename(log.path.with_name("old.jsonl"))
    gone = log.prune(datetime(2026, 3, 6, tzinfo=UTC))
    log.append(event)
    log.close()
    result = verify(log.path, checkpoints=notes_in(anchor), public_keys=key.public)
    left = [record["seq"] for record in read(log.path)]

    assert 0 < gone < 6
    assert result.findings == ()
    assert (result.pruned, result.signed, result.head_seq) == (gone, 12, 12)
    assert left == [*range(gone + 1, 11), 12]
    assert len(list(log.path.glob("audit-*.jsonl"))) < before
    told = [json.loads(line)["event"] for line in lines_of(log.path) if b'"pruned"' in line]
    assert [(each["pruned"]["records"], each["pruned"]["before"]) for each in told] == [
        (gone, "2026-03-06T00:00:00.000000Z")
    ]
    assert verify(old, public_keys=key.public).ok
    assert verify(proof(log.path, prove(log.path, gone + 1, 11)), public_keys=key.public).ok
    with pytest.raises(AuditError, match=f"records {gone + 1} to 12 can"):
        prove(log.path, gone, gone)


def test_a_pruned_log_may_be_pruned_again(log: AuditLog, key: SigningKey, anchor: Path) -> None:
    first = log.prune(datetime(2026, 3, 4, tzinfo=UTC))
    second = log.prune(datetime(2026, 3, 8, tzinfo=UTC))
    third = log.prune(datetime(2026, 3, 8, tzinfo=UTC))

    assert 0 < first < second < 8
    assert third == 0
    # What was signed before the records that are left can no longer be compared.
    assert min(read_checkpoint(note).size for note in notes_in(anchor)) < second
    assert verify(log.path, checkpoints=notes_in(anchor), public_keys=key.public).ok


def test_all_segments_before_an_empty_one_may_go(log: AuditLog, key: SigningKey) -> None:
    (log.path / "audit-000009.jsonl").touch()
    gone = log.prune(datetime(2100, 1, 1, tzinfo=UTC))
    result = verify(log.path, public_keys=key.public)

    assert (gone, result.findings, result.head_seq) == (10, (), 11)


def test_two_who_prune_at_once_do_not_undo_one_another(
    log: AuditLog, key: SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = log._checkpoints.removable("2026-03-04")
    gone = log.prune(datetime(2026, 3, 8, tzinfo=UTC))
    monkeypatch.setattr(log._checkpoints, "removable", lambda _: small)

    assert 0 < small.size < gone
    assert log.prune(datetime(2026, 3, 4, tzinfo=UTC)) == 0
    assert verify(log.path, public_keys=key.public).pruned == gone


def test_a_checkpoint_that_is_no_removal_hides_no_removal(log: AuditLog, key: SigningKey) -> None:
    newest = read_checkpoint((log.path / "checkpoint").read_text())
    for path in log.path.glob("audit-*.jsonl"):
        path.unlink()
    (log.path / "checkpoint").rename(log.path / "pruned")

    assert newest.size == 10
    assert "bad checkpoint" in found(log.path, [], key)


def test_the_last_segment_stays(log: AuditLog, key: SigningKey) -> None:
    gone = log.prune(datetime(2100, 1, 1, tzinfo=UTC))

    assert 0 < gone < 10
    assert verify(log.path, public_keys=key.public).ok
    assert log.prune(datetime(2000, 1, 1, tzinfo=UTC)) == 0


def test_removal_without_a_signature_is_found(log: AuditLog, key: SigningKey) -> None:
    log.prune(datetime(2026, 3, 6, tzinfo=UTC))
    note = (log.path / "pruned").read_text()
    other = SigningKey.generate(NAME)

    assert [at.what for at in verify(log.path).findings] == ["bad checkpoint"]
    (log.path / "pruned").write_text(key.sign(note.partition("pruned\n")[0]))
    assert "bad checkpoint" in found(log.path, [], key)
    with pytest.raises(AuditIntegrityError, match="file pruned"):
        prove(log.path, 10, 10)
    (log.path / "pruned").write_text(other.sign(note.partition("\n\n")[0] + "\n"))
    assert "bad checkpoint" in found(log.path, [], key)
    (log.path / "pruned").unlink()
    assert found(log.path, [], key) == {"missing or reordered", "not what was signed"}


def test_segments_that_a_crash_left_are_not_missed(
    log: AuditLog, key: SigningKey, event: AccessEvent, notary: Notary
) -> None:
    kept = {path: path.read_bytes() for path in log.path.glob("audit-*.jsonl")}
    gone = log.prune(datetime(2026, 3, 8, tzinfo=UTC))
    removed = sorted(path for path in kept if not path.exists())
    assert len(removed) > 1
    removed[-1].write_bytes(kept[removed[-1]])
    result = verify(log.path, public_keys=key.public)

    assert (result.findings, result.pruned) == ((), gone)
    with AuditLog.open(log.path, notary=notary) as again:
        again.append(event)
    assert verify(log.path, public_keys=key.public).signed == 12
    assert again.prune(datetime(2100, 1, 1, tzinfo=UTC)) > gone
    assert not removed[-1].exists()


def test_a_damaged_log_is_not_pruned(log: AuditLog) -> None:
    lines = lines_of(log.path)
    segments = sorted(log.path.glob("audit-*.jsonl"))
    segments[0].write_bytes(segments[0].read_bytes().replace(b"chargeback", b"research"))

    with pytest.raises(AuditIntegrityError, match="nothing is removed"):
        log.prune(datetime(2026, 3, 6, tzinfo=UTC))
    segments[0].write_bytes(b"no record\n")
    with pytest.raises(AuditIntegrityError, match="not a record"):
        log.prune(datetime(2026, 3, 6, tzinfo=UTC))
    assert all(path.exists() for path in segments)
    assert len(lines) == 10


def test_a_log_without_a_notary_is_not_pruned(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match="Nobody can sign") as caught:
        AuditLog.open(tmp_path).prune(datetime(2026, 3, 6, tzinfo=UTC))

    assert "audit.key" in caught.value.hint


# Many processes.


@pytest.mark.slow
def test_killed_writers_lose_nothing_that_was_acknowledged_or_signed(
    tmp_path: Path, event: AccessEvent, key: SigningKey, anchor: Path
) -> None:
    key.save(tmp_path / "audit.key")
    program = f"""
import sys
from dataclasses import replace
from pathlib import Path
from maskline.audit import AuditLog, Notary, SigningKey
from maskline.model import AccessEvent, Outcome, Principal

place, name = Path(sys.argv[1]), sys.argv[2]
event = {event!r}
key = SigningKey.load(place / "audit.key")
notary = Notary(key=key, every=5, anchors=(place / "anchor.txt",))
log = AuditLog.open(place / "audit", notary=notary, segment_bytes=20_000)
for number in range(100_000):
    query = name + "-" + str(number)
    print(log.append(replace(event, query_id=query)), query, flush=True)
""".replace(repr(event.outcome), "Outcome.ANSWERED")
    choice = random.Random(5)  # noqa: S311 - the order of kills
    acknowledged: dict[int, str] = {}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path), f"writer{number}"],
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(8)
    ]
    choice.shuffle(processes)
    said = []
    for process in processes:
        said += [process.stdout.readline() for _ in range(choice.randint(1, 6))]
        process.send_signal(signal.SIGKILL)
    said += [line for process in processes for line in process.communicate()[0].splitlines()]
    for line in said:
        seq, _, query = line.strip().partition(" ")
        if query:
            acknowledged[int(seq)] = query
    notary = Notary(key=key, every=5, anchors=(anchor,))
    with AuditLog.open(tmp_path / "audit", notary=notary) as log:
        log.append(event)
    result = verify(log.path, checkpoints=notes_in(anchor), public_keys=key.public)
    written = {record["seq"]: record["event"]["query_id"] for record in read(log.path)}

    assert len(acknowledged) > 30
    assert result.findings == ()
    assert result.signed == result.head_seq
    assert acknowledged.items() <= written.items()


# The auditor's program.


@contextmanager
def files(folder: Path) -> Iterator[Path]:
    for name in ("verify.py", "signed.py"):
        (folder / name).write_bytes((VERIFIER.parent / name).read_bytes())
    yield folder / "verify.py"


def test_an_auditor_needs_python_alone(
    log: AuditLog, anchor: Path, key: SigningKey, tmp_path: Path
) -> None:
    (tmp_path / "log.pub").write_text(f"{key.public}\n")
    auditing = tmp_path / "auditor"
    auditing.mkdir()
    with files(auditing) as program:
        command = [sys.executable, "-E", "-s", "-S", str(program), str(log.path)]
        command += ["--checkpoint", str(anchor), "--public-key", str(tmp_path / "log.pub")]
        whole = subprocess.run(command, capture_output=True, text=True, check=False)
        write_lines(log.path, lines_of(log.path)[:8])
        (log.path / "checkpoint").unlink()
        cut = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (whole.returncode, whole.stderr) == (0, "")
    assert "signed: 10 records\n" in whole.stdout
    assert cut.returncode == 1
    assert "FOUND log:0: not what was signed: 10 records were signed" in cut.stdout


def test_the_command_tells_of_files_it_cannot_read(
    log: AuditLog, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for option in ("--checkpoint", "--public-key"):
        with pytest.raises(SystemExit) as ended:
            main([str(log.path), option, str(tmp_path / "nowhere")])
        assert ended.value.code == 2
        assert "cannot be read: FileNotFoundError" in capsys.readouterr().err


def test_the_command_tells_what_was_pruned(
    log: AuditLog, key: SigningKey, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = log.prune(datetime(2026, 3, 6, tzinfo=UTC))
    (tmp_path / "log.pub").write_text(key.public)

    assert main([str(log.path), "--public-key", str(tmp_path / "log.pub")]) == 0
    assert f"pruned: records 1 to {gone}\n" in capsys.readouterr().out
    assert main([str(log.path)]) == 1
    assert "signed: none that was checked\n" in capsys.readouterr().out


def test_files_of_the_log_that_are_no_text_are_findings(log: AuditLog, key: SigningKey) -> None:
    (log.path / "checkpoint").write_bytes(b"\xff\xfe")

    assert "unreadable" in found(log.path, [], key)
    with pytest.raises(AuditIntegrityError, match="checkpoint of the audit log"):
        signed_in(log.path, "checkpoint", key)


# Commands.


@pytest.fixture
def shop(log: AuditLog, key: SigningKey, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a policy, its key, and a signed log; the working directory."""
    folder = log.path.parent
    key.save(folder / "audit.key")
    (folder / "policy.yaml").write_text(
        "version: 1\naudit: {path: audit, key: audit.key, every: 4, anchors: anchor.txt}\n"
    )
    monkeypatch.chdir(folder)
    return folder


def test_a_policy_says_who_signs(shop: Path, event: AccessEvent) -> None:
    policy, registry = load_policy(shop / "policy.yaml")
    notary = notary_of(policy, registry)

    assert notary is not None
    assert notary == Notary(key=notary.key, every=4, anchors=(shop / "anchor.txt",))
    with AuditLog.open(policy.audit_path, notary=notary) as log:
        log.append(event)
    assert cli.main(["audit", "verify"]) == 0


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("every: 5", "2:9: audit.every: Nothing is signed without a `key`."),
        ("anchors: [a]", "2:9: audit.anchors: Nothing is signed without a `key`."),
        ("key: k, every: 0", "2:24: audit.every: This must be a whole number, 1 or more."),
        ("key: k, anchors: []", "2:26: audit.anchors: This list must not be empty."),
        ("key: ''", "2:14: audit.key: This must not be empty."),
    ],
)
def test_mistakes_about_signing_are_reported(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "policy.yaml").write_text(f"version: 1\naudit: {{{text}}}\n")

    with pytest.raises(PolicyError) as caught:
        load_policy(tmp_path / "policy.yaml")
    assert problem in "\n".join(map(str, caught.value.problems))


def test_verify_checks_signatures_and_checkpoints(
    shop: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["audit", "verify", "--checkpoint", "anchor.txt"]) == 0
    assert "signed: 10 records\n" in capfd.readouterr().out
    assert cli.main(["audit", "verify", "audit", "--public-key", "audit.key.pub"]) == 0
    assert "signed: 10 records\n" in capfd.readouterr().out
    assert cli.main(["audit", "verify", "audit"]) == 0
    assert "signed: none that was checked\n" in capfd.readouterr().out

    write_lines(shop / "audit", lines_of(shop / "audit")[:9])
    assert cli.main(["audit", "verify", "--checkpoint", "anchor.txt"]) == 3
    assert "FOUND log:0: not what was signed: 10 records" in capfd.readouterr().out
    assert cli.main(["audit", "verify", "--checkpoint", "nowhere"]) == 2
    assert "nowhere cannot be read: FileNotFoundError." in capfd.readouterr().err


def test_a_record_is_shown(shop: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["audit", "show", "3"]) == 0
    assert json.loads(capfd.readouterr().out)["event"]["time"] == "2026-03-03T00:00:00Z"
    assert cli.main(["audit", "show", "11", "--log", "audit"]) == 3
    assert "has no event with the number 11" in capfd.readouterr().err


def test_proofs_are_printed_and_checked(shop: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for command in (
        ["prove", "3"],
        ["prove", "--from", "anchor.txt"],
        ["export", "--since", "2026-03-03", "--until", "2026-03-06"],
        ["export"],
    ):
        assert cli.main(["audit", *command]) == 0
        (shop / "proof.jsonl").write_text(capfd.readouterr().out)
        options = ["--public-key", "audit.key.pub"]
        assert cli.main(["audit", "verify", "proof.jsonl", *options]) == 0
        assert "signed: 10 records\n" in capfd.readouterr().out

    assert cli.main(["audit", "export", "--since", "2027-01-01"]) == 0
    assert capfd.readouterr() == ("", "There is no event of that time.\n")
    assert cli.main(["audit", "prove"]) == 2
    assert cli.main(["audit", "prove", "3", "--from", "anchor.txt"]) == 2
    capfd.readouterr()
    (shop / "anchor.txt").write_text("")
    assert cli.main(["audit", "prove", "--from", "anchor.txt"]) == 2
    assert "anchor.txt cannot be read: ValueError." in capfd.readouterr().err
    (shop / "anchor.txt").write_text("x")
    assert cli.main(["audit", "prove", "--from", "anchor.txt"]) == 3
    assert "not a checkpoint" in capfd.readouterr().err


def test_a_log_is_signed_and_pruned(
    shop: Path, event: AccessEvent, capfd: pytest.CaptureFixture[str]
) -> None:
    AuditLog.open(shop / "audit").append(event)
    assert cli.main(["audit", "sign"]) == 0
    assert len(notes_in(shop / "anchor.txt")) == 4
    assert cli.main(["audit", "prune", "--before", "2026-03-06"]) == 0
    assert "are gone, and the log tells of it." in capfd.readouterr().err
    assert cli.main(["audit", "prune", "--before", "2026-03-06"]) == 0
    assert "Nothing was removed" in capfd.readouterr().err
    assert cli.main(["audit", "verify", "--checkpoint", "anchor.txt"]) == 0
    assert "pruned: records 1 to " in capfd.readouterr().out


def test_the_policy_says_how_long_records_are_kept(
    shop: Path, event: AccessEvent, capfd: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["audit", "prune"]) == 2
    assert "audit: {keep: DAYS}" in capfd.readouterr().err
    policy = shop / "policy.yaml"
    policy.write_text(policy.read_text().replace("audit: {", "audit: {keep: 30, "))
    AuditLog.open(shop / "audit").append(event)
    assert cli.main(["audit", "prune"]) == 0
    # The events of the fixture are older than a month, but for the file that is appended to.
    assert "are gone, and the log tells of it." in capfd.readouterr().err


def test_signing_without_a_key_is_told(shop: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (shop / "policy.yaml").write_text("version: 1\n")

    for command in (["sign"], ["prune", "--before", "2026-03-06"]):
        assert cli.main(["audit", *command]) == 2
        assert "names no key that signs the audit log" in capfd.readouterr().err


def test_a_key_is_made_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["audit", "create-key", "--name", NAME]) == 0
    told = capfd.readouterr()
    assert "audit: {key: audit.key}" in told.err
    assert SigningKey.load(tmp_path / "audit.key").name == NAME
    assert (tmp_path / "audit.key").read_text().split("+", 4)[4].strip() not in told.err + told.out
    assert cli.main(["audit", "create-key"]) == 2
    assert "exists, and was not overwritten" in capfd.readouterr().err

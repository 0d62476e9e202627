import base64
import copy
import json
import os
import pickle
import stat
import traceback
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskline.errors import KeyringError
from maskline.policy import KeysConfig
from maskline.tokens import ENVIRONMENT_VARIABLE, Keyring
from maskline.tokens._secret import Secret
from maskline.tokens.prf import hkdf_sha256

CANARY = b"canary-canary-canary-canary-cana"
CANARY_TEXT = base64.b64encode(CANARY).decode()


def document(**changes) -> dict:
    key = {"version": 1, "created": "2026-01-02T03:04:05Z", "key": CANARY_TEXT}
    return {
        "format": "maskline-keyring-1",
        "tenant": "default",
        "active": 1,
        "keys": [key],
    } | changes


def write(path: Path, content: object) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    path.chmod(0o600)
    return path


def assert_tells_nothing(error: KeyringError) -> None:
    # The first frame is the test's own, which knows the canary.
    frames = traceback.walk_tb(error.__traceback__.tb_next)
    shown = "".join(traceback.StackSummary.extract(frames, capture_locals=True).format())
    shown += repr(error) + str(error.__reduce__())
    assert error.__context__ is None
    assert error.__cause__ is None
    assert CANARY_TEXT not in shown.replace("\n", "")
    assert CANARY.decode() not in shown
    assert CANARY.hex() not in shown


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    return Keyring.load(write(tmp_path / "canary.json", document()))


def test_a_generated_keyring_has_one_active_key() -> None:
    keyring = Keyring.generate()

    assert keyring.active_version == 1
    assert keyring.tenant == "default"
    assert [mark.state for mark in keyring.fingerprints()] == ["active"]


def test_two_generated_keyrings_differ() -> None:
    assert Keyring.generate().fingerprints() != Keyring.generate().fingerprints()


def test_a_saved_keyring_loads_as_it_was(tmp_path: Path) -> None:
    keyring = Keyring.generate("acme").rotate()

    keyring.save(tmp_path / "keyring.json")

    loaded = Keyring.load(str(tmp_path / "keyring.json"))
    assert loaded.fingerprints() == keyring.fingerprints()
    assert (loaded.tenant, loaded.active_version) == ("acme", 2)


def test_a_saved_keyring_has_mode_0600_whatever_the_umask(tmp_path: Path) -> None:
    old = os.umask(0o277)
    try:
        Keyring.generate().save(tmp_path / "keyring.json")
    finally:
        os.umask(old)

    assert stat.S_IMODE((tmp_path / "keyring.json").stat().st_mode) == 0o600


def test_save_leaves_no_draft_behind(tmp_path: Path) -> None:
    Keyring.generate().save(tmp_path / "keyring.json")

    assert [path.name for path in tmp_path.iterdir()] == ["keyring.json"]


def test_save_never_overwrites_unless_told(tmp_path: Path) -> None:
    path = tmp_path / "keyring.json"
    first = Keyring.generate()
    first.save(path)

    with pytest.raises(KeyringError, match="was not overwritten") as caught:
        Keyring.generate().save(path)

    assert Keyring.load(path).fingerprints() == first.fingerprints()
    assert [entry.name for entry in tmp_path.iterdir()] == ["keyring.json"]
    assert caught.value.__context__ is None


def test_save_overwrites_when_told(tmp_path: Path) -> None:
    path = tmp_path / "keyring.json"
    Keyring.generate().save(path)
    second = Keyring.generate()

    second.save(path, overwrite=True)

    assert Keyring.load(path).fingerprints() == second.fingerprints()


def test_save_keeps_a_symbolic_link_and_replaces_what_it_points_to(tmp_path: Path) -> None:
    Keyring.generate().save(tmp_path / "real.json")
    (tmp_path / "link.json").symlink_to("real.json")
    keyring = Keyring.generate()

    keyring.save(tmp_path / "link.json", overwrite=True)

    assert (tmp_path / "link.json").is_symlink()
    assert Keyring.load(tmp_path / "real.json").fingerprints() == keyring.fingerprints()


def test_save_into_a_folder_that_does_not_exist_names_the_mend(tmp_path: Path, keyring) -> None:
    with pytest.raises(KeyringError, match=r"cannot be written \(FileNotFoundError\)") as caught:
        keyring.save(tmp_path / "no" / "keyring.json")

    assert "folder that exists" in caught.value.hint
    assert_tells_nothing(caught.value)


def test_save_below_a_file_names_the_mend(tmp_path: Path, keyring) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(KeyringError, match="cannot be written") as caught:
        keyring.save(tmp_path / "file" / "keyring.json", overwrite=True)

    assert_tells_nothing(caught.value)


def test_save_through_a_circle_of_links_is_an_error(tmp_path: Path, keyring) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")

    with pytest.raises(KeyringError) as caught:
        keyring.save(tmp_path / "a")

    assert_tells_nothing(caught.value)


def test_a_home_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    keyring = Keyring.generate()

    keyring.save("~/keyring.json")

    assert Keyring.load("~/keyring.json").fingerprints() == keyring.fingerprints()


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_file_for_its_owner_alone_is_read(tmp_path: Path, mode: int) -> None:
    path = write(tmp_path / "keyring.json", document())
    path.chmod(mode)

    assert Keyring.load(path).active_version == 1


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o602, 0o601, 0o610])
def test_a_file_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    path = write(tmp_path / "keyring.json", document())
    path.chmod(mode)

    with pytest.raises(KeyringError, match="may be used by other users") as caught:
        Keyring.load(path)

    assert caught.value.hint == f"Run `chmod 600 {path}`."
    assert_tells_nothing(caught.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "keyring.json", document())
    os.chown(path, 12345, -1)

    with pytest.raises(KeyringError, match="belongs to another user") as caught:
        Keyring.load(path)

    assert "chown" in caught.value.hint
    assert_tells_nothing(caught.value)


def test_a_missing_file_is_an_error_with_a_mend(tmp_path: Path) -> None:
    with pytest.raises(KeyringError, match=r"cannot be opened \(FileNotFoundError\)") as caught:
        Keyring.load(tmp_path / "keyring.json")

    assert "maskline keys create" in caught.value.hint
    assert_tells_nothing(caught.value)


def test_a_folder_is_no_keyring(tmp_path: Path) -> None:
    with pytest.raises(KeyringError, match="is not a regular file"):
        Keyring.load(tmp_path)


def test_a_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)

    with pytest.raises(KeyringError, match="is not a regular file"):
        Keyring.load(tmp_path / "pipe")


def test_an_endless_file_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(KeyringError, match="is too large"):
        Keyring.load(write(tmp_path / "keyring.json", " " * 1_000_001))


SHORT = base64.b64encode(CANARY[:-1]).decode()
GOOD_KEY = document()["keys"][0]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "json_invalid"),
        (CANARY_TEXT, "json_invalid"),
        ('{"keys": "' + CANARY_TEXT, "json_invalid"),
        ("[]", "model"),
        (document(format="maskline-keyring-2"), "format: literal_error"),
        (document(tenant="a/b"), "tenant: not 1 to 64"),
        (document(tenant=""), "tenant: not 1 to 64"),
        (document(active="1"), "active: int_type"),
        (document(active=2), "active: no key has this version"),
        (document(keys=[]), "keys: too_short"),
        (document(keys=[GOOD_KEY, GOOD_KEY]), "keys: two of them have the same version"),
        (document(keys=[GOOD_KEY | {"version": 0}]), r"keys\[0\].version: greater_than_equal"),
        (document(keys=[GOOD_KEY | {"key": SHORT}]), r"keys\[0\]: `key` is not 32 bytes"),
        (document(keys=[GOOD_KEY | {"key": "!" + CANARY_TEXT}]), r"keys\[0\]: `key` is not"),
        (document(keys=[GOOD_KEY | {"key": "\u00e9"}]), r"keys\[0\]: `key` is not"),
        (document(keys=[GOOD_KEY | {"created": "yesterday"}]), r"keys\[0\]: .* no time in UTC"),
        (document() | {CANARY_TEXT: 1}, r"\(unknown\): extra_forbidden"),
        (document(keys=[{CANARY_TEXT: CANARY_TEXT}]), r"keys\[0\].\(unknown\): extra_forbidden"),
    ],
)
def test_a_damaged_keyring_is_an_error_that_tells_nothing(tmp_path: Path, content, problem) -> None:
    path = write(tmp_path / "keyring.json", content)

    with pytest.raises(KeyringError, match=problem) as caught:
        Keyring.load(path)

    assert "backup" in caught.value.hint
    assert_tells_nothing(caught.value)


def test_all_mistakes_of_a_keyring_are_reported_at_once(tmp_path: Path) -> None:
    path = write(tmp_path / "keyring.json", document(tenant="/", active=9))

    with pytest.raises(KeyringError, match=r"tenant: .*; active: "):
        Keyring.load(path)


def test_the_environment_holds_the_text_of_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, json.dumps(document()))

    assert Keyring.from_environment().active_version == 1


def test_a_variable_may_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTHER", json.dumps(document(tenant="other")))

    assert Keyring.from_environment("OTHER").tenant == "other"


def test_a_missing_variable_is_an_error_with_a_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENVIRONMENT_VARIABLE, raising=False)

    with pytest.raises(KeyringError, match=f"{ENVIRONMENT_VARIABLE} is missing or empty") as caught:
        Keyring.from_environment()

    assert caught.value.hint == "Set it to the text of a keyring file."


def test_a_damaged_variable_is_an_error_that_tells_nothing(monkeypatch) -> None:
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, CANARY_TEXT)

    with pytest.raises(KeyringError, match=f"in {ENVIRONMENT_VARIABLE} is damaged") as caught:
        Keyring.from_environment()

    assert_tells_nothing(caught.value)


def test_open_reads_the_file_of_a_policy(tmp_path: Path) -> None:
    path = write(tmp_path / "keyring.json", document(tenant="file"))

    assert Keyring.open(KeysConfig(file=path)).tenant == "file"


def test_open_reads_the_variable_of_a_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTHER", json.dumps(document(tenant="variable")))

    assert Keyring.open(KeysConfig(env="OTHER")).tenant == "variable"


def test_rotation_adds_an_active_key_and_keeps_the_old_one() -> None:
    old = Keyring.generate()

    new = old.rotate()

    assert [mark.state for mark in new.fingerprints()] == ["retired", "active"]
    assert new.fingerprints()[0].fingerprint == old.fingerprints()[0].fingerprint
    assert old.active_version == 1


def test_rotation_counts_on_from_the_highest_version(tmp_path: Path) -> None:
    keys = [GOOD_KEY | {"version": 7}, GOOD_KEY | {"version": 3}]
    keyring = Keyring.load(write(tmp_path / "keyring.json", document(keys=keys, active=3)))

    assert [mark.version for mark in keyring.rotate().fingerprints()] == [3, 7, 8]


def test_a_fingerprint_is_that_of_the_reference_page(keyring: Keyring) -> None:
    (mark,) = keyring.fingerprints()

    assert mark.fingerprint == "72387773aafc33b4"
    assert mark.created.isoformat() == "2026-01-02T03:04:05+00:00"


def test_nothing_shows_a_key(keyring: Keyring) -> None:
    tokenizer = keyring.tokenizer("PERSON", slug="person")
    things = [keyring, tokenizer, keyring.pads("PERSON"), keyring.fingerprints()]
    things += [keyring._document, keyring._document.keys[0].secret]
    shown = "".join(f"{thing!r} {thing}" for thing in things)
    derived = keyring.pads("PERSON").inner.reveal()

    for key in [CANARY, derived]:
        assert key.hex() not in shown
        assert repr(key)[2:-1] not in shown
        assert base64.b64encode(key).decode() not in shown
    assert repr(keyring) == "<Keyring tenant='default' versions=[1] active=1>"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_nothing_with_a_key_can_be_pickled(keyring: Keyring, protocol: int) -> None:
    tokenizer = keyring.tokenizer("PERSON", slug="person")

    for thing in [keyring, tokenizer, keyring.pads("PERSON")]:
        with pytest.raises(KeyringError, match="cannot be pickled or copied"):
            pickle.dumps(thing, protocol)


def test_nothing_with_a_key_can_be_copied(keyring: Keyring) -> None:
    for thing in [keyring, keyring.pads("A"), keyring._document]:
        with pytest.raises(KeyringError, match="cannot be pickled or copied") as caught:
            copy.deepcopy(thing)

        assert_tells_nothing(caught.value)


@pytest.mark.parametrize("slug", ["", "1a", "A", "a_b", "a" * 17, "\u00e9", "a\n"])
def test_a_slug_that_cannot_begin_a_token_is_refused(keyring: Keyring, slug: str) -> None:
    with pytest.raises(KeyringError, match="cannot begin a token"):
        keyring.tokenizer("PERSON", slug=slug)


@pytest.mark.parametrize("domain", ["", "a/b", "_a", "a b", "a" * 129, "\u00e9", "a\n"])
def test_a_domain_that_is_no_name_is_refused(keyring: Keyring, domain: str) -> None:
    with pytest.raises(KeyringError, match="is not a name"):
        keyring.pads(domain)


@pytest.mark.parametrize("tenant", ["", "a/b", "_a", "a" * 65, "a\n"])
def test_a_tenant_that_is_no_name_is_refused(tenant: str) -> None:
    with pytest.raises(KeyringError, match="is not a name"):
        Keyring.generate(tenant)


def test_a_version_that_is_not_there_is_refused_and_the_others_are_listed() -> None:
    with pytest.raises(KeyringError, match="no key of version 9") as caught:
        Keyring.generate().rotate().pads("PERSON", version=9)

    assert caught.value.hint == "It has 1, 2."


def test_a_retired_version_still_makes_its_tokens() -> None:
    old = Keyring.generate()
    new = old.rotate()

    assert new.pads("A", version=1).inner.reveal() == old.pads("A").inner.reveal()
    assert new.pads("A").inner.reveal() != old.pads("A").inner.reveal()


@given(st.binary(max_size=100))
def test_a_secret_shows_its_length_only(value: bytes) -> None:
    secret = Secret(value)

    assert (repr(secret), str(secret), len(secret)) == ("Secret(...)", "Secret(...)", len(value))
    assert secret.reveal() == value


# RFC 5869, appendix A, the cases for SHA-256.
@pytest.mark.parametrize(
    ("key", "salt", "info", "length", "derived"),
    [
        (
            "0b" * 22,
            bytes(range(0x0D)).hex(),
            bytes(range(0xF0, 0xFA)).hex(),
            42,
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        ),
        (
            bytes(range(0x50)).hex(),
            bytes(range(0x60, 0xB0)).hex(),
            bytes(range(0xB0, 0x100)).hex(),
            82,
            (
                "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
                "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
                "cc30c58179ec3e87c14c01d5c1f3434f1d87"
            ),
        ),
        (
            "0b" * 22,
            "",
            "",
            42,
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
        ),
    ],
)
def test_hkdf_is_that_of_rfc_5869(key, salt, info, length, derived) -> None:
    result = hkdf_sha256(
        Secret(bytes.fromhex(key)),
        salt=bytes.fromhex(salt),
        info=bytes.fromhex(info),
        length=length,
    )

    assert result.reveal().hex() == derived

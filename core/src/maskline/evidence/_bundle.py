"""Writes evidence into a folder or a zip file with a manifest that may be signed, and checks it.

This module knows files, digests and the audit key. It does not know what the evidence says.
"""

import hashlib
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from maskline.audit import SigningKey
from maskline.audit.signed import is_signed
from maskline.errors import UsageError
from maskline.evidence._page import to_html

__all__ = ["verify_bundle", "write_bundle"]

_ZIP: Final = ".zip"
_MANIFEST: Final = "manifest.json"
_NOTE: Final = "manifest.note"
_HEAD: Final = f"maskline evidence, version 1\n{_MANIFEST}\n"
# Zip files begin in 1980. The time that counts is in the evidence.
_NO_TIME: Final = (1980, 1, 1, 0, 0, 0)


def write_bundle(evidence: Mapping[str, Any], path: Path, *, key: SigningKey | None = None) -> None:
    """Write evidence: ``evidence.html``, ``evidence.json`` and ``manifest.json``.

    The manifest has the SHA-256 of the other files. With a key there is ``manifest.note`` too: a
    C2SP signed note over the SHA-256 of the manifest.

    Args:
        evidence: What `gather` returned.
        path: What to make: a zip file if its suffix says so, else a folder. Only its owner may read
            it.
        key: Signs the manifest; None to leave it unsigned.

    Raises:
        UsageError: *path* exists, or cannot be made. Then nothing is left of it.
    """
    pages = {
        "evidence.html": to_html(evidence).encode(),
        "evidence.json": f"{json.dumps(evidence, indent=2)}\n".encode(),
    }
    manifest = {
        "version": 1,
        "made": evidence["made"],
        "public_key": None if key is None else key.public,
        "files": {
            name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
            for name, data in sorted(pages.items())
        },
    }
    pages[_MANIFEST] = f"{json.dumps(manifest, indent=2)}\n".encode()
    if key is not None:
        digest = hashlib.sha256(pages[_MANIFEST]).hexdigest()
        # No checkpoint of a log: its second line is a number.
        pages[_NOTE] = key.sign(f"{_HEAD}{digest}\n").encode()
    try:
        _write(pages, path)
    except OSError as exc:
        problem = type(exc).__name__
    else:
        return
    msg = f"The evidence cannot be written to {path}: {problem}."
    raise UsageError(msg, hint="Give --out a name that is not taken, in a folder of yours.")


def verify_bundle(path: Path, *, public_keys: str = "") -> list[str]:
    """Compare evidence with its manifest, and the manifest with its signature.

    Args:
        path: What `write_bundle` made.
        public_keys: Verifier keys as C2SP spells them, one a line, from a place that is trusted.
            Without any, the signature is not looked at.

    Returns:
        What is wrong, a sentence each; nothing if all is as it was written.

    Raises:
        UsageError: *path* cannot be read, or is no evidence.
    """
    try:
        files = _read(path)
        manifest = json.loads(files[_MANIFEST])
        stated = {name: each["sha256"] for name, each in manifest["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as exc:
        problem = type(exc).__name__
    else:
        return _differences(files, stated, public_keys)
    msg = f"{path} is no evidence that can be read: {problem}."
    raise UsageError(msg, hint="Name a folder or a zip file that `maskline evidence` wrote.")


def _differences(
    files: Mapping[str, bytes], stated: Mapping[str, str], public_keys: str
) -> list[str]:
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    found = [f"{name} is missing." for name in stated if name not in files]
    found += [
        f"{name} is not what was written."
        for name, digest in stated.items()
        if digests.get(name, digest) != digest
    ]
    known = {*stated, _MANIFEST, _NOTE}
    found += [f"{name} is not in the manifest." for name in files if name not in known]
    if not public_keys.strip():
        return found
    note = files.get(_NOTE, b"").decode("utf-8", "replace")
    if not is_signed(note, public_keys):
        found.append(f"{_NOTE} is not signed by the key." if note else "It is not signed.")
    elif not note.startswith(f"{_HEAD}{digests[_MANIFEST]}\n\n"):
        found.append(f"{_MANIFEST} is not what was signed.")
    return found


def _read(path: Path) -> dict[str, bytes]:
    if path.is_dir():
        return {file.name: file.read_bytes() for file in sorted(path.iterdir()) if file.is_file()}
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _write(pages: Mapping[str, bytes], path: Path) -> None:
    """Write everything beside the name, and give it the name when it is whole."""
    if path.exists():
        raise FileExistsError
    fresh = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        for name, data in pages.items():
            with (fresh / name).open("xb") as file:
                os.fchmod(file.fileno(), 0o600)
                file.write(data)
        if path.suffix.lower() != _ZIP:
            fresh.rename(path)
            return
        packed = fresh / path.name
        with packed.open("xb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            os.fchmod(file.fileno(), 0o600)
            for name, data in pages.items():
                entry = zipfile.ZipInfo(name, _NO_TIME)
                entry.external_attr = 0o600 << 16
                archive.writestr(entry, data, zipfile.ZIP_DEFLATED)
        packed.rename(path)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)

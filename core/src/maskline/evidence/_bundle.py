"""Writes evidence into a folder or a zip file, with a manifest that may be signed.

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
from maskline.errors import UsageError
from maskline.evidence._page import to_html

__all__ = ["write_bundle"]

_ZIP: Final = ".zip"
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
    pages["manifest.json"] = f"{json.dumps(manifest, indent=2)}\n".encode()
    if key is not None:
        digest = hashlib.sha256(pages["manifest.json"]).hexdigest()
        # No checkpoint of a log: its second line is a number.
        note = key.sign(f"maskline evidence, version 1\nmanifest.json\n{digest}\n")
        pages["manifest.note"] = note.encode()
    try:
        _write(pages, path)
    except OSError as exc:
        problem = type(exc).__name__
    else:
        return
    msg = f"The evidence cannot be written to {path}: {problem}."
    raise UsageError(msg, hint="Give --out a name that is not taken, in a folder of yours.")


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

"""What an engine consists of, where it keeps what, and what it can promise.

`found` runs where the engine does. This module knows a session's public face. It does not know
notebooks.
"""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from maskline.errors import MasklineError

if TYPE_CHECKING:
    from maskline import Session

__all__ = ["PROMISES", "found"]

PROMISES: Final[Mapping[str, str]] = {
    "sidecar": (
        "Raw rows stay in a process of their own: none of them comes into this notebook, its "
        "variables, its errors or its file. That is no defence against the person at the keyboard, "
        "who can read the policy, the keys and the password, and connect without maskline."
    ),
    "in process": (
        "What is shown, kept and saved is masked, which protects from accidents. But raw rows pass "
        "through the memory of this notebook, where its code can find them. Connect without "
        "--in-process to keep them out."
    ),
}
"""What each way to run the engine can and cannot promise. Only a service under another user, with
a password that the asker does not have, can enforce a policy."""


def found(session: "Session") -> dict[str, str]:
    """Return what there is, by name: paths, versions and numbers; no key and no password.

    Args:
        session: An open one. Its database is asked for its tables.
    """
    from maskline.installation import installation

    policy, keys = session.policy, session.policy.keys
    where = "none, so nothing becomes a token"
    if keys is not None:
        where = str(keys.file) if keys.file else f"the variable {keys.env}"
    return {
        "source": _reached(session),
        "policy": f"{policy.path.absolute()}@{policy.version}",
        "keys": where,
        "audit": str(policy.audit_path),
        "other sinks": ", ".join(policy.sinks) or "none",
        **installation(),
    }


def _reached(session: "Session") -> str:
    began = time.monotonic()
    try:
        count = len(session.columns())
    except MasklineError as exc:
        return exc.message
    took = round((time.monotonic() - began) * 1000)
    return f"{session.source_name} answers: {count} columns described in {took} ms"

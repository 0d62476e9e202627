"""The append-only record of every read, signed checkpoints of it, and proofs of what it holds."""

from maskline.audit.log import AuditLog, read
from maskline.audit.proofs import prove, prove_growth, span
from maskline.audit.record import timestamp, to_json
from maskline.audit.signing import Notary, SigningKey, public_path
from maskline.audit.spool import Spool
from maskline.audit.verify import Finding, Incomplete, Verification, notes_in, verify

__all__ = [
    "AuditLog",
    "Finding",
    "Incomplete",
    "Notary",
    "SigningKey",
    "Spool",
    "Verification",
    "notes_in",
    "prove",
    "prove_growth",
    "public_path",
    "read",
    "span",
    "timestamp",
    "to_json",
    "verify",
]

"""The append-only record of every read."""

from maskline.audit.log import AuditLog, read
from maskline.audit.record import to_json
from maskline.audit.verify import Finding, Incomplete, Verification, verify

__all__ = ["AuditLog", "Finding", "Incomplete", "Verification", "read", "to_json", "verify"]

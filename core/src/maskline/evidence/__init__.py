"""Evidence for an auditor: what the audit log and the policy tell of a stretch of time."""

from maskline.evidence._bundle import verify_bundle, write_bundle
from maskline.evidence._gather import Json, gather
from maskline.evidence._page import to_html

__all__ = ["Json", "gather", "to_html", "verify_bundle", "write_bundle"]

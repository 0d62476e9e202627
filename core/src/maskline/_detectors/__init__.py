"""The detectors that come with maskline, and the classifier of columns.

They reach the engine through the same hook as any plugin's.
"""

from typing import Final

from maskline._detectors.contact import email_detector, phone_detector, url_detector
from maskline._detectors.credentials import cloud_key_detector, jwt_detector
from maskline._detectors.network import ip_detector, mac_detector
from maskline._detectors.numbers import card_detector, iban_detector, ssn_detector
from maskline.patterns import PatternDetector
from maskline.roles import Detector

__all__ = ["BUILTIN", "COMPILED"]

COMPILED: Final[tuple[PatternDetector, ...]] = (
    email_detector(),
    phone_detector(),
    url_detector(),
    card_detector(),
    iban_detector(),
    ssn_detector(),
    ip_detector(),
    mac_detector(),
    jwt_detector(),
    cloud_key_detector(),
)
"""Those whose rules have a compiled twin."""

BUILTIN: Final[tuple[Detector, ...]] = (*COMPILED,)

"""The detectors that come with maskline, and the classifier of columns.

They reach the engine through the same hook as any plugin's.
"""

from typing import Final

from maskline._detectors.addresses import address_detector
from maskline._detectors.ages import age_detector
from maskline._detectors.contact import (
    domain_detector,
    email_detector,
    national_phone_detector,
    phone_detector,
    url_detector,
)
from maskline._detectors.coordinates import coordinate_detector
from maskline._detectors.credentials import cloud_key_detector, jwt_detector
from maskline._detectors.dates import date_detector
from maskline._detectors.identifying import IdentifierDetector
from maskline._detectors.labelled import labelled_detector
from maskline._detectors.names import NamesDetector
from maskline._detectors.network import ip_detector, ip_range_detector, mac_detector
from maskline._detectors.numbers import card_detector, iban_detector, ssn_detector
from maskline._detectors.postcodes import postcode_detector
from maskline._detectors.stripes import track_detector
from maskline.entities import builtin_entities
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

BUILTIN: Final[tuple[Detector, ...]] = (
    *COMPILED,
    ip_range_detector(),
    domain_detector(),
    national_phone_detector(),
    date_detector(),
    age_detector(),
    postcode_detector(),
    address_detector(),
    labelled_detector(builtin_entities()),
    track_detector(),
    coordinate_detector(),
    IdentifierDetector(),
    NamesDetector(),
)

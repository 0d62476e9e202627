"""Hands the detectors and entities over. It knows the hooks, and nothing of how secrets look."""

from collections.abc import Sequence

from maskline.entities import Entity
from maskline.hookspecs import hookimpl
from maskline.roles import Detector

__all__ = ["maskline_register_detectors", "maskline_register_entities"]


@hookimpl
def maskline_register_entities() -> Sequence[Entity]:
    """Offer an entity for each vendor whose secrets have a shape of their own."""
    from maskline_secrets._formats import entities

    return entities()


@hookimpl
def maskline_register_detectors() -> Sequence[Detector]:
    """Offer detectors by vendors' formats, by key blocks, and by what stands beside a secret."""
    from maskline_secrets._assignments import assignment_detector
    from maskline_secrets._formats import VendorDetector
    from maskline_secrets._keys import private_key_detector, url_credential_detector

    return (
        VendorDetector(),
        private_key_detector(),
        url_credential_detector(),
        assignment_detector(),
    )

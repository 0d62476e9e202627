"""What a kind of sink offers if its events are forwarded, such as to a lineage server.

This module knows roles. It does not know any lineage server, or how events are sent.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from maskline.model import OptionValue

__all__ = ["Delivery", "Forwarder"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What became of the events in an outbox.

    Attributes:
        sent: Events that arrived.
        rejected: Events that will never be taken; they are kept beside the outbox.
        waiting: Bytes that wait to be sent.
        lost: Events that found the outbox full, ever.
        lost_since: When the first of them did; empty if there is none.
    """

    sent: int
    rejected: int
    waiting: int
    lost: int
    lost_since: str


@runtime_checkable
class Forwarder(Protocol):
    """A kind of sink whose events wait in an outbox until they are forwarded."""

    def forward(
        self, options: Mapping[str, OptionValue], *, resolve: Callable[[str], str], timeout: float
    ) -> Delivery:
        """Send what waits.

        Args:
            options: Options of the policy that the sink found right.
            resolve: Makes a path of the policy absolute.
            timeout: After how many seconds to give up for now.

        Raises:
            MasklineError: Nothing can be sent, or the outbox cannot be read.
        """
        ...

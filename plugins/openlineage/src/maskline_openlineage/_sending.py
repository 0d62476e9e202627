"""Sends one event by the OpenLineage client, as its standard configuration says.

The client finds that in ``openlineage.yml`` and in the environment. This module knows the client,
and imports it where it is used. It does not know files.
"""

import json
import os
from typing import TYPE_CHECKING, Any, Final

from maskline.errors import UsageError

if TYPE_CHECKING:
    from openlineage.client.client import Event
    from openlineage.client.transport import Transport

__all__ = ["RejectedError", "Sender", "UnsentError", "is_disabled", "synchronous", "to_event"]

# What a server answers if the event itself is at fault, and always will be: RFC 9110, section 15.5.
_AT_FAULT: Final = frozenset({400, 413, 422})
_INSTALL: Final = 'Run `pip install "maskline-openlineage[client]"`.'


class UnsentError(Exception):
    """The event did not arrive; it may later. The argument is the type of the client's error."""


class RejectedError(Exception):
    """The event will never be taken. The argument says why, without its text."""


def is_disabled() -> bool:
    """Whether the environment turns every OpenLineage client off."""
    return os.environ.get("OPENLINEAGE_DISABLED", "").lower().strip() == "true"


class Sender:
    """The OpenLineage client, with the transports, filters and tags that its configuration names.

    Facets that the client would add from its own surroundings, such as variables of the
    environment or the address of a git repository, are not added: they may hold secrets.

    Raises:
        UsageError: The client is not installed or not configured.
    """

    def __init__(self) -> None:
        if is_disabled():
            msg = "OpenLineage is turned off, so no event can be sent."
            raise UsageError(msg, hint="Unset OPENLINEAGE_DISABLED, or do not forward events.")
        problem, hint = "", ""
        try:
            from openlineage.client import OpenLineageClient

            self._client = OpenLineageClient(factory=_factory())
            is_configured = bool((self._client.config.transport or {}).get("type"))
        except ModuleNotFoundError as exc:
            is_ours = (exc.name or "").startswith("openlineage")
            problem = (
                "The OpenLineage client" if is_ours else "A library of an OpenLineage transport"
            )
            problem, hint = f"{problem} is not installed.", _INSTALL
        except Exception as exc:  # noqa: BLE001 - its text may hold an address or a key
            problem = f"The configuration of OpenLineage cannot be used: {type(exc).__name__}."
            hint = "Mend openlineage.yml or the variables that begin with OPENLINEAGE."
        else:
            # The client would write the events into the log, and they would count as sent.
            if is_configured or self._client.transport.kind != "console":
                return
            problem = "OpenLineage is not configured, so no event can be sent."
            hint = "Write openlineage.yml, or set OPENLINEAGE_CONFIG or OPENLINEAGE_URL."
        raise UsageError(problem, hint=hint)

    def send(self, line: bytes) -> None:
        """Send one event, and wait until it has arrived.

        Args:
            line: A run event as JSON.

        Raises:
            UnsentError: It did not arrive.
            RejectedError: It will never be taken.
        """
        event = self._tagged(line)
        if self._client.filter_event(event) is None:
            return
        status, culprit = 0, ""
        try:
            self._client.transport.emit(event)
        except Exception as exc:  # noqa: BLE001 - transports raise what their libraries raise
            status = getattr(getattr(exc, "response", None), "status_code", 0)
            culprit = type(exc).__name__
        if status in _AT_FAULT:
            msg = f"the server answered {status}"
            raise RejectedError(msg)
        if culprit:
            msg = f"{culprit} {status}" if status else culprit
            raise UnsentError(msg)

    def _tagged(self, line: bytes) -> "Event":
        try:
            return self._client.update_event_tags_facets(to_event(json.loads(line)))
        except (ValueError, KeyError, TypeError, AttributeError):
            pass  # A crash has cut it short, or it is not ours.
        msg = "it is not an event"
        raise RejectedError(msg)

    def close(self) -> None:
        """Close connections."""
        self._client.close(timeout=0)


def to_event(body: dict[str, Any]) -> "Event":
    """Return an event of the client from plain JSON; facets stay as they are.

    Transports look at the attributes of events, and of two facets.
    """
    from openlineage.client import event_v2

    common = {"eventTime": body["eventTime"], "producer": body["producer"]}
    if "run" in body:
        kind = body.get("eventType")
        return event_v2.RunEvent(
            **common,
            eventType=event_v2.RunState(kind) if kind else None,
            run=event_v2.Run(runId=body["run"]["runId"], facets=_facets(body["run"])),
            job=_job(body["job"]),
            inputs=[
                event_v2.InputDataset(
                    namespace=dataset["namespace"],
                    name=dataset["name"],
                    facets=dataset.get("facets", {}),
                    inputFacets=dataset.get("inputFacets"),
                )
                for dataset in body.get("inputs", [])
            ],
            outputs=[
                event_v2.OutputDataset(
                    namespace=dataset["namespace"],
                    name=dataset["name"],
                    facets=dataset.get("facets", {}),
                    outputFacets=dataset.get("outputFacets"),
                )
                for dataset in body.get("outputs", [])
            ],
        )
    if "job" in body:
        return event_v2.JobEvent(
            **common,
            job=_job(body["job"]),
            inputs=[event_v2.InputDataset(**dataset) for dataset in body.get("inputs", [])],
            outputs=[event_v2.OutputDataset(**dataset) for dataset in body.get("outputs", [])],
        )
    return event_v2.DatasetEvent(**common, dataset=event_v2.StaticDataset(**body["dataset"]))


def _job(body: dict[str, Any]) -> Any:  # noqa: ANN401 - a class of the client
    from openlineage.client import event_v2

    return event_v2.Job(namespace=body["namespace"], name=body["name"], facets=_facets(body))


def _facets(owner: dict[str, Any]) -> dict[str, Any]:
    """Return the facets; those that transports look into as the client's own classes."""
    from openlineage.client.facet_v2 import job_type_job, parent_run

    facets = dict(owner.get("facets", {}))
    if isinstance(kind := facets.get("jobType"), dict):
        facets["jobType"] = job_type_job.JobTypeJobFacet(
            processingType=kind["processingType"],
            integration=kind["integration"],
            jobType=kind.get("jobType"),
            producer=kind["_producer"],
        )
    if isinstance(parent := facets.get("parent"), dict):
        root = parent.get("root")
        facets["parent"] = parent_run.ParentRunFacet(
            run=parent_run.Run(runId=parent["run"]["runId"], facets=None),
            job=parent_run.Job(parent["job"]["namespace"], parent["job"]["name"], facets=None),
            root=root
            and parent_run.Root(
                run=parent_run.RootRun(runId=root["run"]["runId"], facets=None),
                job=parent_run.RootJob(root["job"]["namespace"], root["job"]["name"], facets=None),
            ),
            producer=parent["_producer"],
        )
    return facets


def synchronous(config: Any) -> Any:  # noqa: ANN401 - what a YAML file says
    """Return a transport's configuration such that *emit* returns when the event has arrived.

    The outbox is what makes sending asynchronous, and it must know what arrived. So ``async_http``
    becomes ``http``, and Kafka waits for each event and does not give one up, unless the
    configuration says after how long.
    """
    if isinstance(config, list):
        return [synchronous(item) for item in config]
    if not isinstance(config, dict):
        return config
    changed = {key: synchronous(value) for key, value in config.items()}
    if changed.get("type") == "async_http":
        changed["type"] = "http"
    if changed.get("type") in {"kafka", "msk-iam"} and isinstance(changed.get("config"), dict):
        changed["flush"] = True
        changed["config"] = {"message.timeout.ms": 0, **changed["config"]}
    return changed


def _factory() -> Any:  # noqa: ANN401 - a class of the client
    from openlineage.client.transport import TransportFactory, get_default_factory

    class Synchronous(TransportFactory):
        def create(self, config: dict[str, str] | None = None) -> "Transport":
            return get_default_factory().create(synchronous(config))

    return Synchronous()

"""The one door: a session asks a database, under a policy, for a principal.

Every integration goes through here, so that every read is planned, masked and recorded the same
way. This module does not know the command line, notebooks or any other host.
"""

import getpass
import os
import uuid
from pathlib import Path
from typing import Final, Self

import pyarrow as pa

from maskline.access import Access, open_audit, open_sinks
from maskline.errors import PolicyError, UsageError
from maskline.model import ColumnRef, Decision, Label, Principal
from maskline.planning import Plan
from maskline.plugins import load_policy, open_source
from maskline.policy import Policy, absolute_url
from maskline.result import MaskedResult
from maskline.streaming import MaskedStream
from maskline.tokens import Keyring

__all__ = ["Session", "connect"]

_PARENT_VARIABLE: Final = "OPENLINEAGE_PARENT_ID"


def connect(  # noqa: PLR0913 - what to open, under which policy, and who asks why
    source: str = "",
    *,
    policy: str | Path = "policy.yaml",
    principal: Principal | None = None,
    purpose: str = "",
    url: str = "",
    parent_run: tuple[str, str, str] | None = None,
) -> "Session":
    """Open a database under a policy.

    Args:
        source: The name of a source in the policy, or its URL; may be left out where the policy
            has just one.
        policy: The policy file.
        principal: Who asks; by default the user of the operating system, as a human.
        purpose: Why, unless a query says otherwise.
        url: What to open instead of the source's URL in the policy, for hosts that keep addresses
            and passwords of databases themselves. It may hold a password, and no error shows it.
        parent_run: The OpenLineage run that its queries are part of: namespace, name of the job,
            id of the run, which is a UUID. By default, what ``OPENLINEAGE_PARENT_ID`` of the
            environment says, as ``namespace/job/id``, if there is such a variable.

    Returns:
        A session. Close it, or use it in a ``with`` block.

    Raises:
        PolicyError: The policy is missing or broken, or names no such source.
        PluginError: A plugin of the policy cannot be used.
        KeyringError: The policy's keys cannot be read.
        AuditError: The audit log cannot be written.
        SourceError: The database cannot be opened.
        UsageError: The parent run is none.
    """
    parent = _parent_run(parent_run)
    loaded, registry = load_policy(Path(policy))
    name = _source_name(loaded, source)
    keyring = Keyring.open(loaded.keys) if loaded.keys else None
    audit = open_audit(loaded, registry)
    opened = open_source(registry, url or loaded.sources[name].url)
    sinks = open_sinks(loaded, registry)
    return Session(
        Access(
            source_name=name,
            source=opened,
            policy=loaded,
            registry=registry,
            keyring=keyring,
            audit=audit,
            sinks=sinks,
            principal=principal or Principal(kind="human", id=getpass.getuser()),
            parent_run=parent,
        ),
        purpose=purpose,
    )


def _parent_run(given: tuple[str, str, str] | None) -> tuple[str, str, str] | None:
    told = os.environ.get(_PARENT_VARIABLE, "")
    if given is None and not told:
        return None
    # A name of a job may hold slashes; the others do not.
    namespace, _, rest = told.partition("/")
    job, _, run = rest.rpartition("/")
    found = given or (namespace, job, run)
    try:
        uuid.UUID(found[2])
    except ValueError:
        is_run = False
    else:
        is_run = bool(found[0] and found[1])
    if is_run:
        return found
    where = "parent_run" if given else _PARENT_VARIABLE
    msg = f"{where} is not a namespace, the name of a job, and the UUID of a run."
    raise UsageError(msg, hint="Write `namespace/job/run` into the variable, or leave it out.")


def _source_name(policy: Policy, wanted: str) -> str:
    names = list(policy.sources)
    if wanted in policy.sources:
        return wanted
    if not wanted and len(names) == 1:
        return names[0]
    for name, config in policy.sources.items():
        if wanted and config.url in {wanted, absolute_url(wanted, Path("policy.yaml"))}:
            return name
    if not names:
        msg = f"{policy.path.name} has no source."
        raise PolicyError(msg, hint="Run `maskline scan URL` to add one.")
    which = "has several sources" if not wanted else "has no such source"
    msg = f"{policy.path.name} {which}."
    raise PolicyError(msg, hint=f"Name one of: {', '.join(names)}.")


class Session:
    """An open database, a policy, and somebody who asks. `connect` makes sessions.

    One thread at a time may ask; *cancel* and *progress* may come from any thread.

    Attributes:
        purpose: Why, unless a query says otherwise.
    """

    def __init__(self, access: Access, *, purpose: str = "") -> None:
        self.purpose = purpose
        self._access = access
        self._latest: MaskedStream | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        who = self.principal
        return f"<Session: {self.source_name} for {who.kind} {who.id}>"

    @property
    def source_name(self) -> str:
        """The name of the source in the policy."""
        return self._access.source_name

    @property
    def dialect(self) -> str:
        """The name sqlglot gives to the database's SQL."""
        return self._access.source.dialect

    @property
    def policy(self) -> Policy:
        """What is masked, for whom."""
        return self._access.policy

    @property
    def principal(self) -> Principal:
        """Who asks."""
        return self._access.principal

    @property
    def warnings(self) -> tuple[str, ...]:
        """What an administrator of the database should mend."""
        return self._access.source.warnings

    def query(
        self,
        sql: str,
        *,
        purpose: str | None = None,
        limit: int | None = None,
        timeout: float | None = None,
    ) -> MaskedResult:
        """Answer one SELECT as a masked copy of the database would.

        Args:
            sql: One SELECT, in the database's own dialect. It is executed once.
            purpose: Why; by default the session's purpose.
            limit: At most so many rows.
            timeout: In seconds, for the whole query.

        Returns:
            All rows, masked.

        Raises:
            QueryRefusedError: maskline will not run it. No row was read.
            QueryFailedError: The database raised an error.
            QueryCancelledError: *cancel* was called, or the time was up.
            MaskingError: A batch could not be masked. No row is returned.
            KeyringError: A token is wanted and the policy names no keys. No row is returned.
            AuditError: The read cannot be recorded. No row is returned.
        """
        with self.stream(sql, purpose=purpose, limit=limit, timeout=timeout) as stream:
            table = pa.Table.from_batches(list(stream), schema=stream.schema)
        return stream.result(table)

    def stream(
        self,
        sql: str,
        *,
        purpose: str | None = None,
        limit: int | None = None,
        timeout: float | None = None,
    ) -> MaskedStream:
        """Answer one SELECT batch by batch, in bounded memory. Use it in a ``with`` block.

        The record of the read is durable before the first batch is handed out. A second record
        tells how it ended; where it is missing, the query was not completed.

        Arguments and errors are those of *query*; errors of the run come while batches are read.
        """
        self._latest = None
        self._latest = MaskedStream(
            self._access,
            sql,
            purpose=self.purpose if purpose is None else purpose,
            limit=limit,
            timeout=timeout,
        )
        return self._latest

    def explain(self, sql: str, *, purpose: str | None = None) -> Plan:
        """Plan a query without running it, and without recording it: no row is read."""
        return self._access.plan(
            sql,
            self.purpose if purpose is None else purpose,
            catalogue=self._access.source.catalogue(),
        )

    def columns(self) -> list[tuple[ColumnRef, str, Label, Decision]]:
        """List every column with its type, its label and what the policy says about it."""
        catalogue = self._access.source.catalogue()
        decide = self._access.decide(self.purpose)
        listed = []
        for relation in catalogue.relations:
            for column in relation.columns:
                ref = ColumnRef(relation.schema, relation.name, column.name)
                label = self._access.label(catalogue, ref)
                listed.append((ref, column.type, label, decide(label)))
        return listed

    def progress(self) -> int:
        """Return how many rows of the latest query were handed out so far, from any thread."""
        return self._latest.rows if self._latest else 0

    def cancel(self) -> None:
        """Stop the running query, from any thread."""
        self._access.source.cancel()

    def close(self) -> None:
        """Close the database, the sinks and the audit log. May be called twice."""
        self._access.source.close()
        for sink in self._access.sinks:
            sink.close()
        self._access.audit.close()

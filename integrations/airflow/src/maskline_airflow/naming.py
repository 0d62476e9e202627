"""What OpenLineage calls the target of a transfer, as its naming specification says.

This module knows hooks of Airflow and paths. It opens nothing.
"""

import posixpath
from typing import Any
from urllib.parse import urlsplit

__all__ = ["file_name", "table_name"]


def table_name(hook: Any, table: str) -> tuple[str, str]:  # noqa: ANN401 - a DbApiHook
    """Return namespace and name of a table, as the stock operators name it.

    Args:
        hook: Of the connection that has it.
        table: ``table`` or ``schema.table``.
    """
    connection = hook.get_connection(hook.get_conn_id())
    info = hook.get_openlineage_database_info(connection)
    if info is None:  # Such as SQLite, which is named here as core names it.
        path = str(connection.host or "").partition("?")[0]
        name = table if "." in table else f"main.{table}"
        return f"{connection.conn_type}://{path}", name
    schema = hook.get_openlineage_default_schema()
    parts = [info.database or connection.schema or "", "" if "." in table else schema or "", table]
    namespace = f"{info.scheme}://{info.authority}" if info.authority else info.scheme
    return namespace, ".".join(filter(None, parts))


def file_name(path: str) -> tuple[str, str]:
    """Return namespace and name of a file."""
    parts = urlsplit(path)
    if parts.scheme in {"", "file"}:
        return "file", posixpath.abspath(parts.path)
    return f"{parts.scheme}://{parts.netloc}", parts.path.lstrip("/") or "/"

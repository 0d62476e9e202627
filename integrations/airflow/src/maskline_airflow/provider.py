"""What Airflow's providers manager asks of a provider.

This module knows names only. It imports nothing, for every Airflow process reads it.
"""

from typing import Any, Final

__all__ = ["get_provider_info"]

_INTEGRATION: Final = "maskline"
_TEXT: Final = {"type": ["string", "null"]}


def get_provider_info() -> dict[str, Any]:
    """Describe the provider, by Airflow's schema ``provider_info.schema.json``."""
    return {
        "package-name": "maskline-airflow",
        "name": "maskline",
        "description": "Masked answers to SQL, masked transfers, and guards against leaks.",
        "integrations": [
            {
                "integration-name": _INTEGRATION,
                "external-doc-url": "https://github.com/maskline/maskline",
                "tags": ["software"],
            }
        ],
        "operators": [
            {
                "integration-name": _INTEGRATION,
                "python-modules": [
                    "maskline_airflow.operators.sql",
                    "maskline_airflow.operators.transfer",
                    "maskline_airflow.operators.check",
                ],
            }
        ],
        "hooks": [{"integration-name": _INTEGRATION, "python-modules": ["maskline_airflow.hooks"]}],
        "connection-types": [_connection_type()],
        "task-decorators": [
            {"name": "masked_sql", "class-name": "maskline_airflow.decorators.masked_sql_task"}
        ],
        "config": {"maskline": {"description": "Masking of data in tasks.", "options": _options()}},
    }


def _connection_type() -> dict[str, Any]:
    return {
        "connection-type": "maskline",
        "hook-name": "maskline (masked SQL, read-only)",
        "hook-class-name": "maskline_airflow.hooks.MaskedSqlHook",
        "ui-field-behaviour": {
            "hidden-fields": ["host", "port", "login", "password", "schema"],
            "relabeling": {},
            "placeholders": {},
        },
        "conn-fields": {
            "source_conn_id": {
                "label": "Connection to mask",
                "schema": {"type": "string", "minLength": 1},
            },
            "policy": {
                "label": "Policy file",
                "description": "By default, [maskline] policy of the configuration.",
                "schema": _TEXT,
            },
            "source": {
                "label": "Name of the source in the policy",
                "description": "May be left out where the policy has just one.",
                "schema": _TEXT,
            },
            "purpose": {"label": "Purpose", "schema": _TEXT},
            "roles": {"label": "Roles, separated by commas", "schema": _TEXT},
        },
    }


def _options() -> dict[str, Any]:
    return {
        "policy": {
            "description": "The policy file of tasks that name none.",
            "version_added": "0.1.0",
            "type": "string",
            "example": "/opt/airflow/policy.yaml",
            "default": "",
        },
        "protected_conn_ids": {
            "description": (
                "Connections that only masked tasks may use: patterns such as ``*_raw``, separated "
                "by commas. A DAG that uses one otherwise is not loaded."
            ),
            "version_added": "0.1.0",
            "type": "string",
            "example": "shop_raw,*_production",
            "default": "",
        },
        "xcom_backend": {
            "description": "Where ``maskline_airflow.xcom.ScrubbingXComBackend`` stores values.",
            "version_added": "0.1.0",
            "type": "string",
            "example": "airflow.providers.common.io.xcom.backend.XComObjectStorageBackend",
            "default": "",
        },
    }

"""A masked copy of a shop: asked, transferred by parts, and checked.

It needs the connections ``shop`` and ``warehouse``, and ``[maskline] policy``.
"""

from airflow.sdk import DAG, Asset, task

from maskline_airflow import MaskedSQLExecuteQueryOperator, MaskTransferOperator, PIICheckOperator

COPY = Asset("maskline://warehouse/masked_customer")
TIERS = ("gold", "silver")

with DAG(dag_id="masked_shop", schedule=None, tags=["maskline"]):
    ask = MaskedSQLExecuteQueryOperator(
        task_id="ask",
        conn_id="shop",
        sql="SELECT id, email, tier FROM customer ORDER BY id",
        purpose="newsletter",
    )

    @task.masked_sql(conn_id="shop", purpose="newsletter")
    def count_tiers(columns: str) -> str:
        """Return the SQL to ask."""
        return f"SELECT {columns}, count(*) AS customers FROM customer GROUP BY {columns}"  # noqa: S608

    # Each task replaces its own part, and may be repeated and run beside the others.
    copy = MaskTransferOperator.partial(
        task_id="copy",
        source_conn_id="shop",
        target_conn_id="warehouse",
        target_table="masked_customer",
        mode="replace_partition",
    ).expand_kwargs(
        [
            {
                "sql": f"SELECT * FROM customer WHERE tier = '{tier}'",  # noqa: S608
                "partition": {"tier": tier},
            }
            for tier in TIERS
        ]
    )

    # Mapped tasks would give one asset event each, so the asset is an outlet of the check.
    check = PIICheckOperator(
        task_id="check", conn_id="warehouse", table="masked_customer", outlets=[COPY]
    )

    count_tiers("tier") >> ask >> copy >> check

"""Decides how a query is answered: pure functions of SQL, catalogue, labels and decisions.

`guard` reads the SQL, `bind` finds what its names stand for, `analyze` follows the columns through
it, `plan` holds that against labels and policy. Nothing here sees a database, a value or a key.
"""

from maskline.planning.plan import Plan, Refusal, plan_query

__all__ = ["Plan", "Refusal", "plan_query"]

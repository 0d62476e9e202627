"""What three principals ask the shop, and what they had better not get.

This module knows SQL and the shop's tables.
"""

from typing import Final

from maskline.demo._story import Question
from maskline.model import Principal

__all__ = ["AGENT", "ANALYST", "FRAUD", "JOIN_OUTSIDE", "shop_attacks", "shop_questions"]

ANALYST: Final = Principal(kind="human", id="analyst", roles=("analyst",))
FRAUD: Final = Principal(kind="human", id="investigator", roles=("fraud",))
AGENT: Final = Principal(kind="agent", id="support-bot", on_behalf_of=("human:analyst",))

_REVIEW: Final = "churn review"

JOIN_OUTSIDE: Final = (
    "SELECT email, tier FROM customers",
    "SELECT email, opened FROM newsletter",
    (
        "SELECT c.tier, count(*) AS subscribers, count(DISTINCT c.email) AS addresses, "
        "sum(n.opened) AS opened FROM one AS c JOIN two AS n ON n.email = c.email "
        "GROUP BY c.tier ORDER BY c.tier"
    ),
)
"""Two queries whose masked answers are joined by somebody else, and the join."""


def shop_questions() -> tuple[Question, ...]:
    """Return the questions. The second one is the join."""
    return (
        Question(
            title="Who are our customers?",
            why="Names and addresses are tokens, phone numbers keep four digits, the social "
            "security number is gone, and what stands in notes is found there.",
            who=ANALYST,
            purpose=_REVIEW,
            sql="SELECT id, full_name, email, phone, ssn, notes\nFROM customers\nORDER BY id\n"
            "LIMIT 200",
        ),
        Question(
            title="How many of them read the newsletter?",
            why="Two tables are joined by e-mail address, and addresses are counted, though "
            "nobody sees one. Equal values have equal tokens, so the numbers are exact.",
            who=ANALYST,
            purpose=_REVIEW,
            sql="SELECT c.tier, count(*) AS subscribers, count(DISTINCT c.email) AS addresses,\n"
            "       sum(n.opened) AS opened\n"
            "FROM customers AS c\nJOIN newsletter AS n ON n.email = c.email\n"
            "GROUP BY c.tier\nORDER BY c.tier",
        ),
        Question(
            title="Which cards were charged back?",
            why="A rule of the policy reveals card numbers to the fraud team, for this purpose "
            "alone and until a date. Names stay tokens, and the record says who saw what.",
            who=FRAUD,
            purpose="chargeback",
            sql="SELECT o.id, o.card_number, o.total, c.full_name, c.city\n"
            "FROM orders AS o\nJOIN customers AS c ON c.id = o.customer_id\n"
            "WHERE o.status = 'chargeback'\nORDER BY o.total DESC, o.id\nLIMIT 40",
        ),
        Question(
            title="What do people write to us?",
            why="Inside the text, addresses, cards, social security numbers and access keys are "
            "found and replaced. The rest can be read.",
            who=AGENT,
            purpose="draft replies",
            sql="SELECT id, subject, body\nFROM support_tickets\nORDER BY id\nLIMIT 60",
        ),
        Question(
            title="What is in an order?",
            why="A JSON document keeps its shape. What stands at the path of the buyer is masked "
            "as it is everywhere else, so the token of an address is the same one.",
            who=AGENT,
            purpose="draft replies",
            sql="SELECT o.id, c.full_name, c.email, o.card_number, o.payload\n"
            "FROM orders AS o\nJOIN customers AS c ON c.id = o.customer_id\n"
            "ORDER BY o.id\nLIMIT 60",
        ),
    )


def shop_attacks() -> tuple[Question, ...]:
    """Return questions that would give away what is masked, if they ran on raw values.

    Each gives rows in an order that it states, or all of them.
    """
    return (
        _attack(
            "Cut off a piece",
            "Nine letters of a number are most of it, and of an address the name.",
            "SELECT id, substr(ssn, 1, 9) AS ssn, substr(email, 1, 9) AS email\nFROM customers",
        ),
        _attack(
            "Walk along the alphabet",
            "Each LIKE halves what an address can be.",
            "SELECT count(*) AS hits\nFROM customers\nWHERE email LIKE 'am%'",
        ),
        _attack(
            "Sort by it",
            "The order of rows tells the order of the values.",
            "SELECT id, tier, email\nFROM customers\nORDER BY email",
        ),
        _attack(
            "Take the first and the last",
            "The smallest and the largest value are values.",
            "SELECT tier, min(full_name) AS first, max(full_name) AS last\nFROM customers\n"
            "GROUP BY tier\nORDER BY tier",
        ),
        _attack(
            "Guess",
            "A comparison with a guess answers yes or no.",
            "SELECT count(*) AS hits\nFROM customers\nWHERE date_of_birth < DATE '1980-02-29'",
        ),
        _attack(
            "Hide it in a whole row",
            "A row as one value has no column that could be masked.",
            "SELECT to_json(c) FROM customers AS c",
        ),
        _attack(
            "Read a file instead",
            "The engine can read files, and the query may not.",
            "SELECT * FROM read_csv('customers.csv')",
        ),
        Question(
            title="Give no reason",
            why="The policy wants a purpose from programs that act on their own.",
            who=AGENT,
            purpose="",
            sql="SELECT count(*) FROM orders",
        ),
    )


def _attack(title: str, why: str, sql: str) -> Question:
    return Question(title=title, why=why, who=ANALYST, purpose=_REVIEW, sql=sql)

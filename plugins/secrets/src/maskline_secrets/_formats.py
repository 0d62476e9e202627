"""The vendors whose secrets have a shape of their own. The shapes are in ``formats.toml``.

Whether a secret still works is not this module's business.
"""

import tomllib
from collections.abc import Sequence
from importlib.resources import files
from typing import Final, NamedTuple

from maskline.entities import Category, Entity
from maskline.patterns import PatternDetector, PatternRule

__all__ = ["VENDORS", "Vendor", "entities", "vendor_detector"]

_SCORE: Final = 0.95


class Vendor(NamedTuple):
    """An entity of this plugin."""

    title: str
    slug: str


VENDORS: Final = {
    "AIRTABLE_TOKEN": Vendor("Airtable token", "airtable"),
    "ANTHROPIC_KEY": Vendor("Anthropic API key", "anthropic"),
    "ATLASSIAN_TOKEN": Vendor("Atlassian token", "atlassian"),
    "DATABRICKS_TOKEN": Vendor("Databricks token", "databricks"),
    "DIGITALOCEAN_TOKEN": Vendor("DigitalOcean token", "digitalocean"),
    "DISCORD_TOKEN": Vendor("Discord token or webhook", "discord"),
    "DOCKER_TOKEN": Vendor("Docker Hub token", "docker"),
    "GITHUB_TOKEN": Vendor("GitHub token", "github"),
    "GITLAB_TOKEN": Vendor("GitLab token", "gitlab"),
    "GRAFANA_TOKEN": Vendor("Grafana token", "grafana"),
    "HEROKU_KEY": Vendor("Heroku API key", "heroku"),
    "HUGGINGFACE_TOKEN": Vendor("Hugging Face token", "huggingface"),
    "LINEAR_KEY": Vendor("Linear API key", "linear"),
    "MAILCHIMP_KEY": Vendor("Mailchimp API key", "mailchimp"),
    "MAILGUN_KEY": Vendor("Mailgun key", "mailgun"),
    "NEWRELIC_KEY": Vendor("New Relic key", "newrelic"),
    "NOTION_TOKEN": Vendor("Notion token", "notion"),
    "NPM_TOKEN": Vendor("npm token", "npm"),
    "OPENAI_KEY": Vendor("OpenAI API key", "openai"),
    "PLANETSCALE_TOKEN": Vendor("PlanetScale token", "planetscale"),
    "POSTMAN_KEY": Vendor("Postman API key", "postman"),
    "PYPI_TOKEN": Vendor("PyPI token", "pypi"),
    "SENDGRID_KEY": Vendor("SendGrid API key", "sendgrid"),
    "SENTRY_TOKEN": Vendor("Sentry token", "sentry"),
    "SHOPIFY_TOKEN": Vendor("Shopify token", "shopify"),
    "SLACK_TOKEN": Vendor("Slack token or webhook", "slack"),
    "SQUARE_TOKEN": Vendor("Square token", "square"),
    "STRIPE_KEY": Vendor("Stripe key", "stripe"),
    "TELEGRAM_TOKEN": Vendor("Telegram bot token", "telegram"),
    "TERRAFORM_TOKEN": Vendor("Terraform Cloud token", "terraform"),
    "TWILIO_KEY": Vendor("Twilio key", "twilio"),
    "URL_CREDENTIALS": Vendor("password in a URL", "urlpassword"),
    "VAULT_TOKEN": Vendor("Vault token", "vault"),
}


def entities() -> Sequence[Entity]:
    """Return the entities of this plugin: secrets, all of them, and redacted."""
    return tuple(
        Entity(
            name=name,
            title=vendor.title,
            slug=vendor.slug,
            category=Category.SECRET,
            mask="redact",
            names=(name.replace("_", " ").lower(),),
        )
        for name, vendor in VENDORS.items()
    )


def vendor_detector() -> PatternDetector:
    """Return a detector of all shapes."""
    text = files("maskline_secrets").joinpath("formats.toml").read_text(encoding="utf-8")
    rules = [
        PatternRule(
            entity=entry["entity"],
            pattern=entry["pattern"],
            score=_SCORE,
            trigger=entry["trigger"],
        )
        for entry in tomllib.loads(text)["formats"]
    ]
    return PatternDetector("secrets_vendors", rules)

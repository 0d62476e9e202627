"""The policy: what columns are, and who sees what of them.

This package reads, checks and writes the policy file. It knows pydantic, YAML and what plugins
offer; it does not know how plugins are loaded, nor databases, nor SQL, and it never sees a value.
`maskline.plugins.load_policy` is the way in.
"""

from maskline.policy._policy import KeysConfig, Policy, SigningConfig, SourceConfig
from maskline.policy._read import Plugins, read_policy
from maskline.policy._rules import Effect, Rule, Who, normal_purpose
from maskline.policy._schema import policy_schema
from maskline.policy._urls import absolute_url
from maskline.policy._write import Drift, LabelDiff, initial_policy, write_labels

__all__ = [
    "Drift",
    "Effect",
    "KeysConfig",
    "LabelDiff",
    "Plugins",
    "Policy",
    "Rule",
    "SigningConfig",
    "SourceConfig",
    "Who",
    "absolute_url",
    "initial_policy",
    "normal_purpose",
    "policy_schema",
    "read_policy",
    "write_labels",
]

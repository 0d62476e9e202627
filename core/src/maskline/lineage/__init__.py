"""How columns reach answers, drawn from the audit log alone."""

from maskline.lineage._drawing import to_svg
from maskline.lineage._graph import Answer, Graph, Job, Relation, SourceColumn, build_graph, to_json
from maskline.lineage._page import to_html
from maskline.lineage.forwarding import Delivery, Forwarder

__all__ = [
    "Answer",
    "Delivery",
    "Forwarder",
    "Graph",
    "Job",
    "Relation",
    "SourceColumn",
    "build_graph",
    "to_html",
    "to_json",
    "to_svg",
]

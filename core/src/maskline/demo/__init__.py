"""The demonstration: a whole life of questions and answers, and a report of it.

It runs on a small shop that it makes up, or on a database of the reader's, which it only reads.
This package knows sessions and everything below; it does not know the command line.
"""

from maskline.demo._run import run_demo

__all__ = ["run_demo"]

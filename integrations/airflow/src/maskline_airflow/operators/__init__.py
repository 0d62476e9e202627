"""Operators out of which only masked data leaves the task."""

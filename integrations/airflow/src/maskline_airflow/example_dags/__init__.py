"""DAGs that show each operator, and run in the tests of this member."""

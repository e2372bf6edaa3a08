"""The plumbing of stages and of both command lines."""

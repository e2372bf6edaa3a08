"""A world whose truth is known step by step: problems that branch, traces in a person's words, and how to read one."""

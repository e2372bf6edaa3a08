"""Assertions that test a program from another process: what the program can reach holds neither the tests nor a word
that says they passed."""

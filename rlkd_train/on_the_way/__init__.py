"""Evaluations on the way: the model in training on held-out problems, every so many steps."""

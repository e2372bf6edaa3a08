"""Judging models: sampling, figures, and judges against labelled pairs."""

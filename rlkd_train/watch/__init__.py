"""Watching a run: its clock, its live line, trackers, and what is pushed as it comes."""

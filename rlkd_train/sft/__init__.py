"""Supervised fine-tuning: traces to token ids, and one trainer for the student and the GSRM."""

"""On-policy distillation: a teacher's log-probabilities of the student's own completions."""

"""What a run costs, may cost, and would cost."""

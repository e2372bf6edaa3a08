"""Tables to files that other trainers read."""

"""The structure reward and what stands beside it, from a completion to a number or to the reason for none."""

"""Who says whether two parts of a step match."""

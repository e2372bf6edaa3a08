"""How good decompositions are, how alike, and how they branch."""

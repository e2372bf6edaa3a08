"""What a problem is about. Stands apart from the tables' schemas, which load Arrow: a page of help needs the words."""

from __future__ import annotations

from typing import Literal, get_args

Domain = Literal["math", "code", "science", "puzzle"]
DOMAINS: tuple[Domain, ...] = get_args(Domain)

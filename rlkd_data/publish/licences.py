"""Pure: what a licence's name says about passing rows on.

| written so | is taken as |
| --- | --- |
| nothing | missing: refused, as nobody may guess it |
| `…-nc…`, `non-commercial`, `research only` | for some uses alone: refused |
| `…-nd…`, `no derivatives` | no changed copies, which traces and steps are: refused |
| `proprietary`, `all rights reserved`, `no licence`, `unlicensed`, `(c) …`, `unknown` | not given: refused |
| anything else | as it says |

`--allow-licence NAME` lets one of the refused names pass: the publisher then answers for it.
"""

from __future__ import annotations

import re

_FORBIDS = (
    (
        re.compile(r"\bnc\b|non[- ]?commercial|research[- ](use[- ])?only"),
        "restricts the use to non-commercial purposes",
    ),
    (re.compile(r"\bnd\b|no ?deriv"), "forbids changed copies, which traces and steps are"),
    (
        re.compile(
            r"proprietary|all rights reserved|\bno licen[sc]e|unlicen[sc]ed|without (a )?licen[sc]e|\(c\)|©"
            r"|copyright|^(none|unknown|n/a|null|closed|restricted)$|\bnot (stated|given|known|specified)"
        ),
        "does not let anybody pass the rows on",
    ),
)
_KNOWN = {
    "mit": "mit",
    "apache-2.0": "apache-2.0",
    "apache-2": "apache-2.0",
    "apache2.0": "apache-2.0",
    "cc0-1.0": "cc0-1.0",
    "cc0": "cc0-1.0",
    "cc-by-4.0": "cc-by-4.0",
    "cc-by-3.0": "cc-by-3.0",
    "cc-by-2.0": "cc-by-2.0",
    "cc-by-sa-4.0": "cc-by-sa-4.0",
    "cc-by-sa-3.0": "cc-by-sa-3.0",
    "cc-by-nc-4.0": "cc-by-nc-4.0",
    "cc-by-nc-sa-4.0": "cc-by-nc-sa-4.0",
    "cc-by-nd-4.0": "cc-by-nd-4.0",
    "cc-by-nc-nd-4.0": "cc-by-nc-nd-4.0",
    "odc-by": "odc-by",
    "odc-by-1.0": "odc-by",
    "odbl": "odbl",
    "pddl": "pddl",
    "unlicense": "unlicense",
    "bsd-3-clause": "bsd-3-clause",
    "bsd-2-clause": "bsd-2-clause",
    "gpl-3.0": "gpl-3.0",
    "llama3.1": "llama3.1",
    "gemma": "gemma",
    "openrail": "openrail",
    "other": "other",
}
"""Usual spellings to the names that the Hub knows."""


def normalised(licence: str) -> str:
    """One spelling of a licence's name, for comparing: `Apache License 2.0` is `apache-2.0`."""
    text = re.sub(r"[\s_-]+", "-", licence.strip().lower())
    bare = re.sub(r"(?<![a-z])(licen[sc]e|version|v(?=\d))", "", text)
    return _KNOWN.get(text) or _KNOWN.get(re.sub(r"-+", "-", bare).strip("-"), text)


def hub_name(licence: str) -> str:
    """The Hub's name of a licence, `other` where it has none."""
    name = normalised(licence)
    return name if name in _KNOWN.values() else "other"


def why_refused(licence: str) -> str | None:
    """Why rows under this licence are not published, None where nothing speaks against it."""
    text = re.sub(r"[\s_-]+", "-", licence.strip().lower()).replace("-", " ")
    return next((why for pattern, why in _FORBIDS if pattern.search(text)), None)

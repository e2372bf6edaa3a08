"""Several traces of one problem as one branching structure.

RLKD (arXiv 2505.16142, section 1) describes reasoning as a choice among several sub-problems at every step, of which a
trace shows one. Where several traces of a problem are at hand, the choices that were open can be seen: steps that are
the same become one node, alternatives become branches. The structure is a prefix tree: a node is reached by one way of
steps only, and two traces share it as long as each of their steps so far was the same.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field

from rlkd_data.schema import Step


@dataclass(frozen=True, slots=True)
class Node:
    """A step that one or more traces took.

    `node` counts from 1 in the order of a walk from the root, depth first, the branch that most traces take first;
    `parent` is None for a first step; `depth` counts from 1. `traces` are the traces through it, each with the index of
    its own step here; `step` is that of the first of them.
    """

    node: int
    parent: int | None
    depth: int
    step: Step
    traces: tuple[tuple[str, int], ...]


@dataclass(slots=True)
class _Growing:
    step: Step | None
    traces: list[tuple[str, int]] = field(default_factory=list)
    children: list[_Growing] = field(default_factory=list)


Verdicts = Sequence[bool | None]


def grow(traces: Mapping[str, Sequence[Step]]) -> Generator[list[tuple[Step, Step]], Verdicts, list[Node]]:
    """Merge the steps of one problem's traces, by trace id.

    Yields the pairs (a node's step, a trace's step) that a verdict is needed about, and is sent a verdict for each, in
    order; returns the nodes. The first that is the same is taken; a pair without a verdict counts as different, so that
    an outage merges nothing. Traces are taken in the order of their ids, so the result does not depend on theirs.
    """
    root = _Growing(None)
    for trace_id in sorted(traces):
        at = root
        for step in traces[trace_id]:
            verdicts: Verdicts = ()
            if at.children:
                verdicts = yield [(child.step, step) for child in at.children if child.step is not None]
            found = next((child for child, same in zip(at.children, verdicts, strict=True) if same), None)
            if found is None:
                found = _Growing(step)
                at.children.append(found)
            found.traces.append((trace_id, step.index))
            at = found
    return _numbered(root)


def _numbered(root: _Growing) -> list[Node]:
    nodes: list[Node] = []
    waiting: list[tuple[_Growing, int | None, int]] = [(child, None, 1) for child in _by_use(root)[::-1]]
    while waiting:
        growing, parent, depth = waiting.pop()
        assert growing.step is not None
        node = Node(len(nodes) + 1, parent, depth, growing.step, tuple(growing.traces))
        nodes.append(node)
        waiting += [(child, node.node, depth + 1) for child in _by_use(growing)[::-1]]
    return nodes


def _by_use(growing: _Growing) -> list[_Growing]:
    return sorted(growing.children, key=lambda child: -len(child.traces))

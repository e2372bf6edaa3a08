"""Replies in the styles that annotators write in, made from steps: what is to be read in each is known.

`READABLE` are styles that a person reads without effort; `UNSAFE` make texts that nobody can read in one way.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from rlkd_data.schema import Step

Style = Callable[[Sequence[Step], str], str]
NAMES = ("Meta-reasoning", "Sub-problem", "Answer")
ENDINGS: dict[str, Callable[[str], str]] = {
    "marker": lambda f: f"[Final answer]: {f}",
    "below": lambda f: f"[Final answer]:\n{f}",
    "bold_marker": lambda f: f"**[Final answer]:** {f}",
    "bold": lambda f: f"**Final Answer:** {f}",
    "bold_all": lambda f: f"**Final answer: {f}**",
    "heading": lambda f: f"### Final Answer\n{f}",
    "heading_gap": lambda f: f"### Final Answer\n\n{f}",
    "bold_heading": lambda f: f"**Final answer**\n\n{f}",
    "heading_colon": lambda f: f"## Final answer:\n\n{f}",
    "hashes": lambda f: f"#### {f}",
    "sentence": lambda f: f"So the final answer is {f}.",
    "the_answer_is": lambda f: f"The answer is {f}.",
    "therefore": lambda f: f"Therefore, the answer is **{f}**.",
    "label": lambda f: f"**Answer:** {f}",
    "box": lambda f: f"$\\boxed{{{f}}}$",
    "rule_sentence": lambda f: f"---\n\nThe final answer is {f}.",
    "answer_heading": lambda f: f"### Answer\n\n{f}",
    "conclusion": lambda f: f"## Conclusion\n\nThe answer is {f}.",
}


def parts(step: Step) -> tuple[str, str, str]:
    return step.meta_reasoning, step.sub_problem, step.answer


def form(marker: str, *, between: str = "\n", above: str = "", gap: str = "\n\n") -> Style:
    """Steps whose parts stand behind `marker`; {name}, {i} and {n} are the part's name and its step's number and count,
    {k} the part's number in its step. `above` stands over each step, `between` between its parts."""

    def write(steps: Sequence[Step], ending: str) -> str:
        blocks = []
        for i, step in enumerate(steps, 1):
            values = {"i": i, "n": len(steps), "full": "０１２３４５６７８９"[i % 10]}
            lines = [
                marker.format(name=name, k=k, text=text, **values)
                for k, (name, text) in enumerate(zip(NAMES, parts(step), strict=True), 1)
            ]
            blocks.append(above.format(**values) + between.join(lines))
        return gap.join([*blocks, *([ending] if ending else [])])

    return write


def around(before: str, style: Style, after: str) -> Style:
    return lambda steps, ending: before + style(steps, ending) + after


PLAIN = form("[{name} {i}]: {text}")
BARE = form("{name} {i}: {text}")


def table(head: str, rule: str, row: str) -> Style:
    def write(steps: Sequence[Step], ending: str) -> str:
        rows = [
            row.format(*(text.replace("|", "\\|").replace("\n", "<br>") for text in parts(s)), i=i)
            for i, s in enumerate(steps, 1)
        ]
        return "\n".join([head, rule, *rows]) + (f"\n\n{ending}" if ending else "")

    return write


def json_text(
    shape: Callable[[list[dict[str, str]], str], object], keys: Sequence[str] = (), **options: object
) -> Style:
    names = keys or ("meta_reasoning", "sub_problem", "answer")

    def write(steps: Sequence[Step], ending: str) -> str:
        rows = [dict(zip(names, parts(s), strict=True)) for s in steps]
        return json.dumps(shape(rows, ending), ensure_ascii=False, **options)  # type: ignore[arg-type]

    return write


def each_fenced(steps: Sequence[Step], ending: str) -> str:
    blocks = [f"```\n{PLAIN([s], '')}\n```".replace(" 1]", f" {i}]") for i, s in enumerate(steps, 1)]
    return "\n\n".join([*blocks, ending])


READABLE: dict[str, Style] = {
    "canonical": PLAIN,
    "preamble": around("Sure! Here is the decomposition:\n\n", PLAIN, ""),
    "fence": around("```text\n", PLAIN, "\n```"),
    "preamble_fence": around("Here it is:\n\n```markdown\n", PLAIN, "\n```\n\nLet me know if you need more."),
    "tilde_fence": around("~~~\n", PLAIN, "\n~~~"),
    "longer_fence": around("````\n", PLAIN, "\n````"),
    "fence_never_closed": around("```\n", PLAIN, ""),
    "fence_never_opened": around("", PLAIN, "\n```"),
    "each_fenced": each_fenced,
    "nb_hyphen": lambda s, e: PLAIN(s, e).replace("Meta-r", "Meta‑r").replace("Sub-p", "Sub–p"),
    "nbsp": form("[{name}\u00a0{i}]:\u00a0{text}"),
    "narrow_nbsp": form("[{name}\u202f{i}]: {text}"),
    "zero_width": form("\u200b[{name}\u200b {i}]: {text}"),
    "byte_order_mark": around("\ufeff", PLAIN, ""),
    "full_width_colon": form("[{name} {i}]：{text}"),
    "full_width_brackets": form("【{name} {i}】：{text}"),
    "full_width_plain": form("{name} {i}：{text}"),
    "full_width_digits": form("［{name} {full}］{text}"),
    "crlf": lambda s, e: PLAIN(s, e).replace("\n", "\r\n"),
    "bold": form("**[{name} {i}]:** {text}"),
    "bold_outside": form("**[{name} {i}]**: {text}"),
    "italics": form("*[{name} {i}]:* {text}"),
    "underscores": form("__{name} {i}:__ {text}"),
    "bold_plain": form("**{name} {i}:** {text}"),
    "bold_step": form("**{name} (Step {i}):** {text}"),
    "in_step_brackets": form("[{name} (Step {i})]: {text}"),
    "of_total": form("[{name} {i}/{n}]: {text}"),
    "of_total_words": form("[{name} {i} of {n}]: {text}"),
    "hash": form("[{name} #{i}]: {text}"),
    "parentheses": form("[{name} ({i})]: {text}"),
    "colon_inside": form("[{name} {i}:] {text}"),
    "colon_before": form("[{name}: {i}] {text}"),
    "underscore_number": form("[{name}_{i}]: {text}"),
    "decimal": form("[{name} {i}.{k}]: {text}"),
    "decimal_first": form("{i}.{k} {name}: {text}"),
    "decimal_sub": form("[{name} 1.{i}]: {text}"),
    "number_first": form("[{i}. {name}]: {text}"),
    "step_first": form("[Step {i} - {name}]: {text}"),
    "step_colon_first": form("Step {i}: [{name}]: {text}"),
    "step_lead": form("[{name}]: {text}", above="Step {i}: "),
    "bold_step_lead": form("[{name}]: {text}", above="**Step {i}:** "),
    "number_behind": form("[{name}] ({i}): {text}"),
    "unnumbered": form("[{name}]: {text}"),
    "plain": BARE,
    "plain_dash": form("{name} {i} - {text}"),
    "plain_angle": form("<{name} {i}>: {text}"),
    "plain_round": form("({name} {i}): {text}"),
    "plain_unnumbered": form("{name}: {text}"),
    "code_ticks": form("- {name} {i}: {text}"),
    "no_colon": form("[{name} {i}] {text}"),
    "dash": form("[{name} {i}] - {text}"),
    "em_dash": form("[{name} {i}] — {text}"),
    "equals": form("[{name} {i}]:\t{text}"),
    "no_hyphen": lambda s, e: PLAIN(s, e).replace("Meta-r", "Meta r").replace("Sub-p", "Subp"),
    "snake_case": lambda s, e: PLAIN(s, e).replace("Meta-reasoning", "meta_reasoning").replace("Sub-pro", "sub_pro"),
    "sub_question": lambda s, e: PLAIN(s, e).replace("Sub-problem", "Sub-question"),
    "capitals": lambda s, e: PLAIN(s, e).replace("Meta-reas", "META-REAS").replace("Sub-pro", "SUB-PRO"),
    "reference": lambda s, e: PLAIN(s, e).replace("Meta-", "Meat-").replace("Sub-problem", "Query"),
    "bullets": form("- [{name} {i}]: {text}"),
    "bullet_dots": form("• {name} {i}: {text}"),
    "quoted": form("> [{name} {i}]: {text}", gap="\n>\n"),
    "numbered_list": form("   **{name}:** {text}", above="{i}. "),
    "emoji": form("🔎 **{name} {i}:** {text}"),
    "html_bold": form("<b>{name} {i}:</b> {text}"),
    "html_strong": form("<strong>[{name} {i}]</strong>: {text}"),
    "below": form("[{name} {i}]:\n{text}", between="\n\n"),
    "headings": form("### {name} {i}\n{text}", between="\n\n"),
    "headings_colon": form("## {name} {i}:\n\n{text}", between="\n\n"),
    "headings_text": form("### {name} {i}: {text}", between="\n\n"),
    "bold_lines": form("**{name} {i}**\n{text}", between="\n\n"),
    "bold_lines_unnumbered": form("**{name}**\n{text}", between="\n\n", above="## Step {i}\n\n"),
    "heading_brackets": form("#### [{name} {i}]\n{text}", between="\n\n"),
    "whole_line_bold": form("**[{name} {i}]: {text}**"),
    "step_headings": form("[{name} {i}]: {text}", above="### Step {i}\n"),
    "step_headings_titled": form("[{name} {i}]: {text}", above="## Step {i}: the next part\n\n"),
    "step_bold": form("[{name}]: {text}", above="**Step {i}**\n"),
    "step_plain": form("**{name}:** {text}", above="Step {i}:\n"),
    "step_of": form("[{name} {i}]: {text}", above="Step {i}/{n}\n"),
    "step_framed": form("[{name} {i}]: {text}", above="--- Step {i} ---\n"),
    "step_equals": form("[{name} {i}]: {text}", above="=== Step {i} ===\n"),
    "step_bracket": form("{name}: {text}", above="[Step {i}]\n"),
    "step_words": form("[{name} {i}]: {text}", above="#### Phase {i}: weighing\n"),
    "phase_bold": form("[{name} {i}]: {text}", above="**Phase {i}: Weighing what is known**\n\n"),
    "phase_heading": form("[{name} {i}]: {text}", above="## Weighing what is known\n\n"),
    "phase_plain": form("[{name} {i}]: {text}", above="Phase {i}: Weighing what is known\n"),
    "chinese_step": form("[{name} {i}]: {text}", above="第{i}步\n"),
    "number_titles": form("[{name}]: {text}", above="### {i}.\n"),
    "rules": form("[{name} {i}]: {text}", gap="\n\n---\n\n"),
    "stars": form("[{name} {i}]: {text}", gap="\n\n***\n\n"),
    "rules_tight": form("[{name} {i}]: {text}", gap="\n---\n"),
    "rules_and_steps": form("[{name} {i}]: {text}", above="### Step {i}\n", gap="\n\n---\n\n"),
    "breaks": form("[{name} {i}]: {text}", gap="\n<br>\n"),
    "breaks_at_ends": form("[{name} {i}]: {text}<br>", gap="\n\n"),
    "blank_lines": form("[{name} {i}]: {text}", between="\n\n\n"),
    "one_line": form("[{name} {i}]: {text}", between=" "),
    "one_line_bold": form("**{name} {i}:** {text}", between=" "),
    "all_one_line": form("[{name} {i}]: {text}", between=" ", gap=" "),
    "xml": form("<{name}>{text}</{name}>"),
    "xml_numbered": form('<{name} id="{i}">\n{text}\n</{name}>'),
    "xml_steps": around("<steps>\n", form("<{name}>{text}</{name}>", above='<step n="{i}">\n', gap="\n</step>\n"), ""),
    "xml_underscore": lambda s, e: (
        form("<{name}_{i}>{text}</{name}_{i}>")(s, e).replace("Meta-r", "meta_r").replace("Sub-p", "sub_p")
    ),
    "square_tags": form("[{name}]{text}[/{name}]"),
    "table": table("| Step | Meta-reasoning | Sub-problem | Answer |", "|---|---|---|---|", "| {i} | {} | {} | {} |"),
    "table_bare": table("Meta-reasoning | Sub-problem | Answer", ":--|:-:|--:", "{} | {} | {}"),
    "thought": around("<think>\nThere are some steps in it.\n</think>\n\n", PLAIN, ""),
    "thought_template": around("There are some steps in it.\n</think>\n\n", PLAIN, ""),
    "thought_brackets": around("[THINK]Some steps.[/THINK]", PLAIN, ""),
    "harmony": around(
        "<|channel|>analysis<|message|>Some.<|end|><|start|>assistant<|channel|>final<|message|>", PLAIN, ""
    ),
    "placeholder": around("I use this form:\n[Meta-reasoning i]: …\n[Sub-problem i]: …\n[Answer i]: …\n\n", PLAIN, ""),
    "postamble": around("", PLAIN, "\n\nLet me know if you would like it in another form."),
    "note": around("", PLAIN, "\n\n---\n*Note: all 7 numbers are kept.*"),
    "json": json_text(lambda rows, f: {"steps": rows, "final_answer": f}),
    "json_fenced": around(
        "Here:\n\n```json\n", json_text(lambda r, f: {"steps": r, "final_answer": f}, indent=2), "\n```"
    ),
    "json_wrapped": json_text(lambda rows, f: {"decomposition": {"steps": rows, "final_answer": f}}),
    "json_wrapped_list": json_text(lambda rows, f: {"decomposition": rows, "final_answer": f}),
    "json_hyphens": json_text(
        lambda rows, f: {"steps": rows, "final-answer": f}, ("meta-reasoning", "sub-problem", "answer")
    ),
    "json_camel": json_text(
        lambda rows, f: {"steps": rows, "finalAnswer": f}, ("metaReasoning", "subProblem", "answer")
    ),
    "json_spaces": json_text(
        lambda rows, f: {"steps": rows, "Final Answer": f}, ("Meta-reasoning", "Sub-problem", "Answer")
    ),
    "json_keyed": json_text(lambda rows, f: {f"step_{i}": row for i, row in enumerate(rows, 1)} | {"final_answer": f}),
    "json_flat": json_text(
        lambda rows, f: {f"{k}_{i}": v for i, row in enumerate(rows, 1) for k, v in row.items()} | {"final_answer": f}
    ),
    "json_numbered": json_text(
        lambda rows, f: {"steps": [{"step": i} | row for i, row in enumerate(rows, 1)], "final_answer": f}
    ),
    "json_comments": lambda s, e: (
        READABLE["json"](s, e).replace('{"meta_', '// the next\n{"meta_').replace(', "final', ' /* end */, "final')
    ),
    "json_thought": around(
        "<think>I write JSON.</think>\n", json_text(lambda r, f: {"steps": r, "final_answer": f}), ""
    ),
    "json_set_before": around("Let S = {1, 2}. So:\n", json_text(lambda r, f: {"steps": r, "final_answer": f}), ""),
}
"""Styles of which the second argument is the ending (JSON: the final answer itself)."""


def twice(steps: Sequence[Step], ending: str) -> str:
    return f"{PLAIN(steps, '')}\n\nLet me revise:\n\n{PLAIN(steps, ending)}"


UNSAFE: dict[str, Style] = {
    "twice": twice,
    "twice_unnumbered": lambda s, e: form("[{name}]: {text}")([*s, *s], e),
    "twice_by_titles": lambda s, e: (
        form("[{name}]: {text}", above="### Step {i}\n")(s, "")
        + "\n\n"
        + form("[{name}]: {text}", above="### Step {i}\n")(s, e)
    ),
    "a_first_step_drafted": lambda s, e: f"{PLAIN(s[:1], '')}\n\n{PLAIN(s, e)}",
    "thought_with_draft": lambda s, e: f"<think>\n{PLAIN(s[:1], '')}\n</think>\n\n{PLAIN(s, e)}",
    "thought_without_end": lambda s, e: f"<think>\n{PLAIN(s, e)}",
    "draft_then_fence": lambda s, e: f"{PLAIN(s[:1], '')}\n\n```\n{PLAIN(s, e)}\n```",
    "plain_draft_then_brackets": lambda s, e: f"{BARE(s, '')}\n\nNow in the form:\n\n{PLAIN(s, e)}",
    "two_fences": lambda s, e: f"```\n{PLAIN(s, '')}\n```\n\nBetter:\n\n```\n{PLAIN(s, e)}\n```",
    "ends_in_a_step": lambda s, e: PLAIN(s, "").rsplit("[Answer", 1)[0],
    "fewer_than_it_says": lambda s, e: form("[{name} {i}/9]: {text}")(s, ""),
    "a_part_lost": lambda s, e: PLAIN(s, e).replace(f"[Sub-problem {len(s)}]: {s[-1].sub_problem}\n", ""),
    "json_two": lambda s, e: READABLE["json"](s[:1], "") + "\n" + READABLE["json"](s, e),
    "json_cut": lambda s, e: READABLE["json"](s, e)[:-40],
    "json_key_twice": lambda s, e: READABLE["json"](s, e).replace('"sub_problem"', '"answer": "no", "sub_problem"', 1),
    "json_restarts": lambda s, e: READABLE["json_numbered"](list(s) + list(s), e).replace(
        f'"step": {len(s) + 1}', '"step": 1'
    ),
    "json_thought_draft": lambda s, e: f"<think>{READABLE['json'](s[:1], '')}</think>{READABLE['json'](s, e)}",
}

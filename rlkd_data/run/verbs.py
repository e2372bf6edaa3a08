"""A verb whose flags are settings: from a settings class and a table of panels to a Typer command.

    @verb(app, "rlkd_data.config:BranchSettings", Panel("Input and output", Flag("decompositions", "STEPS"), "--out"))
    def branches(values: dict[str, Any], out: Out) -> None:
        ...

`values` are the settings that were given, nested as in a YAML file. They are strings: the settings check them, so that
a flag and a line of YAML have the same rules and the same message.
"""

from __future__ import annotations

import copy
import importlib
import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from rlkd_data.run.command import json_object, pairs
from rlkd_data.run.flags import JSON, Flag, Panel
from rlkd_data.run.headings import Headed, noted

if TYPE_CHECKING:
    from rlkd_data.run.described import Setting

_UNTOLD = ("at least 0", "at least 1", "above 0")
"""Ranges that go without saying."""
_WIDEST_CHOICES = 42

Verb = Callable[..., None]


def verb(
    app: typer.Typer, settings: str, *panels: Panel, name: str | None = None, required: bool = True
) -> Callable[[Verb], Verb]:
    """Make a function a command of the app. `settings` is "module:class"; `required` is whether settings without a
    default must be flags, as they need not where a file may hold them."""

    def register(function: Verb) -> Verb:
        class OfSettings(Headed):
            """Its options are made when they are asked for: the list of all commands needs no settings."""

            def get_params(self, ctx: Any) -> Any:
                if not self.params:
                    made = _command(function, settings, panels, required)
                    self.params, self.callback = made.params, made.callback
                return super().get_params(ctx)

        app.command(name=name or function.__name__, cls=OfSettings, help=function.__doc__)(lambda: None)
        return function

    return register


def _command(function: Verb, settings: str, panels: Sequence[Panel], required: bool) -> Any:
    """The command with all its options, as Typer makes it of a signature."""
    from rlkd_data.run.described import find

    module, _, name = settings.partition(":")
    model = getattr(importlib.import_module(module), name)
    own = _own(function)
    flags: dict[str, tuple[Flag, Setting]] = {}
    parameters: list[inspect.Parameter] = []
    for panel in panels:
        for entry in panel.flags:
            if isinstance(entry, str) and entry.startswith("-"):
                parameters.append(_under(own.pop(entry), panel.heading))
                continue
            flag = Flag(entry) if isinstance(entry, str) else entry
            setting = find(model, flag.setting)
            parameter = flag.setting.replace(".", "__")
            flags[parameter] = (flag, setting)
            parameters.append(_parameter(parameter, flag, setting, panel.heading, required))
    parameters += own.values()

    def run(**given: Any) -> None:
        values = _nested((*flags[name], given.pop(name)) for name in flags)
        function(values, **given)

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    alone = typer.Typer(add_completion=False, rich_markup_mode=None)
    alone.command()(run)
    return typer.main.get_command(alone)


def _own(function: Verb) -> dict[str, inspect.Parameter]:
    """The options that a verb declares itself, by their flag: all parameters but the first, the settings that are
    given."""
    hints = get_type_hints(function, include_extras=True)
    _, *rest = inspect.signature(function).parameters.values()
    return {
        "--" + one.name.strip("_").replace("_", "-"): one.replace(
            annotation=hints[one.name], kind=inspect.Parameter.KEYWORD_ONLY
        )
        for one in rest
    }


def _under(own: inspect.Parameter, heading: str) -> inspect.Parameter:
    kind, info = own.annotation.__origin__, copy.copy(own.annotation.__metadata__[0])
    info.rich_help_panel = heading
    return own.replace(annotation=Annotated[kind, info])


def _parameter(name: str, flag: Flag, setting: Setting, heading: str, required: bool) -> inspect.Parameter:
    many = setting.many or flag.again or _is_pairs(flag, setting)
    kind = bool if setting.kind is bool else list[str] if many else str
    must = setting.required and required
    argument = bool(flag.name) and not flag.name.startswith("-")
    told: dict[str, Any] = {
        "metavar": flag.name if argument else flag.value or _value(setting),
        "help": _help(setting, again=not argument and kind == list[str], elsewhere=setting.required and not required),
        "rich_help_panel": heading,
        "show_default": False,
    }
    given = flag.name or "--" + setting.name.replace("_", "-")
    info = typer.Argument(**told) if argument else typer.Option(given, **told)
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=inspect.Parameter.empty if must else None,
        annotation=Annotated[kind if must else kind | None, info],
    )


def _value(setting: Setting) -> str:
    """What stands for a flag's value: its choices, or the kind of thing."""
    choices = "|".join(setting.choices)
    if choices and len(choices) <= _WIDEST_CHOICES:
        return choices
    return {"int": "N", "float": "X", "Path": "PATH"}.get(setting.kind.__name__, "TEXT")


def _help(setting: Setting, *, again: bool, elsewhere: bool) -> str:
    told = "" if setting.range in _UNTOLD else setting.range
    must = "required, or in the file" if elsewhere else ""
    return noted(setting.meaning, False, must, told, "repeatable" if again else "", default=setting.default)


def _nested(given: Iterable[tuple[Flag, Setting, Any]]) -> dict[str, Any]:
    """The settings that were given, as a YAML file would nest them: an absent flag leaves the setting's default."""
    found: dict[str, Any] = {}
    for flag, setting, value in given:
        if value is None or value is False or value == []:
            continue
        *groups, last = flag.setting.split(".")
        target = found
        for group in groups:
            target = target.setdefault(group, {})
        target[last] = _read(value, flag, setting)
    return found


def _is_pairs(flag: Flag, setting: Setting) -> bool:
    return setting.kind is dict and flag.value != JSON


def _read(value: Any, flag: Flag, setting: Setting) -> Any:
    """A flag's value as the settings have it."""
    name = "--" + setting.name.replace("_", "-")
    if setting.kind is not dict:
        return value
    return pairs(value, name, flag.value) if _is_pairs(flag, setting) else json_object(value, name)

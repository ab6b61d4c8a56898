"""One setting that a person may change: its name, its range, and when it applies.

It stands once, in the annotation of a dataclass's field::

    dropout: Annotated[float, Setting("Dropout", "Head", "Share of ...", 0.0, 0.99, 0.05)] = 0.35

pydantic checks the field by it, a form is drawn from it, the command line lists it.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args, get_origin, get_type_hints

from pydantic import AfterValidator, GetCoreSchemaHandler


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting.

    Attributes:
        label: its name in a form.
        group: the heading under which a form asks for it.
        help: sentences on its effect, and on when to change it.
        lowest, highest: of a number, or of each of several numbers; both are allowed. None for what is no number.
        step: of a form's buttons; None for the form's own.
        unit: stands behind the label; "%" for a share that a form shows in percent.
        choices: what it may be, where its type does not say so.
        words: of those choices that do not speak for themselves.
        accepted: what it may be in words, where type, range and choices do not say it all.
        usual: its default in words, where that depends on other settings.
        needs, needs_value: the setting without which it has no effect, and the value which that must have; None where
            any value will do that is not empty, 0 or false.
        name, default: of the field; `settings_of` fills them in.
    """

    label: str
    group: str
    help: str
    lowest: float | None = None
    highest: float | None = None
    step: float | None = None
    unit: str = ""
    choices: tuple[str, ...] = ()
    words: Mapping[str, str] = field(default_factory=dict)
    accepted: str = ""
    usual: str = ""
    needs: str = ""
    needs_value: Any = None
    name: str = ""
    default: Any = None

    @property
    def title(self) -> str:
        """The label with its unit."""
        return f"{self.label}, {self.unit}" if self.unit else self.label

    @property
    def is_several(self) -> bool:
        """Whether its value is a tuple."""
        return isinstance(self.default, tuple)

    @property
    def expected(self) -> str:
        """Give the allowed values in words, as they are typed."""
        if self.accepted:
            return self.accepted
        if isinstance(self.default, bool):
            return "true or false"
        if self.choices:
            names = ", ".join(self.choices)
            return f"any of {names}, or nothing" if self.is_several else f"one of {names}"
        noun = "whole number" if isinstance(self.lowest, int) else "number"
        span = f"from {_number(self.lowest)} to {_number(self.highest)}"
        return f"{noun}s {span}, parted by commas, or nothing" if self.is_several else f"a {noun} {span}"

    def applies(self, settings: Mapping[str, Any]) -> bool:
        """Say whether it has an effect beside these other settings."""
        if not self.needs:
            return True
        value = settings[self.needs]
        return bool(value) if self.needs_value is None else bool(value == self.needs_value)

    def in_words(self) -> list[str]:
        """Give two lines for a list: how it is typed, its default and when it applies; then its meaning."""
        lines = [f"{self.name}: {self.expected}", f"default: {self.usual or _typed(self.default)}"]
        if self.needs:
            lines.append(f"only with {self.needs}{'' if self.needs_value is None else f'={self.needs_value}'}")
        title = self.label if self.unit == "%" else self.title
        return ["; ".join(lines), f"{title}. {self.help}"]

    def _checked(self, value: Any) -> Any:
        for one in value if isinstance(value, tuple) else (value,):
            # Written so that NaN, which is neither lower nor higher, is refused.
            if self.lowest is not None and self.highest is not None and not self.lowest <= one <= self.highest:
                raise ValueError(f"not from {self.lowest} to {self.highest}")
            if self.choices and one not in self.choices:
                raise ValueError(f"not one of {', '.join(self.choices)}")
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        return AfterValidator(self._checked).__get_pydantic_core_schema__(source, handler)


def settings_of(defaults: Any) -> dict[str, Setting]:
    """Give the settings of a dataclass by their names, in the order of its fields.

    Args:
        defaults: the dataclass with its default values; each of its fields is annotated with a `Setting`.
    """
    found = {}
    for name, hint in get_type_hints(type(defaults), include_extras=True).items():
        kind, setting = get_args(hint)
        choices = setting.choices or tuple(_literals(kind))
        found[name] = dataclasses.replace(setting, name=name, default=getattr(defaults, name), choices=choices)
    return found


def listed(settings: Mapping[str, Setting]) -> Iterator[tuple[str, Sequence[Setting]]]:
    """Give the settings by their groups, both in the order of the fields."""
    for group in dict.fromkeys(setting.group for setting in settings.values()):
        yield group, [setting for setting in settings.values() if setting.group == group]


def _literals(kind: Any) -> Iterator[str]:
    if get_origin(kind) is Literal:
        yield from get_args(kind)
    else:
        for part in get_args(kind):
            yield from _literals(part)


def _number(value: float | None) -> str:
    return str(value) if isinstance(value, int) else f"{value:g}"


def _typed(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(map(str, value)) or "nothing"
    return _number(value) if isinstance(value, float) else str(value)

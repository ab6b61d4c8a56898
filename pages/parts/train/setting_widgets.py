"""Widgets of settings, drawn from each setting's own label, help, range, choices and condition."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from pneumo_core.train import Setting

# Settings whose value is tried out rather than typed.
BY_SLIDER = ("augmentation_strength", "validation_share")


def ask_for_group(
    settings: Sequence[Setting],
    columns: int,
    chosen: Mapping[str, Any],
    special: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """Draw a heading and rows of settings below it; give the values of those that apply, by their names.

    Args:
        settings: all of one group.
        chosen: values of settings drawn before, on which these may depend.
        special: further arguments of `ask_for`, by the names of settings.
    """
    st.header(settings[0].group)
    values = dict(chosen)
    for first in range(0, len(settings), columns):
        row = settings[first : first + columns]
        for column, setting in zip(columns_of(row[0].name, columns), row, strict=False):
            if setting.applies(values):
                with column:
                    values[setting.name] = ask_for(setting, **special.get(setting.name, {}))
    return values


def ask_for(
    setting: Setting,
    value: Any = None,
    choices: Sequence[str] = (),
    variant: str = "",
    note: str = "",
) -> Any:
    """Draw the widget of a setting, and give its value.

    Args:
        value: the first value, unless it is the setting's default.
        choices: the values to choose from, where the setting does not know them.
        variant: a new name for a widget that must begin with its first value again.
        note: follows the help.
    """
    begins, choices = setting.default if value is None else value, choices or setting.choices
    is_typed = not (isinstance(begins, bool) or choices)
    help_texts = (setting.help, f"Expected: {setting.expected}." if is_typed and setting.unit != "%" else "", note)
    kept = {"help": " ".join(filter(None, help_texts)), **kept_as(f"{setting.name}{variant}")}
    if isinstance(begins, bool):
        return st.toggle(setting.title, begins, **kept)
    if setting.is_several and choices:
        some = st.multiselect(
            setting.title, choices, begins, format_func=lambda one: setting.words.get(one, one), **kept
        )
        return [one for one in choices if one in some]
    if choices:
        place = choices.index(begins)
        return st.selectbox(setting.title, choices, place, format_func=lambda one: setting.words.get(one, one), **kept)
    if setting.is_several:
        text = st.text_input(setting.title, ", ".join(map(str, begins)), placeholder="none", **kept)
        return [part.strip() for part in text.split(",") if part.strip()]
    span = (setting.lowest, setting.highest, begins, setting.step)
    if setting.name in BY_SLIDER:
        return st.slider(setting.title, *span, format="percent" if setting.unit == "%" else None, **kept)
    return st.number_input(setting.title, *span, format="%g" if isinstance(begins, float) else None, **kept)


def columns_of(name: str, count: int) -> list[Any]:
    """Give so many columns side by side, which narrow windows put below each other."""
    with st.container(key=f"stack_{name}"):
        return st.columns(count, gap="medium", vertical_alignment="top")


def kept_as(name: str) -> dict[str, Any]:
    """Keep a control's value while another step or page is drawn."""
    return {"key": f"plan_{name}", "persist_state": "session"}

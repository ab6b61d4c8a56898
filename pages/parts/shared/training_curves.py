"""The curves of a training, epoch by epoch, for a run and for a model."""

from pathlib import Path
from typing import Any

import streamlit as st

from pages.parts.shared.frame import text_colour
from pneumo_core.draw import CHART_CONFIG
from pneumo_core.models import damaged_log_lines
from pneumo_core.train import HOW_TO_READ, legend_html, training_charts
from pneumo_core.wording import counted


def damage_shown(folder: Path) -> None:
    """Warn of damaged lines in the log of a run or a model."""
    damaged = damaged_log_lines(folder)
    if damaged:
        st.warning(
            f"{counted(damaged, 'line')} of the training log {'is' if damaged == 1 else 'are'} damaged. The epochs of "
            "these lines are left out here.",
            icon=":material/healing:",
        )


def training_curves(log: list[dict[str, Any]], epochs: int) -> None:
    """Draw the curves of a log that is not empty, over so many epochs, and the way to read them."""
    st.html(legend_html())
    charts = training_charts(log, epochs, text_colour())
    for first in range(0, len(charts), 3):
        with st.container(key=f"stack_training_{first}"):
            columns = st.columns(3, gap="medium")
        for column, chart in zip(columns, charts[first : first + 3], strict=False):
            with column:
                st.subheader(chart.title)
                st.plotly_chart(chart.figure, config=CHART_CONFIG, key=f"training_{chart.title}", alt=chart.alt)
    st.markdown(HOW_TO_READ)

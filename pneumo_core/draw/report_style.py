"""The style of reports that are web pages, for pages without a template; nothing is fetched for it."""

from importlib.resources import files

REPORT_STYLE = files("pneumo_core.draw").joinpath("templates/report.css").read_text(encoding="utf-8").rstrip()

"""How every report looks that is written as a page, for a page that is no template: nothing is fetched for it."""

from importlib.resources import files

REPORT_STYLE = files("pneumo_core.draw").joinpath("templates/report.css").read_text(encoding="utf-8").rstrip()

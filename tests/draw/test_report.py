"""Templates of reports: what is put into them stays text, and all have one look."""

from pneumo_core.draw.report import page_template
from pneumo_core.draw.report_style import REPORT_STYLE


def test_what_is_put_into_a_table_stays_text():
    rows = [{"Found": "<script>alert(1)</script>", "n": 3}]
    table = page_template("pneumo_core.draw", "table.html").module.table(rows)
    assert "<script" not in table
    assert "<td>&lt;script&gt;alert(1)&lt;/script&gt;</td><td>3</td>" in table


def test_a_report_of_another_room_has_drawn_its_look_from_the_same_file():
    class NoAudit:
        films, unusable, alarms = (), (), ()

    page = page_template("pneumo_core.data", "audit.html").render(audit=NoAudit, tables={}, lists={}, most=1)
    assert f"<style>\n{REPORT_STYLE}\nli " in page

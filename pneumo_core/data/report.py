"""An audit as one self-contained HTML page. It names files, which can carry a patient's name."""

from pneumo_core.data.audit_words import area_rows, count_rows, twins_in_words
from pneumo_core.data.audited import Audit
from pneumo_core.draw import page_template
from pneumo_core.wording import NOTICE

# More than these nobody reads; audit.json holds all of them.
MAX_LISTED = 500


def audit_html(audit: Audit) -> bytes:
    """Give the findings of an audit as a page: alarms, counts, outward facts, and which films they are about."""
    lists = {
        "X-rays that cannot be used": [f"{film.name}: {film.problem}" for film in audit.unusable],
        "X-rays that look the same": [twins_in_words(twins) for twins in audit.twins],
        "Patients in more than one split, by their names": [
            f"{patient.patient}: {patient.films} X-rays in {' and '.join(patient.splits)}"
            for patient in audit.patients_across
        ],
        "Files that were not audited": list(audit.ignored),
    }
    page = page_template("pneumo_core.data", "audit.html").render(
        audit=audit,
        notice=NOTICE,
        tables={"X-rays": count_rows(audit), "What the files' outward facts alone can do": area_rows(audit)},
        lists={title: lines for title, lines in lists.items() if lines},
        most=MAX_LISTED,
    )
    return page.encode()

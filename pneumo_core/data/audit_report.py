"""An audit as one self-contained HTML page. It names files, which can carry a patient's name."""

import jinja2

from pneumo_core.data.audit_words import area_rows, count_rows, twins_in_words
from pneumo_core.data.audited import Audit
from pneumo_core.draw import REPORT_STYLE
from pneumo_core.wording import NOTICE

# More than these nobody reads; audit.json holds all of them.
MAX_LISTED = 500


def audit_html(audit: Audit) -> bytes:
    """Give the findings of an audit as a page: alarms, counts, outward facts, and which films they are about."""
    lists = {
        "Films that cannot be used": [f"{film.name}: {film.problem}" for film in audit.unusable],
        "Films that look the same": [twins_in_words(twins) for twins in audit.twins],
        "Patients in more than one split, by their names": [
            f"{patient.patient}: {patient.films} films in {' and '.join(patient.splits)}"
            for patient in audit.patients_across
        ],
        "Files that were not audited": list(audit.ignored),
    }
    page = _TEMPLATE.render(
        style=REPORT_STYLE,
        audit=audit,
        notice=NOTICE,
        tables={"Films": count_rows(audit), "What the files' outward facts alone can do": area_rows(audit)},
        lists={title: lines for title, lines in lists.items() if lines},
        most=MAX_LISTED,
    )
    return page.encode()


_TEMPLATE = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
    """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Pneumo audit</title>
<style>
{{ style }}
li { overflow-wrap: anywhere; }
</style>
</head>
<body>
<main>
<h1>Audit of {{ audit.folder }}</h1>
<p class="notice">{{ notice }}</p>
<p>{{ audit.films | length }} films, {{ audit.unusable | length }} of which cannot be used. Audited at
{{ audit.audited_at }}. This page names files: it may be no more public than these names.</p>
<h2>Alarms</h2>
{% if audit.alarms %}
<ul>{% for alarm in audit.alarms %}<li><strong>{{ alarm.kind }}</strong>: {{ alarm.text }}</li>{% endfor %}</ul>
{% else %}
<p>Nothing alarming was found.</p>
{% endif %}
{% for title, rows in tables.items() %}
<h2>{{ title }}</h2>
<table>
{% for row in rows %}
{% if loop.first %}<tr>{% for label in row %}<th scope="col">{{ label }}</th>{% endfor %}</tr>{% endif %}
<tr>{% for value in row.values() %}<td>{{ value }}</td>{% endfor %}</tr>
{% endfor %}
</table>
{% endfor %}
{% for title, lines in lists.items() %}
<h2>{{ title }} ({{ lines | length }})</h2>
<ul>{% for line in lines[:most] %}<li>{{ line }}</li>{% endfor %}</ul>
{% if lines | length > most %}<p>And {{ lines | length - most }} more.</p>{% endif %}
{% endfor %}
</main>
</body>
</html>
"""
)

"""How every report that is written as a page comes to be: a room's template, with the look that all share."""

import functools

import jinja2


@functools.cache
def page_template(room: str, name: str) -> jinja2.Template:
    """Give a page's template; nothing that is put into it is taken for HTML unless it says so.

    Args:
        room: the package whose folder `templates` holds it; it can include what draw's own holds.
        name: of the file.
    """
    folders = [jinja2.PackageLoader(package) for package in (room, "pneumo_core.draw")]
    # A template comes with the program: it is not looked for anew at each report.
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader(folders), autoescape=True, trim_blocks=True, lstrip_blocks=True, auto_reload=False
    )
    return environment.get_template(name)

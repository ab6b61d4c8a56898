"""Templates of reports that are web pages: each room has its own, and all share one look."""

import functools

import jinja2


@functools.cache
def page_template(room: str, name: str) -> jinja2.Template:
    """Give a page's template; values put into it are escaped unless they are marked as HTML.

    Args:
        room: the package whose folder `templates` holds it; it can include templates of `draw`.
        name: the file's.
    """
    folders = [jinja2.PackageLoader(package) for package in (room, "pneumo_core.draw")]
    # A template comes with the program, so it is not looked up again for each report.
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader(folders), autoescape=True, trim_blocks=True, lstrip_blocks=True, auto_reload=False
    )
    return environment.get_template(name)

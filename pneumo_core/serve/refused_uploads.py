"""The words of an open page on a file that its uploader could not hand over.

A proxy may refuse a file that this server never hears of. Streamlit then shows a red mark with its reason in a tooltip,
and takes both away as soon as another file of the same choice has arrived. So a script in the page looks for the marks,
and its words stay until somebody closes them.
"""

from pneumo_core.serve.upload_bounds import MAX_SESSION_BYTES

REFUSED_UPLOADS = "/refused-uploads.js"
# More lines would cover the page.
MOST_LINES = 4
TOO_LARGE = (
    "It is too large for this server, or for a proxy before it (status 413). All uploads of a session may have "
    f"{MAX_SESSION_BYTES >> 20} MiB together, and reloading the page lets go of them. Please use a smaller file, or "
    "ask whoever runs the server."
)
OTHERWISE = "Please try again, choose another file, or ask whoever runs the server."


def refused_uploads_script() -> str:
    """Give the script; it sets text only, never HTML, since a file's name is anybody's."""
    return f"""(() => {{
  const told = new WeakSet();
  let box = null, refused = [];
  const line = (text) => Object.assign(document.createElement("p"), {{ textContent: text }});
  const tell = () => {{
    if (!box) {{
      box = document.createElement("div");
      box.setAttribute("role", "alert");
      box.id = "refused-uploads";
      box.className = "notranslate";
      box.style.cssText = "position:fixed;z-index:999999;right:1rem;bottom:1rem;max-width:min(36rem,90vw);" +
        "padding:.6rem 1rem;border-radius:.5rem;border:2px solid #b91c1c;background:#fff;color:#7f1d1d;" +
        "font:1rem/1.4 sans-serif;overflow-wrap:anywhere";
      document.body.append(box);
    }}
    const more = refused.length - {MOST_LINES};
    const close = Object.assign(document.createElement("button"), {{ textContent: "Close", type: "button" }});
    close.onclick = () => {{ box.remove(); box = null; refused = []; }};
    box.replaceChildren(...refused.slice(0, {MOST_LINES}).map(line),
      ...(more > 0 ? [line(`Further files that were not taken: ${{more}}.`)] : []), close);
  }};
  const look = () => {{
    for (const chip of document.querySelectorAll('[data-testid="stFileChip"][aria-invalid="true"]')) {{
      if (told.has(chip)) continue;
      told.add(chip);
      const name = chip.querySelector('[data-testid="stFileChipName"]')?.textContent ?? "A file";
      const reason = (chip.querySelector('[role="alert"]')?.textContent ?? "").replace(/^Error: /, "");
      refused.push(`${{name}} was not taken. ` + (reason.includes("413") ? "{TOO_LARGE}" : `${{reason}} {OTHERWISE}`));
      tell();
    }}
  }};
  new MutationObserver(look).observe(document, {{
    subtree: true, childList: true, attributes: true, attributeFilter: ["aria-invalid"],
  }});
}})();
"""

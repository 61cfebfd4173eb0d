"""Data Docs that are whole without a network, and run nothing.

Great Expectations' pages take their layout, their charts and their index from the network. What belongs here: giving
the pages a style of their own, its charts as tables with bars, and an index; and taking out every script.
"""

from __future__ import annotations

import ast
import html
import os
import re
from pathlib import Path

_SCRIPT = re.compile(r"<script\b[^>]*>(.*?)</script>", re.DOTALL | re.IGNORECASE)
_CHART = re.compile(r"vlSpec\s*=\s*(\{.*?\});?\s*$", re.MULTILINE)
# Styles, pictures and frames of other places. A link that a person may follow stays.
_ELSEWHERE = re.compile(r"""<(?:link|img|iframe|source)\b[^>]*(?:href|src)=["'](?:https?:)?//[^>]*>""", re.IGNORECASE)
_ICON = re.compile(r"""<link\b[^>]*rel=["']shortcut icon["'][^>]*>""", re.IGNORECASE)  # its address is wrong
_HANDLER = re.compile(r"""(<[a-z][^<>]*?)\son[a-z]+="[^"]*\"""", re.IGNORECASE)
_FRAME_END = re.compile(r"</iframe>", re.IGNORECASE)
_URL = re.compile(r"""url\(\s*["']?(?:https?:)?//[^)]*\)""", re.IGNORECASE)

_POLICY = (
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'\">"
)
_STYLE = """<style>
body { font: 15px/1.5 system-ui, sans-serif; color: #1c2733; margin: 0 }
.container-fluid { padding: .5rem 1rem; max-width: 75rem; margin: auto } .row { display: flex; flex-wrap: wrap }
.row > * { box-sizing: border-box; max-width: 100% } .col-6 { flex: 1 1 20rem } .col-12 { flex: 0 0 100% }
.col-md-2, .col-lg-2 { flex: 1 1 12rem } .col-md-10, .col-lg-10 { flex: 6 1 30rem }
.card, .alert { border: 1px solid #d5dde3; border-radius: .3rem; padding: .6rem; margin-bottom: .8rem }
.nav, .breadcrumb { list-style: none; padding: 0 } .breadcrumb { display: block !important }
.breadcrumb > * { display: inline-block; margin-right: .6rem }
table { border-collapse: collapse; width: 100% } td, th { padding: .25rem .7rem; text-align: left; vertical-align: top }
tr + tr > td { border-top: 1px solid #e4eaee } .table-responsive { overflow-x: auto }
.badge { background: #e8edf1; border-radius: .3rem; padding: 0 .35rem; font-size: .9em }
.btn, .d-none, footer { display: none } .lead { font-size: 1.1rem } h1 { font-size: 1.4rem } h5 { font-size: 1rem }
.text-success { color: #1a7f4b } .text-danger { color: #b3261e } .text-warning { color: #8a5a00 }
.fa-check-circle::before { content: "passed" } .fa-times::before { content: "failed" }
.fa-exclamation-triangle::before { content: "error" }
[class*="fa-"] { font-style: normal } .bar { background: #4a7fb5; height: .8em; min-width: 1px }
</style>"""


def make_offline(folder: Path) -> None:
    """Change the site in `folder` in place: no page asks for anything outside of it, or holds a script.

    Cost: linear in its pages.
    """
    pages = sorted(path for path in folder.rglob("*.html") if path != folder / "index.html")
    for page in pages:
        page.write_text(offline(page.read_text(encoding="utf-8")), encoding="utf-8")
    for sheet in folder.rglob("*.css"):
        sheet.write_text(_URL.sub("none", sheet.read_text(encoding="utf-8")), encoding="utf-8")
    links = "".join(
        f'<li><a href="{html.escape(name)}">{html.escape(name)}</a></li>'
        for name in (Path(os.path.relpath(page, folder)).as_posix() for page in pages)
    )
    (folder / "index.html").write_text(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Data Docs</title>{_POLICY}{_STYLE}</head>'
        f'<body><div class="container-fluid"><h1>Data Docs</h1><ul>{links}</ul></div></body></html>\n',
        encoding="utf-8",
    )


def offline(page: str) -> str:
    """A page as it is to be: charts as tables, nothing from elsewhere, no script."""
    page = _SCRIPT.sub(lambda found: _chart(found.group(1)), page)
    page = _FRAME_END.sub("", _ELSEWHERE.sub("", page))
    page = _HANDLER.sub(r"\1", _ICON.sub("", _URL.sub("none", page)))
    return page.replace("</head>", f"{_POLICY}{_STYLE}</head>", 1)


def _chart(script: str) -> str:
    """The bars of a chart as a table; nothing for any other script."""
    found = _CHART.search(script)
    if not found:
        return ""
    try:
        rows = [row for rows in ast.literal_eval(found.group(1))["datasets"].values() for row in rows]
        cells = [(str(row["values"]), float(row["fraction"])) for row in rows]
    except (ValueError, SyntaxError, KeyError, TypeError, AttributeError):
        return "<p>a chart that this page cannot show</p>"
    body = "".join(
        f"<tr><td>{_once_escaped(name)}</td><td>{100 * share:.1f} %</td>"
        f'<td style="width:50%"><div class="bar" style="width:{100 * min(max(share, 0), 1):.1f}%"></div></td></tr>'
        for name, share in cells
    )
    return f"<table>{body}</table>"


def _once_escaped(name: str) -> str:
    """A name as text of the page: it is escaped already where the suite was made, but nobody has to rely on that."""
    return html.escape(html.unescape(name)).replace("$", "&#36;")

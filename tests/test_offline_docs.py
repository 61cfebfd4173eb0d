"""Data Docs without a network: nothing is fetched, nothing runs, nothing that was told is lost."""

import re
from pathlib import Path

from conftest import Project

from orchestration.offline_docs import make_offline, offline

CHART = """<script>
    vlSpec = {'mark': {'type': 'bar'}, 'datasets': {'data-1': [{'values': '&lt;b&gt;x', 'fraction': 0.25},
              {'values': 'y', 'fraction': 0.75}]}};
    vegaEmbed('#graph', vlSpec, {})
</script>"""


def test_a_chart_becomes_a_table_and_scripts_go() -> None:
    # The specification stands on one line in the pages.
    page = offline(f"<head><title>t</title></head><body>{' '.join(CHART.split(chr(10) + '     ', 1))}</body>")
    flat = offline("<head></head>" + re.sub(r",\s+\{", ", {", CHART))
    for found in (page, flat):
        assert "<script" not in found
    assert "<td>&lt;b&gt;x</td><td>25.0 %</td>" in flat
    assert "<td>y</td><td>75.0 %</td>" in flat


def test_what_comes_from_elsewhere_goes_and_links_stay() -> None:
    page = offline(
        '<head><link rel="stylesheet" href="https://a.example/b.css"><link rel="stylesheet" href="c.css"></head>'
        '<img src="//a.example/d.png"><img src="e.png"><iframe src="https://a.example"></iframe>'
        '<label class="btn" onclick="go()">x</label><p style="background: url(https://a.example/f.png)">'
        '<a href="https://a.example/">more</a><SCRIPT src="https://a.example/g.js"></SCRIPT>'
    )
    assert re.findall(r"a\.example[^\"<]*", page) == ["a.example/"]
    assert "c.css" in page
    assert "e.png" in page
    assert "onclick" not in page
    assert "script-src" not in page
    assert "default-src 'none'" in page


def test_text_that_looks_like_a_handler_is_text() -> None:
    assert 'say onclick="x"' in offline('<td>say onclick="x"</td>')


def test_the_pages_of_a_run_ask_for_nothing(finished: Project, tmp_path: Path) -> None:
    docs = finished.root / "data/reports/checks"
    pages = list(docs.rglob("*.html"))
    assert len(pages) > 3
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert "<script" not in text
        assert not re.findall(r"<(?:link|img|iframe)[^>]*https?://", text)
    index = (docs / "index.html").read_text(encoding="utf-8")
    for page in pages:
        if page.name != "index.html":
            assert page.relative_to(docs).as_posix() in index
    make_offline(docs)  # what is whole stays as it is
    assert (docs / "index.html").read_text(encoding="utf-8") == index

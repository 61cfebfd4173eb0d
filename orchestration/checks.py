HEAD
def build_checks() -> list[dg.AssetChecksDefinition]:
    """The blocking checks, in one step so that Great Expectations is loaded, and the tables are read, once."""

    @dg.multi_asset_check(
        name="subset_checks",
        specs=[
            dg.AssetCheckSpec(name, asset=ASSET, description=description, blocking=True)
            for name, description in DESCRIPTIONS.items()
        ],
        pool="workspace",
    )
    def subset_checks(workspace: dg.ResourceParam[Workspace]) -> Iterator[dg.AssetCheckResult]:
        with materializing.one_line_failures():
            outcomes = run_checks(workspace)
        for outcome in outcomes:
            yield dg.AssetCheckResult(
                asset_key=ASSET,
                check_name=outcome.name,
                passed=outcome.passed,
                severity=dg.AssetCheckSeverity[outcome.severity],
                description=outcome.summary,
                metadata=metadata(outcome, workspace.reports / "checks" / "index.html"),
            )

    return [subset_checks]


# -- showing ---------------------------------------------------------------------------------------------------------


def metadata(outcome: CheckOutcome, docs: Path) -> dict[str, Any]:
    """What the Dagster UI shows of an outcome."""
    entries: dict[str, Any] = {"summary": outcome.summary, "report": dg.MetadataValue.path(str(docs))}
    entries |= {name: value for name, value in outcome.facts.items() if isinstance(value, int | float)}
    if outcome.table:
        entries["groups"] = dg.MetadataValue.md(groups_table(outcome.table))
        png = base64.b64encode(shares_picture(outcome.table)).decode("ascii")
        entries["shares"] = dg.MetadataValue.md(f"![shares](data:image/png;base64,{png})")
    return entries


def groups_table(rows: Sequence[GroupShares]) -> str:
    """A Markdown table of the groups; rows that do not fit are counted below it."""
    shown: list[dict[str, reporting.Cell]] = [
        {
            "column": row.column,
            "group": row.group,
            "pool": expectations.percent(row.pool),
            "target": expectations.percent(row.target),
            "subset": expectations.percent(row.subset),
            "difference": f"{100 * row.difference:+.1f}",
        }
        for row in rows[:MOST_ROWS]
    ]
    more = f"\n\nand {len(rows) - MOST_ROWS:,} more groups" if len(rows) > MOST_ROWS else ""
    return reporting.markdown_table(shown) + more


def shares_picture(rows: Sequence[GroupShares]) -> bytes:
    """PNG bytes: for each column, the shares of its largest groups in pool, target and subset."""
    from matplotlib.figure import Figure

    panels: dict[str, list[GroupShares]] = {}
    for row in rows:
        panels.setdefault(row.column, []).append(row)
    drawn = list(panels.items())[:MOST_PANELS]
    heights = [min(len(groups), MOST_BARS) + 2 for _, groups in drawn]
    figure = Figure(figsize=(7.0, 0.4 * sum(heights) + 0.4), dpi=100, layout="constrained")
    axes = figure.subplots(len(drawn), squeeze=False, height_ratios=heights)[:, 0]
    for panel, (title, groups) in zip(axes, drawn, strict=True):
        more = f" (the largest {MOST_BARS} of {len(groups)})" if len(groups) > MOST_BARS else ""
        _draw_shares(panel, _drawable(title) + more, groups[:MOST_BARS])
    axes[0].legend(frameon=False, fontsize=8)
    left_out = f"; {len(panels) - len(drawn)} more columns are in the table" if len(panels) > len(drawn) else ""
    axes[-1].set_xlabel(f"percent of rows{left_out}")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _draw_shares(axes: "Axes", title: str, groups: Sequence[GroupShares]) -> None:
    for offset, name, color in ((-0.27, "pool", "#b8c4ce"), (0.0, "target", "#e0a458"), (0.27, "subset", "#2f6f8f")):
        places = [index + offset for index in range(len(groups))]
        axes.barh(places, [100 * getattr(row, name) for row in groups], height=0.27, color=color, label=name)
    axes.set_yticks(range(len(groups)), [_drawable(row.group) for row in groups], fontsize=8)
    axes.invert_yaxis()
    axes.set_title(title, fontsize=9, loc="left")
    axes.spines[["top", "right"]].set_visible(False)


def _drawable(text: str) -> str:
    """`text` for matplotlib: no formulas, and no characters that its font lacks; the table holds the whole name."""
    from matplotlib.font_manager import findfont, get_font

    font = get_font(findfont("DejaVu Sans"))
    known = "".join(c if font.get_char_index(ord(c)) else "\N{REPLACEMENT CHARACTER}" for c in escape(text, 32))
    return known.replace("$", r"\$")

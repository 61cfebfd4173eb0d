"""What must hold of a subset, as Great Expectations suites, and running them.

What belongs here: everything that knows Great Expectations, and how untrusted text is made harmless for its pages.
Which groups are compared, and the sentences about them, is `comparisons.py`; what becomes of the results, `judging.py`.
Great Expectations is imported inside functions: it takes seconds.
"""

from __future__ import annotations

import html
import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assets.tables import escape, replacing
from orchestration import offline_docs
from orchestration.comparisons import Comparison, listed, quoted

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from great_expectations.core import ExpectationSuite, ExpectationSuiteValidationResult
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

ROLES = ("system", "user", "assistant", "tool")


# -- the frame -------------------------------------------------------------------------------------------------------


def as_frame(table: pa.Table, compared: Iterable[tuple[Comparison, Sequence[str]]]) -> pd.DataFrame:
    """The subset as Great Expectations sees it: its columns, then the number of messages and the compared columns.

    `compared`: each comparison with the group of every row; one of tokens has a second column, in which each group has
    its part of the tokens. `messages` holds the roles. Texts that no expectation reads are left out; what is kept is
    harmless in Data Docs.
    """
    import pandas as pd

    columns: dict[str, Any] = dict.fromkeys(map(harmless, table.schema.names))
    for name in ("rank", "gain"):
        if name in columns:
            columns[name] = table.column(name).to_numpy(zero_copy_only=False)
    if "id" in columns:
        columns["id"] = _all_harmless(table.column("id").to_pylist())
    turns = table.column("messages").to_pylist()
    columns["messages"] = _all_harmless([",".join(sorted({turn["role"] for turn in each})) for each in turns])
    columns["n_messages"] = [len(each) for each in turns]
    for comparison, values in compared:
        names = shown(comparison)
        columns[harmless(comparison.column)] = [names[value] for value in values]
        if comparison.tokens is not None:
            # Great Expectations counts rows: here each group has the part of them that it has of the tokens.
            amounts = comparison.amounts
            columns[_measured(comparison)] = [names[name] for name in sorted(amounts) for _ in range(amounts[name])]
    return pd.DataFrame(columns)


def _measured(comparison: Comparison) -> str:
    """The column whose divergence is measured."""
    column = harmless(comparison.column)
    return column if comparison.tokens is None else f"tokens by {column}"


def _all_harmless(values: list[str | None]) -> list[str | None]:
    names = for_docs({value for value in values if value is not None})
    return [None if value is None else names[value] for value in values]


def shown(comparison: Comparison) -> dict[str, str]:
    """How each group of a comparison stands in the frame, in its suite and in Data Docs."""
    return for_docs({*comparison.pool, *comparison.subset, *comparison.target})


def harmless(text: str) -> str:
    """Untrusted `text` for frames and suites.

    Data Docs puts values into HTML and into `string.Template` as they are, so that a label could bring a script.
    """
    return html.escape(escape(text)).replace("$", "&#36;")


def for_docs(names: Iterable[str]) -> dict[str, str]:
    """The `harmless` form of each name, with a number where two names would else look the same."""
    forms: dict[str, str] = {}
    taken: set[str] = set()
    for name in sorted(names):
        text = base = harmless(name)
        number = 1
        while text in taken:
            number += 1
            text = f"{base} #{number}"
        taken.add(text)
        forms[name] = text
    return forms


# -- suites ----------------------------------------------------------------------------------------------------------


def record_schema_suite(columns: Sequence[str], rows: int) -> ExpectationSuite:
    """Columns, ids, ranks, gains and messages of `rows` records; `columns` are those of the frame, in order.

    The frame's `messages` holds the roles of a record, separated by commas, and `n_messages` their number.
    """
    gxe = _great_expectations().expectations
    role = f"(?:{'|'.join(ROLES)})"
    expected = [
        (gxe.ExpectTableColumnsToMatchOrderedList(column_list=list(columns)), "columns differ"),
        (gxe.ExpectTableRowCountToEqual(value=rows), "rows"),
        (gxe.ExpectColumnValuesToNotBeNull(column="id"), "without an id"),
        (gxe.ExpectColumnValuesToBeUnique(column="id"), "with an id that is not unique"),
        (gxe.ExpectColumnValuesToMatchRegex(column="id", regex="^[0-9a-f]{32}$"), "with an id not of 32 hex digits"),
        (gxe.ExpectColumnValuesToNotBeNull(column="rank"), "without a rank"),
        (gxe.ExpectColumnValuesToBeUnique(column="rank"), "with a rank that is not unique"),
        (
            gxe.ExpectColumnValuesToBeBetween(column="rank", min_value=1, max_value=rows),
            f"with a rank outside 1 to {rows:,}",
        ),
        (gxe.ExpectColumnValuesToNotBeNull(column="gain"), "without a gain"),
        (gxe.ExpectColumnValuesToBeBetween(column="n_messages", min_value=1), "without messages"),
        (
            gxe.ExpectColumnValuesToMatchRegex(column="messages", regex=f"^(?:{role}(?:,{role})*)?$"),
            f"with a role other than {', '.join(ROLES)}",
        ),
    ]
    for expectation, fault in expected:
        expectation.meta = {"fault": fault}
    return _suite("record_schema", [expectation for expectation, _ in expected])


def class_balance_suite(comparison: Comparison) -> ExpectationSuite:
    """The divergence of the classes, and that none of the pool is missing and none is unknown to it."""
    return _suite("class_balance", _of_groups(comparison))


def bias_suite(comparisons: Sequence[Comparison]) -> ExpectationSuite:
    """The same for every other column; of its groups only the large ones must be present."""
    return _suite("bias", [expectation for comparison in comparisons for expectation in _of_groups(comparison)])


def _suite(name: str, expectations: list[Any]) -> ExpectationSuite:
    suite: ExpectationSuite = _great_expectations().ExpectationSuite(name=name, expectations=expectations)
    return suite


def _of_groups(comparison: Comparison) -> list[Any]:
    gxe = _great_expectations().expectations
    column, shares, names = harmless(comparison.column), comparison.shares, shown(comparison)
    partition = {"values": [names[name] for name in shares], "weights": list(shares.values())}
    in_pool = [names[name] for name in comparison.pool]
    expectations = [
        # The divergence ignores nulls and reports an unknown group only as "no value": hence the other three.
        gxe.ExpectColumnValuesToNotBeNull(column=column),
        gxe.ExpectColumnValuesToBeInSet(column=column, value_set=in_pool),
        gxe.ExpectColumnKLDivergenceToBeLessThan(
            column=_measured(comparison), partition_object=partition, threshold=comparison.bound
        ),
    ]
    if comparison.required:
        present = [names[name] for name in comparison.required]
        expectations.append(gxe.ExpectColumnDistinctValuesToContainSet(column=column, value_set=present))
    return expectations


# -- running ---------------------------------------------------------------------------------------------------------


def validate(
    frame: pd.DataFrame, suites: Mapping[str, ExpectationSuite], docs: Path
) -> dict[str, ExpectationSuiteValidationResult]:
    """Run all suites on `frame` in one checkpoint and write Data Docs into the folder `docs`, whole or not at all.

    The pages need no network. Returns the result of each suite by name. Cost: about a second, besides the import.
    """
    gx = _great_expectations()
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    with replacing(docs) as folder:
        base = str(folder).replace("$", r"\$")  # Great Expectations would look for a variable of that name
        site = {
            "class_name": "SiteBuilder",
            "show_how_to_buttons": False,
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
            "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": base},
        }
        config = DataContextConfig(
            store_backend_defaults=InMemoryStoreBackendDefaults(),
            data_docs_sites={"checks": site},
            analytics_enabled=False,
            progress_bars=ProgressBarsConfig(globally=False),
        )
        context = gx.get_context(mode="ephemeral", project_config=config)
        asset = context.data_sources.add_pandas("data").add_dataframe_asset("selected_subset")
        batch = asset.add_batch_definition_whole_dataframe("all_rows")
        definitions = [
            context.validation_definitions.add(
                gx.ValidationDefinition(name=name, data=batch, suite=context.suites.add(suite))
            )
            for name, suite in suites.items()
        ]
        checkpoint = gx.Checkpoint(
            name="selected_subset",
            validation_definitions=definitions,
            actions=[gx.checkpoint.UpdateDataDocsAction(name="data_docs")],
        )
        run = context.checkpoints.add(checkpoint).run(batch_parameters={"dataframe": frame})
        offline_docs.make_offline(folder)
    return {result.suite_name: result for result in run.run_results.values()}


def failures(result: ExpectationSuiteValidationResult) -> list[tuple[ExpectationConfiguration, dict[str, Any]]]:
    """The expectations that were not met, each with what was found."""
    return [(r.expectation_config, r.result) for r in result.results if not r.success and r.expectation_config]


def record_problems(result: ExpectationSuiteValidationResult) -> list[str]:
    """What is wrong with the records, a clause each."""
    found = []
    for config, values in failures(result):
        column = config.kwargs.get("column")
        if config.type == "expect_table_columns_to_match_ordered_list":
            found.append(_columns_problem(values["observed_value"], config.kwargs["column_list"]))
        elif config.type == "expect_table_row_count_to_equal":
            found.append(f"{_rows(values['observed_value'])}, {config.kwargs['value']:,} expected")
        elif "unexpected_count" in values:
            found.append(f"{_rows(values['unexpected_count'])} {(config.meta or {}).get('fault', config.type)}")
        elif column:
            found.append(f"column '{column}' could not be checked")
    return sorted(set(found))


def _rows(count: int) -> str:
    return f"{count:,} {'row' if count == 1 else 'rows'}"


def _columns_problem(found: Sequence[str], expected: Sequence[str]) -> str:
    missing = [name for name in expected if name not in found]
    extra = [name for name in found if name not in expected]
    parts = [f"column {listed(map(quoted, missing), 'and')} missing"] if missing else []
    parts += [f"column {listed(map(quoted, extra), 'and')} not expected"] if extra else []
    return ", ".join(parts) or f"columns in another order than {', '.join(expected)}"


def _great_expectations() -> Any:
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    with warnings.catch_warnings():
        # Its import uses modules that Python has deprecated; nobody here can mend that.
        warnings.simplefilter("ignore", DeprecationWarning)
        import great_expectations as gx
        import great_expectations.expectations

    return gx

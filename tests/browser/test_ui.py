"""What a user sees and does in the Dagster UI: the lineage, a run started by a click, a report."""

import re

import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Locator, Page, expect
from small_project import BUNDLED, EVERY, NAME

from mlops_assets.catalog import ARTIFACTS

pytestmark = pytest.mark.browser

PATIENCE_MILLISECONDS = 120_000
expect.set_options(timeout=PATIENCE_MILLISECONDS)


def test_the_lineage_graph_shows_every_asset(page: Page, address: str) -> None:
    # The UI fits the graph to the width, and draws only the nodes that are in sight.
    page.set_viewport_size({"width": 1600, "height": 2600})
    page.goto(f"{address}/asset-groups")
    expect(page.get_by_text(f"{NAME}_data").first).to_be_visible()
    graph = page.locator("svg:has(foreignObject)")
    graph.click(button="right", position={"x": 20, "y": 20})
    page.get_by_role("menuitem", name="Expand all groups").click()
    for artifact in ARTIFACTS:
        expect(graph.get_by_text(_as_shown(artifact.name)).first).to_be_visible()
    expect(graph.locator("path[d]").first).to_be_attached()


def test_a_click_materializes_an_asset(page: Page, address: str) -> None:
    _open_asset(page, address, "evaluation_report")
    page.get_by_role("button", name=re.compile("Materialize$")).click()
    page.get_by_role("link", name="View", exact=True).click()
    page.wait_for_url("**/runs/*")
    expect(page.get_by_text("Success", exact=True).first).to_be_visible()
    expect(page.get_by_text("evaluation_report").first).to_be_visible()
    run = page.url.split("/runs/")[1][:8]
    page.goto(f"{address}/runs")
    expect(page.get_by_role("link", name=run)).to_be_visible()


def test_the_row_count_of_a_batch_is_shown(page: Page, address: str) -> None:
    _open_asset(page, address, "raw_copy")
    expect(page.get_by_text("Row count")).to_be_visible()
    delivered = pq.read_metadata(BUNDLED / "data" / "2013-02.parquet").num_rows
    expect(page.get_by_text(f"{-(-delivered // EVERY):,}")).to_be_visible()


def test_a_report_is_shown_with_its_plots(page: Page, address: str) -> None:
    _open_asset(page, address, "evaluation_report")
    page.get_by_text("[Show Markdown]").click()
    report = page.get_by_role("dialog")
    expect(report.get_by_role("heading", name=re.compile("^Evaluation"))).to_be_visible()
    expect(report.get_by_role("table").first).to_contain_text("Test rows")
    plots = report.locator("img")
    expect(plots).to_have_count(3)
    assert [_is_drawn(plot) for plot in plots.all()] == [True, True, True]


def _open_asset(page: Page, address: str, name: str) -> None:
    page.goto(f"{address}/assets/{NAME}/{name}")
    expect(page.get_by_text("Latest materialization")).to_be_visible()


def _as_shown(name: str) -> re.Pattern[str]:
    """The name, or what is left where the UI shortens its middle."""
    start, end = re.escape(name[:5]), re.escape(name[-5:])
    return re.compile(f"^({re.escape(name)}|{start}\\w*…\\w*{end})$")


def _is_drawn(plot: Locator) -> bool:
    embedded = (plot.get_attribute("src") or "").startswith("data:image/")
    return embedded and plot.evaluate("image => image.complete && image.naturalWidth > 0") is True

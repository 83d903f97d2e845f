"""The charts' specifications, written with Altair and compiled to Vega when the pages are built.

A colour written `@name` is the style sheet's `--name`, put in by the page: one specification serves both themes.
Each chart reads a data set `table` that the page fills; its legend and its long labels are HTML.
"""

from typing import Any

import altair as alt
import vl_convert

TABLE: Any = alt.NamedData(name="table")


def _configured(chart: Any) -> dict[str, Any]:
    styled = chart.configure(
        background="transparent",
        font="system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif",
        autosize=alt.AutoSizeParams(type="fit-x", contains="padding"),
        view=alt.ViewConfig(stroke=None),
        axis=alt.Axis(
            labelColor="@muted",
            labelFontSize=12,
            titleColor="@muted",
            titleFontWeight="normal",
            titleFontSize=12,
            gridColor="@grid",
            domainColor="@rule",
            tickColor="@rule",
            labelPadding=6,
        ),
    )
    return dict(vl_convert.vegalite_to_vega(styled.to_dict()))


def range_bars() -> dict[str, Any]:
    """Bars of the share of students (0-100) in each range, a tick where the quarter before stood.

    Rows: range, order, share, tick and tick_opacity (0 where there is nothing to compare with), furthest (the greater
    of share and tick), label (text at the bar's end), text (tooltip).
    """
    base = alt.Chart(TABLE).encode(
        y=alt.Y("range:N", title=None, sort=alt.EncodingSortField("order", order="descending"))
        .axis(domain=False, ticks=False)
        .scale(paddingInner=0.28)
    )
    share = alt.X("share:Q", title="Share of students, %").axis(grid=True, tickCount=5, domain=False, ticks=False)
    bars = base.mark_bar(color="@accent", cornerRadiusEnd=3).encode(x=share, tooltip="text:N")
    before = base.mark_tick(color="@series-2", thickness=3, size=22).encode(
        x="tick:Q", opacity=alt.Opacity("tick_opacity:Q", scale=None), tooltip="text:N"
    )
    ends = base.mark_text(align="left", dx=7, color="@ink", fontSize=12).encode(x="furthest:Q", text="label:N")
    layers = alt.layer(bars, before, ends).properties(width="container", height=alt.Step(30))
    return _configured(layers)


def lines(title: str, zero: bool = False, height: int = 250) -> dict[str, Any]:
    """Lines over quarters. height in pixels.

    Rows: quarter, order, series, value, color, shape, width, text (tooltip).
    """
    base = alt.Chart(TABLE).encode(
        x=alt.X("quarter:N", title=None, sort=alt.EncodingSortField("order"))
        .axis(labelAngle=0, labelOverlap="greedy", ticks=False, grid=False)
        .scale(padding=0.3),
        y=alt.Y("value:Q", title=title).scale(zero=zero, nice=True).axis(tickCount=5, domain=False, ticks=False),
        detail="series:N",
        color=alt.Color("color:N", scale=None),
    )
    drawn = base.mark_line(interpolate="linear").encode(strokeWidth=alt.StrokeWidth("width:Q", scale=None))
    points = base.mark_point(filled=True, size=64, opacity=1).encode(
        shape=alt.Shape("shape:N", scale=None), tooltip="text:N"
    )
    return _configured(alt.layer(drawn, points).properties(width="container", height=height))


def specifications() -> dict[str, dict[str, Any]]:
    """Every chart of the pages by its name; none depends on the data."""
    return {
        "ranges": range_bars(),
        "mean": lines("Mean score"),
        "tall_mean": lines("Mean score", height=360),
        "pass": lines("Passed, %"),
        "share": lines("Students, %", zero=True),
    }

"""The kinds of panels that the dashboard is made of, and what all of them share."""

from __future__ import annotations

from grafana_foundation_sdk.builders import bargauge, prometheus, stat, timeseries
from grafana_foundation_sdk.builders.common import ReduceDataOptions, StackingConfig, VizLegendOptions
from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    GraphDrawStyle,
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
)
from grafana_foundation_sdk.models.dashboard import DataSourceRef, Threshold, ThresholdsMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

SOURCE = DataSourceRef(type_val="prometheus", uid="$datasource")
AT = 'instance=~"$instance"'
RANGE = "$__range"
RATE = "$__rate_interval"
GREEN, YELLOW, ORANGE, RED = "green", "yellow", "orange", "red"


def target(query: str, legend: str = "", *, instant: bool = False) -> prometheus.Dataquery:
    made = prometheus.Dataquery().expr(query).legend_format(legend).datasource(SOURCE)
    return made.instant().format(PromQueryFormat.TABLE) if instant else made.range()


def steps(*pairs: tuple[str, float | None]) -> ThresholdsConfig:
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps([Threshold(value=v, color=c) for c, v in pairs])


def number(title: str, query: str, why: str, unit: str, thresholds: ThresholdsConfig) -> stat.Panel:
    return (
        stat.Panel()
        .title(title)
        .description(why)
        .datasource(SOURCE)
        .with_target(target(query))
        .unit(unit)
        .thresholds(thresholds)
        .color_mode(BigValueColorMode.VALUE)
        .graph_mode(BigValueGraphMode.NONE)
        .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))
        .span(4)
        .height(4)
    )


def lines(
    title: str, why: str, *targets: tuple[str, str], unit: str = units.Short, stacked: bool = False
) -> timeseries.Panel:
    legend = (
        VizLegendOptions().display_mode(LegendDisplayMode.TABLE).placement(LegendPlacement.BOTTOM).show_legend(True)
    )
    panel = (
        timeseries.Panel()
        .title(title)
        .description(why)
        .datasource(SOURCE)
        .unit(unit)
        .min(0)
        .legend(legend.calcs(["sum"] if stacked else ["mean", "max"]))
        .span(12)
        .height(8)
    )
    for query, name in targets:
        panel = panel.with_target(target(query, name))
    if stacked:
        panel = (
            panel.draw_style(GraphDrawStyle.BARS).fill_opacity(70).stacking(StackingConfig().mode(StackingMode.NORMAL))
        )
    return panel


def bars(title: str, why: str, query: str, legend: str) -> bargauge.Panel:
    return (
        bargauge.Panel()
        .title(title)
        .description(why)
        .datasource(SOURCE)
        .with_target(prometheus.Dataquery().expr(query).legend_format(legend).datasource(SOURCE).instant())
        .unit(units.Short)
        .min(0)
        .decimals(0)
        .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))
        .span(12)
        .height(8)
    )

"""Short ways to build Prometheus metric families from what the parts count."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from portfolio_service.domain.durations import BUCKETS, Durations

_BOUNDS = [*(str(bound) for bound in BUCKETS), "+Inf"]
Rows = Iterable[tuple[Sequence[str], float]]


def gauge(name: str, text: str, value: float) -> Metric:
    return gauges(name, text, (), [((), value)])


def gauges(name: str, text: str, labels: Sequence[str], rows: Rows) -> Metric:
    family = GaugeMetricFamily(name, text, labels=labels)
    for values, number in rows:
        family.add_metric(values, number)
    return family


def counter(name: str, text: str, value: float) -> Metric:
    return counters(name, text, (), [((), value)])


def counters(name: str, text: str, labels: Sequence[str], rows: Rows) -> Metric:
    """`name` is without the _total that samples end with."""
    family = CounterMetricFamily(name, text, labels=labels)
    for values, number in rows:
        family.add_metric(values, number)
    return family


def histogram(name: str, text: str, durations: Durations) -> Metric:
    return histograms(name, text, (), {(): durations})


def histograms(name: str, text: str, labels: Sequence[str], durations: Mapping[tuple[str, ...], Durations]) -> Metric:
    family = HistogramMetricFamily(name, text, labels=labels)
    for values, one in durations.items():
        buckets = list(zip(_BOUNDS, (float(count) for count in accumulate(one.counts)), strict=True))
        family.add_metric(values, buckets, one.total_s)
    return family

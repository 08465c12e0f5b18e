"""What several dashboards ask of Prometheus, spelled once. Each may stand in a larger expression as it is."""

_KNOWN_BEFORE = "last_over_time(process_start_time_seconds[1h] offset $__range)"
_BEGUN_SINCE = "min_over_time(process_start_time_seconds[$__range]) > time() - $__range_s"
"""Of whose counters it is known that what is new in the time shown happened in it."""


def chosen(*labels: str) -> str:
    """A selector: of each label what is chosen at the top of the dashboard under the label's name."""
    return ",".join(f'{label}=~"${label}"' for label in labels)


def quantile(
    q: float, histogram: str, *, selector: str = "", by: str = "", window: str = "[$__rate_interval]"
) -> str:
    """A quantile of a histogram, over all replicas, of each `by`."""
    labels = f"{by}, le" if by else "le"
    series = _series(f"{histogram}_bucket", selector)
    return f"histogram_quantile({q}, sum by ({labels}) (rate({series}{window})))"


def mean(histogram: str, *, selector: str = "", by: str = "", window: str = "[$__rate_interval]") -> str:
    """The mean of what a histogram saw, over all replicas, of each `by`.

    Its bounds play no part. As everywhere with `rate`, what a new series began with is not in it.
    """
    total, count = (
        f"{_sum(by)}(rate({_series(f'{histogram}_{part}', selector)}{window}))" for part in ("sum", "count")
    )
    return f"({total} / {count})"


def per_second(counter: str, *, by: str = "", selector: str = "") -> str:
    """How much a second, over all replicas, of each `by`."""
    return f"{_sum(by)}(rate({_series(counter, selector)}[$__rate_interval]))"


def per_minute(counter: str, *, by: str, selector: str = "") -> str:
    """The same, a minute."""
    return f"(60 * {per_second(counter, by=by, selector=selector)})"


def grown(counter: str, *, by: str = "", selector: str = "") -> str:
    """By how much a counter grew in the time that the dashboard shows.

    `increase` takes the first value of a series for what was there before. Of a run that is over between two scrapes
    that value is the whole of it: so it is added where nothing was there before the time shown. That nothing was is
    known only of a process that was scraped then, or has begun since.
    """
    series = _series(counter, selector)
    return (
        f"{_sum(by)}(increase({series}[$__range])"
        f" or label_replace((min_over_time({series}[$__range]) unless last_over_time({series}[1h] offset $__range))"
        f' and on (job, instance) ({_KNOWN_BEFORE} or {_BEGUN_SINCE}), "part", "first", "", ""))'
    )


def grown_or_none(counter: str, *, by: str) -> str:
    """The same, or 0 where the counter has never counted anything: it shows no series before."""
    return f"({grown(counter, by=by)} or 0 * absent({counter}))"


def share_grown(counter: str, *, part: str, whole: str) -> str:
    """Which share of what a counter counted in the time shown was of one kind; both are selectors."""
    return f"(({grown(counter, selector=part)} or vector(0)) / {grown(counter, selector=whole)})"


def _series(metric: str, selector: str) -> str:
    return f"{metric}{{{selector}}}" if selector else metric


def _sum(by: str) -> str:
    return f"sum by ({by}) " if by else "sum"

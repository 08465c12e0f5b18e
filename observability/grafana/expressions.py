"""What several dashboards ask of Prometheus, spelled once."""


def quantile(
    q: float, histogram: str, *, selector: str = "", by: str = "", window: str = "[$__rate_interval]"
) -> str:
    """A quantile of a histogram, over all replicas, of each `by`."""
    labels = f"{by}, le" if by else "le"
    return f"histogram_quantile({q}, sum by ({labels}) (rate({histogram}_bucket{{{selector}}}{window})))"


def per_minute(counter: str, *, by: str, selector: str = "") -> str:
    """How often a minute, over all replicas."""
    return f"60 * sum by ({by}) (rate({counter}{{{selector}}}[$__rate_interval]))"


def or_none(query: str, counter: str) -> str:
    """A query, or 0 where a counter has never counted anything: it shows no series before."""
    return f"{query} or 0 * absent({counter})"


def grown(counter: str, *, by: str, selector: str = "") -> str:
    """By how much a counter grew in the time that the dashboard shows.

    `increase` takes the first value of a series for what was there before. Of a run that is over between two scrapes
    that value is the whole of it: so it is added where nothing was there before the time shown.
    """
    series = f"{counter}{{{selector}}}"
    return (
        f"sum by ({by}) (increase({series}[$__range])"
        f" or label_replace(min_over_time({series}[$__range]) unless last_over_time({series}[1h] offset $__range),"
        f' "part", "first", "", ""))'
    )

"""Prometheus: range queries over samples, with lookback, 11,000 steps at most, and its error answers."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import Request
from fastapi.responses import Response

from tests.connectors.recorded_systems.serving import RecordedSystem, answer

SELECTOR = re.compile(r'(\w+)(?:\{(\w+)="([^"]*)"\})?')
LOOKBACK = 300.0
EVERY = 60
MOST_STEPS = 11_000


class Prometheus(RecordedSystem):
    """A server that scraped two targets for some hours of the last days."""

    def __init__(self, scrapes: int = 150) -> None:
        self.series: dict[tuple[tuple[str, str], ...], list[tuple[float, str]]] = {}
        super().__init__()
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        self.now = today - timedelta(days=3)
        for _ in range(scrapes):
            self.scrape()

    def scrape(self) -> None:
        """One scrape of each target, some seconds past a whole minute."""
        at = self.later().timestamp() + 7
        for number in range(2):
            labels = {"instance": f"host-{number}:9100", "job": "nöde"}
            self._sample("up", labels, at, str(number))
            odd = {30: "NaN", 31: "+Inf"}
            self._sample("scrape_duration_seconds", labels, at, odd.get(self.now.minute, f"0.0{self.now.minute}1"))

    def _sample(self, name: str, labels: dict[str, str], at: float, value: str) -> None:
        self.series.setdefault(tuple(sorted({"__name__": name, **labels}.items())), []).append((at, value))

    def routes(self) -> None:
        """Range queries and who the server is."""
        self.app.get("/api/v1/query_range")(self._query_range)
        self.app.get("/api/v1/status/buildinfo")(lambda: answer({"status": "success", "data": {"version": "3.5.0"}}))

    def stranger(self, request: Request) -> Response | None:
        """Everybody is let in."""
        return None

    def refusal(self) -> Response:
        """What a proxy before it says."""
        return answer({"status": "error", "errorType": "too_many_requests", "error": "too many requests"}, 429, Retry_After="1")

    def _query_range(self, query: str, start: float, end: float, step: str) -> Response:
        found, seconds = SELECTOR.fullmatch(query), float(step.removesuffix("s"))
        if not found:
            return _bad(f'invalid parameter "query": parse error in {query}')
        if end < start:
            return _bad('invalid parameter "end": end timestamp must not be before start time')
        if (end - start) / seconds > MOST_STEPS:
            return _bad(
                "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)"
            )
        result = []
        for labels, samples in self.series.items():
            metric = dict(labels)
            if metric["__name__"] == found.group(1) and (not found.group(2) or metric.get(found.group(2)) == found.group(3)):
                values = list(_evaluated(samples, start, end, seconds))
                result += [{"metric": metric, "values": values}] if values else []
        return answer({"status": "success", "data": {"resultType": "matrix", "result": result}})


def _bad(words: str) -> Response:
    return answer({"status": "error", "errorType": "bad_data", "error": words}, 400)


def _evaluated(samples: list[tuple[float, str]], start: float, end: float, step: float) -> Any:
    """At each step the last sample of the five minutes before it."""
    number, at = -1, start
    while at <= end:
        while number + 1 < len(samples) and samples[number + 1][0] <= at:
            number += 1
        if number >= 0 and samples[number][0] > at - LOOKBACK:
            yield [int(at) if at == int(at) else at, samples[number][1]]
        at += step

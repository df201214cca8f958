"""From the platform's check results to Dagster's asset checks.

What belongs here: the translation. What does not: checking.

An asset has two checks: `gate` sums up the expectations that stop what follows, `watch` the others. The single expectations'
results are in platform.check_results; which there are may depend on the data, and Dagster wants names before it runs.
"""

from collections.abc import Iterable, Iterator, Sequence

import dagster as dg

from lake.journal import CheckResult

GATE, WATCH = "gate", "watch"
SHOWN = 5  # failed expectations named in a check's description


def check_specs(asset: dg.AssetKey | Sequence[str], *, blocking: bool = True) -> list[dg.AssetCheckSpec]:
    """The two checks of an asset, to be declared where it is.

    Args:
        asset: The asset.
        blocking: Whether what follows in the run waits for the gate. Not where the gate stands before the asset: then nothing
            has come in that could poison what follows.
    """
    return [
        dg.AssetCheckSpec(
            GATE, asset=asset, blocking=blocking, description="Expectations whose failure would poison what follows."
        ),
        dg.AssetCheckSpec(WATCH, asset=asset, description="Expectations worth a look; what follows runs all the same."),
    ]


def as_asset_checks(results: Iterable[CheckResult], *, asset: dg.AssetKey) -> Iterator[dg.AssetCheckResult]:
    """The two checks' results; no expectations at all count as passed."""
    results = list(results)
    for name, part in ((GATE, [one for one in results if one.blocking]), (WATCH, [one for one in results if not one.blocking])):
        failed = [one for one in part if not one.passed]
        severe = name == GATE or any(one.severity == "error" for one in failed)
        yield dg.AssetCheckResult(
            asset_key=asset,
            check_name=name,
            passed=not failed,
            severity=dg.AssetCheckSeverity.ERROR if severe else dg.AssetCheckSeverity.WARN,
            description="; ".join(f"{one.check_name}: {one.detail or one.rows_failed}" for one in failed[:SHOWN]) or None,
            metadata={
                "expectations": len(part),
                "failed expectations": len(failed),
                "rows failed": sum(one.rows_failed for one in failed),
            },
        )

"""Whether the last build made every product and event log anew, or left some as they were because something failed.

What belongs here: the check `published` and the words in which it fails the run. What does not: building
(`orchestration.defs.transform`).

It stands apart from the step that builds, so that mining and forecasting go on with what was published.
"""

from collections.abc import Iterator, Mapping, Sequence

import dagster as dg

from orchestration.built import last_build

PUBLISHED = "published"
SHOWN = 5  # failures named in full


def published_check(keys: Sequence[dg.AssetKey]) -> dg.AssetChecksDefinition:
    """One check per product and event log: is it as the last build wanted it. It fails the run, and nothing waits for it."""
    specs = [
        dg.AssetCheckSpec(PUBLISHED, asset=key, description="The last build did not have to leave it as it was.") for key in keys
    ]

    @dg.multi_asset_check(name=PUBLISHED, specs=specs, can_subset=True)
    def published(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        last = last_build()
        for key in context.selected_asset_check_keys:
            why = last.left_out.get(key.asset_key.path[-1])
            said = None if why is None else f"It is as it was before: {why}"
            yield dg.AssetCheckResult(asset_key=key.asset_key, check_name=PUBLISHED, passed=why is None, description=said)
        if last.run_id == context.run.run_id and last.failures:
            raise failure_of(last.failures, last.left_out)

    return published


def failure_of(failures: Mapping[str, str], left_out: Mapping[str, str]) -> dg.Failure:
    """What a run with failed models or tests ends with."""
    shown = "; ".join(f"{name}: {words}" for name, words in list(failures.items())[:SHOWN])
    more = f"; and {len(failures) - SHOWN} more" if len(failures) > SHOWN else ""
    kept = f" These keep their last good version: {', '.join(sorted(left_out))}." if left_out else ""
    return dg.Failure(
        f"{len(failures)} of the models and tests failed: {shown}{more}.{kept} Everything else was published."
        " Mend the cause and run again.",
        allow_retries=False,
    )

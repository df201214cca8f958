"""Whether the last build could publish all it was to make, or left some products as they were because something failed.

What belongs here: the check `published` and the words in which it fails the run. What does not: building
(`orchestration.defs.transform`).

It stands apart from the step that builds, so that mining and forecasting go on with what was published; and at an asset that every
build makes whatever fails and whatever has never been landed, for a check is skipped where its asset is.
"""

from collections.abc import Iterator, Mapping

import dagster as dg

from orchestration.built import last_build
from orchestration.layers import dbt_key

PUBLISHED = "published"
BUILD = dbt_key(["intermediate", "builds"], "int_builds__published")
SHOWN = 5  # failures named in full


@dg.multi_asset_check(
    name=PUBLISHED,
    specs=[dg.AssetCheckSpec(PUBLISHED, asset=BUILD, description="The last build left no product as it was before.")],
)
def published(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
    """Tells what keeps its last good tables, and fails the run whose build it was; nothing waits for it."""
    last = last_build()
    yield dg.AssetCheckResult(
        asset_key=BUILD,
        check_name=PUBLISHED,
        passed=not last.left_out,
        description=f"As they were before: {', '.join(sorted(last.left_out))}" if last.left_out else None,
        metadata=dict(sorted(last.left_out.items())),
    )
    if last.run_id == context.run.run_id and last.failures:
        raise failure_of(last.failures, last.left_out)


def failure_of(failures: Mapping[str, str], left_out: Mapping[str, str]) -> dg.Failure:
    """What a run with failed models or tests ends with."""
    shown = "; ".join(f"{name}: {words}" for name, words in list(failures.items())[:SHOWN])
    more = f"; and {len(failures) - SHOWN} more" if len(failures) > SHOWN else ""
    kept = f" These keep their last good version: {', '.join(sorted(left_out))}." if left_out else ""
    return dg.Failure(
        f"{len(failures)} of the models and tests failed: {shown}{more}.{kept} Everything else was published.",
        allow_retries=False,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """The check."""
    return dg.Definitions(asset_checks=[published])

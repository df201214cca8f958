"""Which models a build is about, in the words a person uses: a domain, or models with what they need and what needs them.

What belongs here: from words to asset keys. What does not: building (`orchestration.defs.transform`).
"""

import difflib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from lake.errors import UnknownModelError
from orchestration.layers import LAYERS

if TYPE_CHECKING:
    import dagster as dg

BUILT = LAYERS[LAYERS.index("staging") : LAYERS.index("mining")]  # the layers that dbt makes


def of_words(words: str, keys: Mapping[str, "dg.AssetKey"]) -> "dg.AssetSelection":
    """The selection of `model`, `+model` (with what it needs), `model+` (with what is made of it), several with blanks between.

    Raises:
        UnknownModelError: There is no such model.
    """
    import dagster as dg

    chosen: dg.AssetSelection = dg.AssetSelection.assets()
    for word in words.replace(",", " ").split():
        name = word.strip("+")
        if name not in keys:
            raise _unknown("model", name, keys)
        one: dg.AssetSelection = dg.AssetSelection.assets(keys[name])
        chosen = chosen | (one.upstream() if word.startswith("+") else one) | (one.downstream() if word.endswith("+") else one)
    return chosen & dg.AssetSelection.groups(*BUILT)


def of_domain(domain: str, domains: Mapping[str, list["dg.AssetKey"]]) -> "dg.AssetSelection":
    """Everything a domain owns, what it needs and what is made of it, within the layers that dbt makes.

    Raises:
        UnknownModelError: There is no such domain.
    """
    import dagster as dg

    if domain not in domains:
        raise _unknown("domain", domain, domains)
    own = dg.AssetSelection.assets(*domains[domain])
    return (own.upstream() | own.downstream()) & dg.AssetSelection.groups(*BUILT)


def _unknown(what: str, name: str, known: Mapping[str, object]) -> UnknownModelError:
    near = difflib.get_close_matches(name, known, n=3) or sorted(known)[:12]
    return UnknownModelError(f"There is no {what} `{name}`.", remedy=f"There is, among others: {', '.join(near)}.")

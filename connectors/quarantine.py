"""What a person decides about rows in quarantine: correct one, accept it as it is, or drop it for good; who and why is kept.

What belongs here: decisions. What does not: listing and replaying (`connectors.dead_letters`) and heeding them
(`connectors.waivers`, `connectors.log_quality`).
"""

import getpass
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from connectors.connections import get_connection
from connectors.dead_letters import LETTER_ID, DeadLetter, Replayed, dead_letters, replay
from connectors.staged import Progress, no_progress
from connectors.waivers import ACCEPTED, DROPPED
from lake import in_transaction
from lake.errors import DataError

How = Literal["accepted", "dropped"]
IN_WORDS = {ACCEPTED: "accepted as they are", DROPPED: "dropped for good"}
_BEARABLE = (" is filled", " is plausible (", " is known in ", " is one of ")  # rules that a row may break and still be a row


def letter_of(identity: str) -> DeadLetter:
    """One row of quarantine, decided or not.

    Raises:
        DataError: There is none of that id.
    """
    return _letters([identity])[0]


def _letters(identities: Sequence[str]) -> list[DeadLetter]:
    wanted = list(dict.fromkeys(identities))
    found = {one.id: one for one in dead_letters(is_open=None, ids=wanted, limit=None, kind=None)}
    for identity in (one for one in wanted if one not in found):
        raise DataError(
            f"There is no row {identity} in quarantine.", remedy="`grimoire quarantine list` shows those there are.", id=identity
        )
    return [found[identity] for identity in wanted]


def waive(identities: Sequence[str], *, how: How, note: str, by: str | None = None) -> list[DeadLetter]:
    """Decides about open rows without changing them; the next load, or a replay, heeds it.

    Args:
        identities: Ids of rows in quarantine.
        how: `accepted`: held rows land although they break the rule, flagged ones count no more. `dropped`: held rows never land.
        note: Why; kept with the row.
        by: Who; default: the user of this machine.

    Raises:
        DataError: A row is not there, is decided already, or cannot be dealt with that way; nothing was written.
    """
    if not note.strip():
        raise DataError("A waiver needs a reason.", remedy="Say why with --note.")
    letters = _letters(identities)
    for letter in letters:
        _refuse(letter, how)
    known = {"how": how, "by": by or who(), "note": note, "ids": [letter.id for letter in letters]}
    in_transaction(
        lambda lake: lake.execute(
            "update quarantine.rows set resolution = $how, resolved_by = $by, note = $note, resolved_at = now()"
            f" where resolved_at is null and {LETTER_ID} in (select unnest($ids::varchar[]))",
            known,
        )
    )
    return _letters(identities)


def correct(
    identity: str, record: Any, *, note: str | None = None, by: str | None = None, progress: Progress = no_progress
) -> Replayed:
    """Puts another record in a held row's place and plays it again: it is judged like any row.

    Raises:
        DataError: The row is not there, is decided already, or lies in an event log, where nothing can be put in its place.
        QualityGateError: The gate closed; the correction waits with everything else.
    """
    letter = letter_of(identity)
    if letter.kind == "flagged" or letter.connection == "file":
        place = "an event log" if letter.kind == "flagged" else "an imported file"
        raise DataError(
            f"{identity} is a row of {place}; it cannot be corrected here.",
            remedy="Correct it in the source or the file, and load that again.",
            id=identity,
        )
    _refuse_decided(letter)
    return replay(letter.connection, corrected={identity: record}, by=by or who(), note=note, progress=progress)


def changed(letter: DeadLetter, values: Mapping[str, str]) -> dict[str, Any]:
    """The letter's row with some of its columns replaced.

    Raises:
        DataError: The letter is no row, or has no such column.
    """
    try:
        row = json.loads(letter.payload)
    except ValueError:
        row = None
    if not isinstance(row, dict):
        raise DataError(f"{letter.id} is no row with columns.", remedy="Give the whole record with --file.", id=letter.id)
    unknown = sorted(set(values) - set(row))
    if unknown:
        raise DataError(f"{letter.id} has no column {', '.join(unknown)}.", remedy=f"It has: {', '.join(row)}.", id=letter.id)
    return {**row, **{name: value if value != "" else None for name, value in values.items()}}


def who() -> str:
    """The user of this machine, for the record."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return "unknown"


def _refuse(letter: DeadLetter, how: How) -> None:
    _refuse_decided(letter)
    if letter.kind == "flagged" and how == DROPPED:
        raise DataError(
            f"{letter.id} is in an event log already and cannot be dropped here.",
            remedy="Accept it, or take it out where the log is made.",
            id=letter.id,
        )
    if letter.kind == "held" and how == ACCEPTED and not _can_land(letter):
        raise DataError(
            f"{letter.id} cannot land as it is: {letter.reason}.",
            remedy="Correct it, or drop it: without a key, or with a value of no column's type, there is no place for it.",
            id=letter.id,
        )


def _refuse_decided(letter: DeadLetter) -> None:
    if letter.resolved_at is not None:
        said = f"{letter.resolution} by {letter.resolved_by}" if letter.resolution else "landed"
        raise DataError(f"{letter.id} is dealt with already: {said}.", remedy="`grimoire quarantine list` shows open ones.")


def _can_land(letter: DeadLetter) -> bool:
    """Whether a row could be merged although it breaks its rule: it has a key of its own and values of its columns' types."""
    if letter.connection == "file" or not any(words in letter.rule for words in _BEARABLE):
        return False
    key = get_connection(letter.connection).resource(letter.resource).key
    return letter.rule not in {f"{name} is filled" for name in key}

"""Rules of a process: what a definition file may say under `rules` and `slas`, as words or as fields, read and checked.

What belongs here: the kinds of rules, their fields, the sentences that say the same, and thresholds. What does not: judging cases
by them (`mining.rules`), because that takes an event log.

A rule is either a mapping, `{kind: precedes, first: Receive Goods, then: Pay Invoice}`, or a sentence, `Receive Goods precedes Pay
Invoice`. Both give the same rule. A rule with a `threshold` is a process test.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lake.errors import ProcessFileError

MODES = ("eventually", "directly", "alternately")
SEVERITIES = {"error": "error", "warning": "warning", "warn": "warning"}
ONE, TWO = ("activity",), ("first", "then")
KINDS: dict[str, tuple[str, ...]] = {  # with the fields each must have
    "starts_with": ONE,
    "ends_with": ONE,
    "never": ONE,
    "exactly": (*ONE, "times"),
    "at_most": (*ONE, "times"),
    "at_least": (*ONE, "times"),
    "only_by": ONE,
    "holds": (*ONE, "condition"),
    "precedes": TWO,
    "responds": TWO,
    "succession": TWO,
    "never_after": TWO,
    "not_together": TWO,
    "four_eyes": TWO,
    "same_person": TWO,
    "within_hours": (*TWO, "hours"),
}
OTHER_NAMES = {
    "absence": "never",
    "excludes": "not_together",
    "different_resource": "four_eyes",
    "different_person": "four_eyes",
    "same_resource": "same_person",
    "response": "responds",
    "precedence": "precedes",
}
DIFFERENT = ("precedes", "responds", "succession", "not_together")  # kinds that make no sense of an activity and itself
OPTIONAL = {"mode", "when", "text", "name", "threshold", "severity", "tolerated", "persons", "teams", "column", "working_time"}
OPERATORS = (">=", "<=", "!=", "=", ">", "<")
_CONDITION = re.compile(r"(?P<column>\w+)\s*(?P<operator>>=|<=|!=|=|>|<)\s*(?P<value>.+)", re.DOTALL)
_UNITS = {"hour": 1.0, "day": 24.0, "week": 168.0, "minute": 1 / 60}
_SPAN = r"(?P<hours>[\d.]+) (?P<working>working )?(?P<unit>minute|hour|day|week)s?"
_MODE = r"(?:(?P<mode>directly|alternately|immediately|eventually) )?"
_SENTENCES = [  # the first that fits; names that hold such words stand in double quotes
    (r"cases? (?:start|begin)s? with (?P<activity>.+)", "starts_with"),
    (r"cases? ends? with (?P<activity>.+)", "ends_with"),
    (r"after (?P<first>.+?),? (?:there is )?never (?P<then>.+)", "never_after"),
    (rf"(?P<then>.+?) never {_MODE}follows (?P<first>.+)", "never_after"),
    (rf"(?P<then>.+?) follows (?P<first>.+?) within {_SPAN}", "within_hours"),
    (rf"(?P<first>.+?) {_MODE}precedes and is followed by (?P<then>.+)", "succession"),
    (rf"(?P<first>.+?) {_MODE}precedes (?P<then>.+)", "precedes"),
    (rf"(?P<first>.+?) is (?:always )?{_MODE}followed by (?P<then>.+)", "responds"),
    (r"(?P<first>.+?) and (?P<then>.+?) never (?:occur|happen) together", "not_together"),
    (r"(?P<first>.+?) and (?P<then>.+?) are done by different (?:people|persons)", "four_eyes"),
    (r"(?P<first>.+?) and (?P<then>.+?) are done by the same person", "same_person"),
    (r"(?P<condition>\w+ ?(?:>=|<=|!=|=|>|<) ?.+?) whenever (?P<activity>.+?) happens", "holds"),
    (r"(?P<activity>.+?) never happens", "never"),
    (r"(?P<activity>.+?) happens (?P<count>exactly|at most|at least) (?P<times>\d+|once|twice)(?: times?)?", ""),
    (r"(?P<activity>.+?) is done only by teams? (?P<teams>.+)", "only_by"),
    (r"(?P<activity>.+?) is done only by (?P<persons>.+)", "only_by"),
]  # fmt: skip
EXAMPLES = (
    "Receive Goods precedes Pay Invoice",
    "Post Invoice is followed by Receive Payment",
    "Ship Goods never follows Cancel Order",
    "Create Order and Approve Order are done by different people",
    "Ship Goods follows Confirm Order within 48 hours",
    "Pay Invoice happens at most once when amount > 1000",
)


@dataclass(frozen=True)
class Condition:
    """Which cases a rule is about: those with an activity, or with an event whose column compares so with a value."""

    activity: str | None = None
    column: str | None = None
    operator: str = "="
    value: Any = None

    def __str__(self) -> str:
        return self.activity if self.activity is not None else f"{self.column} {self.operator} {self.value}"


@dataclass(frozen=True)
class Threshold:
    """How many violating cases a process test bears: a share of the cases it is about, or a number of cases."""

    value: float
    is_share: bool

    def allows(self, violating: int, checked: int) -> bool:
        """Whether so many of so many cases are still within it."""
        return violating <= (self.value * checked if self.is_share else self.value)

    def __str__(self) -> str:
        return f"{self.value:.4%}".replace(".0000%", "%") if self.is_share else f"{self.value:g} cases"


@dataclass(frozen=True)
class Rule:
    """One rule; fields that its kind does not use have their defaults.

    Attributes:
        kind: One of `KINDS`.
        first: The activity, or the first of two.
        then: The second activity.
        mode: `eventually`, `directly` (as the very next event) or `alternately` (each with one of its own).
        times: For exactly, at_most, at_least.
        hours: For within_hours.
        is_working_time: Whether these are hours of the process's working calendar.
        only: For only_by: the persons or teams.
        column: For only_by: the column that says who.
        condition: For holds: what must be so of each event of the activity.
        when: Which cases it is about; None: all.
        text: What a person reads.
        threshold: With one, the rule is a process test.
        severity: What a breach of the threshold is: `error` or `warning`.
        tolerated: Share of cases the checks of the event log bear; None: their default.
        is_sla: Whether it comes from `slas`.
    """

    kind: str
    first: str
    then: str = ""
    mode: str = "eventually"
    times: int = 0
    hours: float = 0.0
    is_working_time: bool = False
    only: tuple[str, ...] = ()
    column: str = "resource"
    condition: Condition | None = None
    when: Condition | None = None
    text: str = ""
    threshold: Threshold | None = None
    severity: str = "warning"
    tolerated: float | None = None
    is_sla: bool = False

    @property
    def activities(self) -> tuple[str, ...]:
        """The activities it names."""
        named = (self.first, self.then, self.when.activity if self.when and self.when.activity else "")
        return tuple(dict.fromkeys(name for name in named if name))


class _Unreadable(Exception):
    """A rule that cannot be read, with the reason."""


def rules_of(definition: Mapping[str, Any], *, where: str = "") -> tuple[Rule, ...]:
    """The rules and service levels of a process definition.

    Args:
        definition: The definition.
        where: What the message of an error begins with, such as the file's name; default: the name the definition has.

    Raises:
        ProcessFileError: A rule cannot be read; the message says which, where and why.
    """
    where = where or str(definition.get("name", "The definition"))
    return tuple(_read_each(definition, "rules", where, _rule)) + tuple(_read_each(definition, "slas", where, _sla))


def read_rule(said: Any) -> Rule:
    """One rule, from a sentence or a mapping.

    Raises:
        ProcessFileError: It cannot be read.
    """
    try:
        return _rule(said)
    except _Unreadable as error:
        raise ProcessFileError(f"The rule {said!r} cannot be read: {error}", remedy=_remedy()) from error


def _read_each(definition: Mapping[str, Any], key: str, where: str, read: Any) -> Iterator[Rule]:
    several = definition.get(key) or []
    if not isinstance(several, list):
        raise ProcessFileError(f"{where}: `{key}` is no list.", remedy="Begin each rule with a dash.")
    for number, said in enumerate(several, start=1):
        try:
            yield read(said)
        except _Unreadable as error:
            raise ProcessFileError(f"{where}: {key} {number} ({_short(said)}) cannot be read: {error}", remedy=_remedy()) from error


def _short(said: Any) -> str:
    text = said.get("text", said) if isinstance(said, Mapping) else said
    return str(text)[:80]


def _remedy() -> str:
    return f"Kinds are {', '.join(KINDS)}; sentences read like: {'; '.join(EXAMPLES)}."


def _sla(said: Any) -> Rule:
    """A service level: from one activity to the next occurrence of another within hours."""
    if not isinstance(said, Mapping):
        raise _Unreadable("a service level is a mapping with from, to and within_hours")
    missing = [name for name in ("from", "to", "within_hours") if said.get(name) is None]
    if missing:
        raise _Unreadable(f"it does not say {', '.join(missing)}")
    fields = {key: value for key, value in said.items() if key not in ("from", "to", "within_hours")}
    fields |= {"kind": "within_hours", "first": said["from"], "then": said["to"], "hours": said["within_hours"]}
    return _from_fields(fields, is_sla=True)


def _rule(said: Any) -> Rule:
    if isinstance(said, str):
        return _from_fields(_fields_of_sentence(said))
    if not isinstance(said, Mapping):
        raise _Unreadable("it is neither a sentence nor a mapping")
    if "rule" in said:
        more = {key: value for key, value in said.items() if key != "rule"}
        return _from_fields(_fields_of_sentence(str(said["rule"])) | more)
    return _from_fields(dict(said))


def _fields_of_sentence(sentence: str) -> dict[str, Any]:
    """The fields a sentence stands for."""
    words, condition = _split_condition(" ".join(sentence.split()).rstrip("."))
    hidden, quoted = _hide_quoted(words)
    for pattern, kind in _SENTENCES:
        if match := re.fullmatch(pattern, hidden, re.IGNORECASE):
            fields = {name: _show_quoted(value, quoted) for name, value in match.groupdict().items() if value is not None}
            return _fields_of_match(fields, kind) | {"text": sentence.strip()} | ({"when": condition} if condition else {})
    raise _Unreadable("no such sentence is known")


def _fields_of_match(found: dict[str, str], kind: str) -> dict[str, Any]:
    fields: dict[str, Any] = {"kind": kind or found.pop("count").lower().replace(" ", "_"), **found}
    if "times" in found:
        fields["times"] = {"once": 1, "twice": 2}.get(found["times"].lower()) or int(found["times"])
    if "working" in found and found["unit"].lower() in ("day", "week"):
        raise _Unreadable(f"how long is a working {found['unit']}? Say it in working hours")
    if "unit" in found:
        fields["hours"] = float(found["hours"]) * _UNITS[fields.pop("unit").lower()]
        fields["working_time"] = fields.pop("working", None) is not None
    if "mode" in found:
        fields["mode"] = found["mode"].lower().replace("immediately", "directly")
    for who in ("persons", "teams"):
        if who in found:
            fields[who] = [one.strip() for one in re.split(r",| or ", found[who]) if one.strip()]
    return fields


def _split_condition(words: str) -> tuple[str, str | None]:
    """What stands before the last ` when ` outside quotes, and what stands after it."""
    hidden, quoted = _hide_quoted(words)
    before, found, after = hidden.rpartition(" when ")
    return (_show_quoted(before, quoted, keep=True), _show_quoted(after, quoted)) if found else (words, None)


def _hide_quoted(words: str) -> tuple[str, list[str]]:
    """Each quoted name becomes one odd letter, so that no word within it is taken for one of the grammar."""
    quoted = re.findall(r'"([^"]+)"', words)
    numbers = iter(range(len(quoted)))
    return re.sub(r'"[^"]+"', lambda _: chr(0xE000 + next(numbers)), words), quoted


def _show_quoted(words: str, quoted: list[str], *, keep: bool = False) -> str:
    for number, name in enumerate(quoted):
        words = words.replace(chr(0xE000 + number), f'"{name}"' if keep else name)
    return words


def _from_fields(said: dict[str, Any], *, is_sla: bool = False) -> Rule:
    kind = OTHER_NAMES.get(str(said.get("kind")), str(said.get("kind")))
    if kind not in KINDS:
        raise _Unreadable(f"there is no kind `{said.get('kind')}`")
    wanted = KINDS[kind]
    if unknown := sorted(set(said) - {"kind", *wanted, *OPTIONAL}):
        raise _Unreadable(f"{kind} has no {', '.join(map(str, unknown))}")
    if missing := [name for name in wanted if said.get(name) in (None, "")]:
        raise _Unreadable(f"{kind} needs {', '.join(missing)}")
    first, then = (str(said[name]).strip() if name in wanted else "" for name in ("first", "then"))
    first = str(said["activity"]).strip() if "activity" in wanted else first
    if kind in DIFFERENT and first == then:
        raise _Unreadable(f"{kind} needs two different activities")
    return Rule(
        kind,
        first,
        then,
        mode=_mode(kind, said.get("mode", "eventually")),
        times=_number(said.get("times", 0), "times", whole=True),
        hours=_number(said.get("hours", 0), "hours"),
        is_working_time=bool(said.get("working_time", False)),
        only=_only(kind, said),
        column=str(said.get("column") or ("resource_team" if "teams" in said else "resource")),
        condition=_of_column(_condition(said.get("condition"))),
        when=_condition(said.get("when")),
        text=str(said.get("text") or _sentence(kind, first, then, said)),
        threshold=_threshold(said.get("threshold")),
        severity=_severity(said.get("severity", "warning")),
        tolerated=None if said.get("tolerated") is None else float(_number(said["tolerated"], "tolerated")),
        is_sla=is_sla,
    )


def _sentence(kind: str, first: str, then: str, said: Mapping[str, Any]) -> str:
    """What a rule without a text is called."""
    parts = [first, kind.replace("_", " "), *([then] if then else []), *([str(said["times"])] if "times" in said else [])]
    parts += [str(said["condition"])] if kind == "holds" else []
    parts += [f"{said['hours']:g}"] if isinstance(said.get("hours"), int | float) else []
    parts += [str(said["mode"])] if said.get("mode", "eventually") != "eventually" else []
    return " ".join(parts)


def _mode(kind: str, said: Any) -> str:
    allowed = {"precedes": MODES, "responds": MODES, "succession": MODES, "never_after": MODES[:2]}.get(kind, MODES[:1])
    mode = {"chain": "directly", "direct": "directly", "alternate": "alternately"}.get(str(said), str(said))
    if mode not in allowed:
        raise _Unreadable(f"{kind} has no mode `{said}`, only {', '.join(allowed)}")
    return mode


def _number(said: Any, field: str, *, whole: bool = False) -> Any:
    if isinstance(said, bool) or not isinstance(said, int | float) or said < 0 or (whole and said != int(said)):
        raise _Unreadable(f"{field} is {said!r} and not a {'whole ' if whole else ''}number from 0 on")
    return int(said) if whole else said


def _only(kind: str, said: Mapping[str, Any]) -> tuple[str, ...]:
    if kind != "only_by":
        return ()
    named = said.get("persons") or said.get("teams")
    if not named or ("persons" in said and "teams" in said):
        raise _Unreadable("only_by needs either persons or teams")
    return (named,) if isinstance(named, str) else tuple(str(one) for one in named)


def _condition(said: Any) -> Condition | None:
    if said is None:
        return None
    if isinstance(said, Mapping):
        if set(said) == {"activity"}:
            return Condition(activity=str(said["activity"]))
        if set(said) == {"column", "operator", "value"} and said["operator"] in OPERATORS:
            return Condition(None, str(said["column"]), str(said["operator"]), said["value"])
        raise _Unreadable(f"`when` is an activity, or a column, an operator ({' '.join(OPERATORS)}) and a value")
    match = _CONDITION.fullmatch(str(said).strip())
    if match is None:
        return Condition(activity=str(said).strip())
    return Condition(None, match["column"], match["operator"], _value(match["value"].strip()))


def _of_column(said: Condition | None) -> Condition | None:
    if said is not None and said.column is None:
        raise _Unreadable(f"the condition {said} is none of a column, such as `amount <= 1000`")
    return said


def _value(text: str) -> Any:
    """The number, truth value or text that is written."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        number = float(text)
    except ValueError:
        return text.strip("'\"")
    return int(number) if number.is_integer() and "." not in text and "e" not in text.lower() else number


def _threshold(said: Any) -> Threshold | None:
    """`0.05` and `5 %` are shares, `5` and `5 cases` numbers of cases; 0 allows none."""
    if said is None:
        return None
    match = re.fullmatch(r"([\d.]+)\s*(%|cases?)?", str(said).strip())
    try:
        value, unit = (float(match[1]), match[2] or "") if match and not isinstance(said, bool) else (-1.0, "")
    except ValueError:
        value, unit = -1.0, ""
    if value < 0 or (unit == "%" and value > 100) or (unit != "%" and value >= 1 and value != int(value)):
        raise _Unreadable(f"the threshold {said!r} is neither a share (0.05 or 5 %) nor a number of cases (5)")
    if unit == "%":
        return Threshold(value / 100, is_share=True)
    return Threshold(value, is_share=not unit and value < 1)


def _severity(said: Any) -> str:
    if str(said) not in SEVERITIES:
        raise _Unreadable(f"the severity {said!r} is neither error nor warning")
    return SEVERITIES[str(said)]

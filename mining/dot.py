"""Graphs as DOT text, which Graphviz and many other tools draw.

What belongs here: quoting and putting together. What does not: what is drawn (each model says its own) and pictures.
"""

from collections.abc import Iterable


def quoted(text: str) -> str:
    """The text as a DOT string; a line break stays one."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\r", "").replace("\n", "\\n") + '"'


def node(identity: str, label: str, **attributes: str) -> str:
    """A node's line."""
    return f"  {quoted(identity)} {_attributes({'label': label, **attributes})};"


def edge(source: str, target: str, label: str = "", **attributes: str) -> str:
    """An edge's line."""
    said = ({"label": label} if label else {}) | attributes
    return f"  {quoted(source)} -> {quoted(target)}{' ' + _attributes(said) if said else ''};"


def graph(name: str, lines: Iterable[str]) -> str:
    """A directed graph from left to right."""
    return "\n".join([f"digraph {quoted(name)} {{", "  rankdir=LR;", *lines, "}"]) + "\n"


def _attributes(attributes: dict[str, str]) -> str:
    return "[" + ", ".join(f"{name}={quoted(value)}" for name, value in attributes.items()) + "]"

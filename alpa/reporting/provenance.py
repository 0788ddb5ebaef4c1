"""The facts block: from which commit, data, versions and machine the numbers come."""

from collections.abc import Iterator, Mapping
from typing import Any

from alpa.reporting.document import Column, Table


def facts_table(facts: Mapping[str, Any]) -> Table | None:
    """Lay out what `alpa.evaluation.facts.current_facts` returned, None if it is empty."""
    rows = tuple((label, text) for label, text in _rows(facts) if text)
    columns = (Column("Fact", "text"), Column("Value", "text"))
    return Table("facts", "Where these numbers come from.", columns, rows) if facts else None


def _rows(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    trained = facts.get("trained") or []
    yield "Evaluated at commit", _commit(facts)
    yield "Trained at commit", "; ".join(_distinct(_commit(environment) for environment in trained))
    yield "Last cell finished (UTC)", str(facts.get("finished") or "")
    yield "Device", "; ".join(devices(facts))
    yield "Hardware", "; ".join(machines(facts))
    yield "Seeds", ", ".join(str(seed) for seed in facts.get("seeds", []))
    seconds = facts.get("seconds", {})
    yield "Training time, summed over cells", "; ".join(f"{name} {duration(value)}" for name, value in seconds.items())
    yield "Workers", str(facts.get("workers", ""))
    yield "Versions", ", ".join(f"{name} {version}" for name, version in facts.get("versions", {}).items())
    for part, digest in facts.get("data", {}).items():
        yield f"Data, {part} split (SHA-256)", digest
    shared = facts.get("shared")
    yield "Test samples that also train", "" if shared is None else f"{shared:,}"
    yield "cells.csv (SHA-256)", str(facts.get("cells_sha256", ""))
    missing = facts.get("cells_without_facts", 0)
    yield "Cells without a record of training", str(missing or "")


def devices(facts: Mapping[str, Any]) -> list[str]:
    """Return each device that cells were trained on, with its precision and threads."""
    return _distinct(_device(environment) for environment in facts.get("trained") or [])


def machines(facts: Mapping[str, Any]) -> list[str]:
    """Return each kind of machine that cells were trained on."""
    return _distinct(_hardware(environment.get("hardware") or {}) for environment in facts.get("trained") or [])


def duration(seconds: float) -> str:
    """Return a time in two units at most: 41 s, 3 min 05 s, 2 h 07 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def _commit(facts: Mapping[str, Any]) -> str:
    return f"{facts.get('commit') or 'none'}{', with uncommitted changes' if facts.get('changed') else ''}"


def _device(environment: Mapping[str, Any]) -> str:
    device, precision, threads = (environment.get(name) for name in ("device", "precision", "threads"))
    return f"{device}, {precision}, {threads} {'thread' if threads == 1 else 'threads'} a cell" if device else ""


def _hardware(machine: Mapping[str, Any] | str) -> str:
    if isinstance(machine, str):
        return machine
    words = {"cpu": "{}", "cores": "{} cores", "memory_gib": "{} GiB memory"}
    named = {name: machine[name] for name in words if name in machine} | dict(machine)
    return ", ".join(words.get(name, "{}").format(value) for name, value in named.items() if value)


def _distinct(texts: Iterator[str]) -> list[str]:
    return list(dict.fromkeys(text for text in texts if text))

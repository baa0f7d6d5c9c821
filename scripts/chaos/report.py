"""What a run has shown, as the generated part of docs/reliability.md."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scripts.chaos.proxy import DESCRIPTIONS, Fault

SECTIONS = ("faults", "broken", "stream")
"""Generated parts of the page, each from a run of its own."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one fault at every call of one scenario.

    Attributes:
        scenario: what had happened to the picture.
        fault: what went wrong.
        expected: the state in which all must end.
        calls: how many calls were hit, one a run.
        twice: runs after which the outcome was announced more than once, which is allowed.
        problems: what was lost, left behind or done twice; nothing, one hopes.
        kinds: of calls that were made.
    """

    scenario: str
    fault: Fault
    expected: str
    calls: int
    twice: int
    problems: Sequence[str]
    kinds: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Streamed:
    """What came of a stream of events.

    Attributes:
        events: messages that were sent.
        keys: how many pictures they are about.
        encodes: how often a picture was made.
        killed: workers, in the midst of it.
        seconds: it took.
        problems: pictures that are not in the state of their last event; nothing, one hopes.
    """

    events: int
    keys: int
    encodes: int
    killed: int
    seconds: float
    problems: Sequence[str]


def table(results: Sequence[Result]) -> str:
    """Faults and outcomes in Markdown."""
    scenarios = list(dict.fromkeys(result.scenario for result in results))
    lines = ["| fault | " + " | ".join(scenarios) + " |", "|---" * (len(scenarios) + 1) + "|"]
    for fault in dict.fromkeys(result.fault for result in results):
        cells = [_cell(result) for result in results if result.fault is fault]
        lines.append(f"| {DESCRIPTIONS.get(fault, fault.value)} | " + " | ".join(cells) + " |")
    runs = sum(result.calls for result in results)
    problems = [problem for result in results for problem in result.problems]
    twice = sum(result.twice for result in results)
    lines += [
        "",
        (
            f"{runs} runs: {len(problems)} wrong (lost, partial, orphaned, ended twice, never announced), none in the "
            f"dead-letter queue; {twice} outcomes were announced more than once, which the contract allows."
        ),
    ]
    return "\n".join(lines + [f"- {problem}" for problem in problems[:20]])


def broken(counts: Mapping[str, int]) -> str:
    """What was found where a step is broken on purpose."""
    lines = ["With a step broken on purpose the same audit finds:", ""]
    return "\n".join(lines + [f"- {_BROKEN[step]}: {count} cases wrong" for step, count in counts.items()])


def stream(streamed: Streamed, blind: Streamed) -> str:
    """What came of the stream, and of a short one through a build that must fail."""
    wrong = len(streamed.problems)
    text = (
        f"{streamed.events:,} events over {streamed.keys} keys, shuffled and sent again and again, {streamed.killed} "
        f"workers killed meanwhile: {wrong} keys are not in the state of their last event, or were never announced in "
        f"it. {streamed.encodes:,} pictures were encoded, in {streamed.seconds:.0f} s."
    )
    found = (
        f"A build that believes its records without a look at the raw bucket: {len(blind.problems)} of {blind.keys} "
        f"keys wrong after {blind.events:,} events."
    )
    return "\n".join([text, *(f"- {problem}" for problem in streamed.problems[:20]), "", found])


_BROKEN = {
    "announce": "events are not sent",
    "delete": "nothing is deleted",
    "order": "the announcement is noted before it is made, and the worker killed before each call",
}


def _cell(result: Result) -> str:
    good = result.calls - len(result.problems)
    return f"{result.calls} calls, {good} {result.expected}" + (
        f", **{len(result.problems)} wrong**" * bool(result.problems)
    )

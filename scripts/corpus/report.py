"""The table of the corpora: printed, and kept in docs/formats.md."""

from collections import Counter
from pathlib import Path

from scripts import generated
from scripts.corpus.compare import MEAN_TOLERANCE, TAIL_TOLERANCE
from scripts.corpus.run import Result


def table(results: list[Result]) -> str:
    """Markdown: a row a corpus, a column a verdict, and what was measured."""
    corpora = sorted({_corpus(result) for result in results})
    reasons = sorted({result.verdict for result in results} - {"complete"})
    lines = [
        f"| corpus | files | complete | {' | '.join(f'`{reason}`' for reason in reasons)} | compared |",
        "|---" + "|--:" * (len(reasons) + 3) + "|",
    ]
    for corpus in (*corpora, ""):
        rows = [result for result in results if not corpus or _corpus(result) == corpus]
        counts = Counter(result.verdict for result in rows)
        numbers = [len(rows), counts["complete"], *(counts[reason] for reason in reasons)]
        compared = sum(result.apart is not None for result in rows)
        lines.append(f"| {corpus or '**all**'} | {' | '.join(map(str, numbers))} | {compared} |")
    return "\n".join(lines)


def measured(results: list[Result]) -> str:
    """The extremes, in sentences."""
    ran = [result for result in results if "seconds" in result.answer]
    if not ran:
        return "Nothing ran."
    apart = sorted(result.apart.mean for result in results if result.apart)
    memory = max(ran, key=lambda result: float(result.answer["peak_mib"]))
    slowest = max(ran, key=lambda result: float(result.answer["seconds"]))
    lines = [
        f"Most memory: {memory.answer['peak_mib']:.0f} MiB resident, `{memory.name}`.",
        f"Slowest: {slowest.answer['seconds']:.1f} s ({slowest.answer['cpu']:.1f} s of CPU), `{slowest.name}`.",
    ]
    if apart:
        lines.append(
            f"Difference from the independent decoder: median {apart[len(apart) // 2]:.2f} levels of 255, "
            f"{apart[len(apart) * 95 // 100]:.2f} at the 95th percentile of files. Allowed are {MEAN_TOLERANCE} on "
            f"average and {TAIL_TOLERANCE} for 99 % of the samples."
        )
    excused = Counter(result.excused for result in results if result.excused)
    lines += [f"Excused, {count} files: {reason}" for reason, count in excused.most_common()]
    return "\n".join(lines)


def write_docs(path: Path, results: list[Result]) -> None:
    """Replace the generated part."""
    generated.replace(path, "corpora", f"{table(results)}\n\n- " + measured(results).replace("\n", "\n- "))


def _corpus(result: Result) -> str:
    return result.name.partition("/")[0]

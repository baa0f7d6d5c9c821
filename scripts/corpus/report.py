"""The table of the corpora: printed, and kept in docs/formats.md."""

from collections import Counter
from pathlib import Path

from scripts import generated
from scripts.corpus.compare import MEAN_TOLERANCE, TAIL_TOLERANCE
from scripts.corpus.matrix.generate import CORPUS
from scripts.corpus.matrix.judge import WRITTEN
from scripts.corpus.run import REASONS, Result


def table(results: list[Result]) -> str:
    """Markdown: a row a corpus, a column a verdict, and what was measured."""
    results = [result for result in results if _corpus(result) != CORPUS]
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


def matrix(results: list[Result]) -> str:
    """Markdown: a row a format of the matrix, a column a verdict, and with whom its renderings agree."""
    results = [result for result in results if _corpus(result) == CORPUS]
    reasons = sorted({result.verdict for result in results} - {"complete"})
    heads = ["format", "files", "damaged", "complete", *(f"`{reason}`" for reason in reasons)]
    heads += ["as sharp", "as ImageMagick", "as Chromium", "as written", "explained", "unexplained"]
    lines = [f"| {' | '.join(heads)} |", "|---" + "|--:" * (len(heads) - 1) + "|"]
    for fmt in (*sorted({_format(result) for result in results}), ""):
        rows = [result for result in results if not fmt or _format(result) == fmt]
        counts = Counter(result.verdict for result in rows)
        numbers = [len(rows), sum("~" in result.name for result in rows), counts["complete"]]
        numbers += [counts[reason] for reason in reasons]
        numbers += [
            sum(decoder in result.agreed for result in rows)
            for decoder in ("sharp", "imagemagick", "chromium", WRITTEN)
        ]
        numbers += [sum(bool(result.excused) for result in rows), sum(bool(result.problems) for result in rows)]
        lines.append(f"| {fmt or '**all**'} | {' | '.join(map(str, numbers))} |")
    excused = Counter(reason for result in results for reason in result.excused.split(REASONS) if reason)
    return "\n".join(
        [*lines, "", *(f"- Explained, {count} files: {reason}" for reason, count in excused.most_common())]
    )


def measured(results: list[Result]) -> str:
    """The extremes, in sentences."""
    results = [result for result in results if _corpus(result) != CORPUS]
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


def write_docs(path: Path, results: list[Result], *, matrix_only: bool = False) -> None:
    """Replace the generated parts."""
    generated.replace(path, "matrix", matrix(results))
    if matrix_only:
        return
    generated.replace(path, "corpora", f"{table(results)}\n\n- " + measured(results).replace("\n", "\n- "))


def _format(result: Result) -> str:
    return result.name.split("/")[1]


def _corpus(result: Result) -> str:
    return result.name.partition("/")[0]

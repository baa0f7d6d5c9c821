"""`img-pipeline status --history`: the runs of a picture, newest first."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from processor.aws.dynamodb import DynamoDBRecords

_SHOWN_HEX = 12
"""Of a version id or fingerprint, for a person; --json has all."""


def show(records: "DynamoDBRecords", key: str, limit: int, before: str | None, *, as_json: bool) -> bool:
    """Print the newest runs, and how to see older ones. False: there are none."""
    found = records.history(key, limit + 1, before)  # one more, to know whether there are older ones
    runs = found[:limit]
    if as_json:
        for run in runs:
            print(json.dumps(_document(run)))
        return bool(runs)
    print(
        f"{key}: "
        + (
            f"{len(runs)} run{'s' * (len(runs) != 1)}, newest first"
            if runs
            else "no runs" + " before that" * bool(before)
        )
    )
    for run in runs:
        print("\n".join(_lines(run)))
    if len(found) > limit:
        print(f"  older ones: img-pipeline status --history --before {_at(runs[-1])} {key!r}")
    return bool(runs)


def _at(run: dict[str, Any]) -> str:
    """When a run ended: the middle of `run#<time>#<id>`."""
    return str(run["record"]).split("#")[1]


def _document(run: dict[str, Any]) -> dict[str, Any]:
    return {"imageId": run["imageId"], "endedAt": _at(run)} | {
        name: value for name, value in run.items() if name not in ("imageId", "record")
    }


def _lines(run: dict[str, Any]) -> Iterator[str]:
    version = f"version {run['versionId'][:_SHOWN_HEX]}" if run.get("versionId") else ""
    made = ""
    if "bytesOut" in run:
        made = f"{run['originalSize']:,} bytes to {run['bytesOut']:,}, "
    took = f"{run['processingTime']:,} ms"
    recipe = f"recipe {run['fingerprint'][:_SHOWN_HEX]}" if run.get("fingerprint") else ""
    yield f"  {_at(run)[:19]}  {run['status']:<9} " + ", ".join(each for each in (made + took, version, recipe) if each)
    if run.get("reason"):
        yield f"    {run['reason']}: {run.get('message', '')}"

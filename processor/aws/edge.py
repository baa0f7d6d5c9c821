"""The edge functions at CloudFront, and what Terraform's module `rollout` keeps about them in Parameter Store."""

import base64
import gzip
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError

from processor.aws.translate import code_of, transient_errors
from processor.rollout import Codes, Plan

_NO_FUNCTION = "NoSuchFunctionExists"


class StackEdge:
    """The edge functions of one stack."""

    def __init__(self, ssm: Any, make_cloudfront: Callable[[], Any], path: str) -> None:
        self._ssm = ssm
        self._make_cloudfront = make_cloudfront
        self._path = path

    @cached_property
    def _cloudfront(self) -> Any:
        return self._make_cloudfront()

    # -- what the stack keeps ----------------------------------------------------------------------------------------

    def plan(self) -> Plan:
        """What Terraform wrote last."""
        parameter = self._parameter("current")
        values = json.loads(parameter["Value"])
        return Plan(
            recipe=values["recipe"],
            recipe_hash=values["recipe_hash"],
            grace=timedelta(days=values["grace_days"]),
            settled_at=parameter["LastModifiedDate"] + timedelta(seconds=values["settle_seconds"]),
        )

    def kept(self) -> Mapping[str, datetime | None]:
        """Recipes of which something is published, by id, and until when; None: pictures are made by it."""
        untils = {name: json.loads(value)["until"] for name, value in self._below("recipes")}
        return {name: until and datetime.fromisoformat(until) for name, until in untils.items()}

    def codes(self) -> Mapping[str, Codes]:
        """The source of each edge function, by its name."""
        found: defaultdict[str, dict[str, str]] = defaultdict(dict)
        for name, value in self._below("code"):
            function, _, stage = name.rpartition("/")
            found[function][stage] = gzip.decompress(base64.b64decode(value)).decode()
        return {function: Codes(**stages) for function, stages in found.items()}

    def accept(self, function: str) -> None:
        """Note that a function is to run from now on what it is to run after a change.

        Letter for letter as Terraform wrote it, so that a plan is empty.
        """
        self._write(f"code/{function}/now", self._parameter(f"code/{function}/after")["Value"])

    def drop(self, recipe: str, until: datetime) -> None:
        """Note that no picture is made by a recipe any more, and until when its keys are served."""
        value = json.loads(self._parameter(f"recipes/{recipe}")["Value"])
        value["until"] = until.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self._write(f"recipes/{recipe}", json.dumps(value, separators=(",", ":")))

    def _parameter(self, name: str) -> Any:
        with transient_errors(f"reading the parameter {self._path}/{name}"):
            return self._ssm.get_parameter(Name=f"{self._path}/{name}")["Parameter"]

    def _below(self, name: str) -> Iterator[tuple[str, str]]:
        """Names and values of the parameters below a path; names without it."""
        path = f"{self._path}/{name}"
        with transient_errors(f"reading the parameters below {path}"):
            for page in self._ssm.get_paginator("get_parameters_by_path").paginate(Path=path, Recursive=True):
                yield from ((each["Name"].removeprefix(f"{path}/"), each["Value"]) for each in page["Parameters"])

    def _write(self, name: str, value: str) -> None:
        with transient_errors(f"writing the parameter {self._path}/{name}"):
            self._ssm.put_parameter(Name=f"{self._path}/{name}", Value=value, Overwrite=True)

    # -- CloudFront --------------------------------------------------------------------------------------------------

    def live(self, function: str) -> str:
        """The source that answers; empty if none does."""
        with transient_errors(f"reading the edge function {function}"):
            return self._code(function, "LIVE")[0]

    def _code(self, function: str, stage: str) -> tuple[str, str]:
        """Source and ETag of a stage."""
        try:
            answer = self._cloudfront.get_function(Name=function, Stage=stage)
        except ClientError as exc:
            if code_of(exc) == _NO_FUNCTION:
                return "", ""
            raise
        return answer["FunctionCode"].read().decode("utf-8", "replace"), answer["ETag"]

    def publish(self, function: str, code: str) -> None:
        """Have a function run a source. Fails if somebody else is changing it."""
        with transient_errors(f"publishing the edge function {function}"):
            there, etag = self._code(function, "DEVELOPMENT")
            if there != code:
                summary = self._cloudfront.describe_function(Name=function, Stage="DEVELOPMENT")["FunctionSummary"]
                etag = self._cloudfront.update_function(
                    Name=function, IfMatch=etag, FunctionConfig=summary["FunctionConfig"], FunctionCode=code.encode()
                )["ETag"]
            self._cloudfront.publish_function(Name=function, IfMatch=etag)

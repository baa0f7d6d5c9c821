"""Which versions of a function stay after a roll-out."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError

from scripts.stacktools.versions import KEPT, tidy, tidy_quietly


@dataclass
class Lambda:
    """A fake Lambda with one function.

    Attributes:
        versions: those that are published.
        aliases: version by name of alias, and a share of the calls for others.
        refuses: whether deleting is forbidden.
    """

    versions: list[int]
    aliases: dict[str, tuple[int, dict[int, float]]] = field(default_factory=dict)
    refuses: bool = False

    def get_paginator(self, operation: str) -> "Pages":
        """Two items a page."""
        if operation == "list_versions_by_function":
            found = [{"Version": "$LATEST"}, *({"Version": str(number)} for number in self.versions)]
            return Pages("Versions", found)
        assert operation == "list_aliases"
        aliases = [
            {"FunctionVersion": str(version)}
            | (
                {"RoutingConfig": {"AdditionalVersionWeights": {str(k): v for k, v in others.items()}}}
                if others
                else {}
            )
            for version, others in self.aliases.values()
        ]
        return Pages("Aliases", aliases)

    def delete_function(self, FunctionName: str, Qualifier: str) -> None:  # noqa: N803 - AWS's names
        """Delete a version; without a number it would be the whole function."""
        assert FunctionName == "processor"
        if self.refuses:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "DeleteFunction")
        self.versions.remove(int(Qualifier))


@dataclass
class Pages:
    """An answer in pages."""

    name: str
    items: list[dict[str, Any]]

    def paginate(self, **_: Any) -> Iterator[dict[str, Any]]:
        """Two items a page."""
        for start in range(0, len(self.items), 2):
            yield {self.name: self.items[start : start + 2]}


@pytest.mark.parametrize(
    ("versions", "aliases", "left"),
    [
        (range(1, 13), {"live": (12, {})}, [8, 9, 10, 11, 12]),
        (range(1, 13), {"live": (4, {})}, [3, 4, 8, 9, 10, 11, 12]),
        (range(1, 13), {"live": (12, {2: 0.1})}, [1, 2, 8, 9, 10, 11, 12]),
        (range(1, 13), {"live": (12, {}), "canary": (6, {})}, [5, 6, 8, 9, 10, 11, 12]),
        ([1, 3, 20], {"live": (20, {})}, [1, 3, 20]),
        ([1, 5, 30, 31, 32, 33, 34], {"live": (30, {})}, [5, 30, 31, 32, 33, 34]),
        (range(1, 9), {"other": (8, {})}, [4, 5, 6, 7, 8]),
        ([], {}, []),
    ],
)
def test_what_is_needed_stays(
    versions: list[int], aliases: dict[str, tuple[int, dict[int, float]]], left: list[int]
) -> None:
    """The newest, what any alias runs, and the one before that; a second time there is nothing to do."""
    assert KEPT == 5
    aws = Lambda(list(versions), aliases)
    deleted = tidy(aws, "processor")
    assert aws.versions == left
    assert [int(number) for number in deleted] == [number for number in versions if number not in left]
    assert tidy(aws, "processor") == []


def test_a_roll_out_does_not_fail_because_nothing_could_be_deleted(capsys: pytest.CaptureFixture[str]) -> None:
    """It is said, and nothing more."""
    aws = Lambda(list(range(1, 13)), {"live": (12, {})}, refuses=True)
    tidy_quietly(aws, "processor")
    assert "old versions of processor were not deleted: " in capsys.readouterr().err
    assert len(aws.versions) == 12

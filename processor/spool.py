"""Tables on disk for commands that compare everything a stack holds: millions of pictures in the memory of a few."""

import pickle
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from types import TracebackType
from typing import Generic, Self, TypeVar

V = TypeVar("V")

_CACHE_KIB = 16_384
"""Pages of the database that stay in memory."""

_BATCH = 200
"""Rows written by one statement, which are in memory meanwhile."""


class Spool:
    """A temporary database that is deleted when the block ends. SQLite keeps it in a file without a name.

    Example:
        with Spool() as spool:
            sizes = spool.table("sizes", (("a.jpg", 1), ("b.jpg", 2)))
            sizes["a.jpg"]  # 1
    """

    def __init__(self) -> None:
        # "" names a private database on disk; without transactions of its own, each statement is one
        self._connection = sqlite3.connect("", isolation_level=None)

    def __enter__(self) -> Self:
        self._connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        # nobody reads this database after a crash
        self._connection.execute("PRAGMA journal_mode = OFF")
        self._connection.execute("PRAGMA synchronous = OFF")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._connection.close()

    def table(self, name: str, items: Iterable[tuple[str, V]]) -> "Table[V]":
        """A mapping with these items. A key that comes twice has its last value."""
        self._connection.execute(f"CREATE TABLE {name} (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID")
        table = Table[V](self._connection, name)
        table.update(items)
        return table

    def relation(self, name: str, pairs: Iterable[tuple[str, str]]) -> "Relation":
        """A mapping of each key to all values that it is paired with."""
        self._connection.execute(f"CREATE TABLE {name} (key TEXT, value TEXT, PRIMARY KEY (key, value)) WITHOUT ROWID")
        for batch in _batched(pairs):
            self._connection.executemany(f"INSERT OR IGNORE INTO {name} VALUES (?, ?)", batch)  # noqa: S608 - our name
        return Relation(self._connection, name)


class Table(Mapping[str, V], Generic[V]):
    """A mapping on disk, in the order of its keys (UTF-8, as S3 lists them)."""

    def __init__(self, connection: sqlite3.Connection, name: str) -> None:
        self._connection = connection
        self._name = name

    def update(self, items: Iterable[tuple[str, V]]) -> None:
        """Add items, or replace those with the same keys."""
        rows = ((key, pickle.dumps(value)) for key, value in items)
        for batch in _batched(rows):
            self._connection.executemany(f"INSERT OR REPLACE INTO {self._name} VALUES (?, ?)", batch)  # noqa: S608

    def __getitem__(self, key: str) -> V:
        row = self._connection.execute(f"SELECT value FROM {self._name} WHERE key = ?", (key,)).fetchone()  # noqa: S608
        if row is None:
            raise KeyError(key)
        value: V = pickle.loads(row[0])  # noqa: S301 - we wrote it, and the file has no name
        return value

    def __contains__(self, key: object) -> bool:
        found = self._connection.execute(f"SELECT 1 FROM {self._name} WHERE key = ?", (key,))  # noqa: S608
        return found.fetchone() is not None

    def __iter__(self) -> Iterator[str]:
        return (row[0] for row in self._connection.execute(f"SELECT key FROM {self._name} ORDER BY key"))  # noqa: S608

    def __len__(self) -> int:
        count: int = self._connection.execute(f"SELECT COUNT(*) FROM {self._name}").fetchone()[0]  # noqa: S608
        return count


class Relation:
    """Pairs of strings on disk."""

    def __init__(self, connection: sqlite3.Connection, name: str) -> None:
        self._connection = connection
        self._name = name

    def of(self, key: str) -> list[str]:
        """Every value that a key is paired with, in order."""
        found = self._connection.execute(f"SELECT value FROM {self._name} WHERE key = ? ORDER BY value", (key,))  # noqa: S608
        return [row[0] for row in found]


Row = TypeVar("Row")


def _batched(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Rows in short lists; `itertools.batched` needs Python 3.12."""
    iterator = iter(rows)
    while batch := list(islice(iterator, _BATCH)):
        yield batch

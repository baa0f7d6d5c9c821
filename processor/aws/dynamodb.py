"""The table: one `current` item a picture, one `owner` item a stem, and history rows that nobody rewrites."""

import time
import uuid
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from processor.aws.cloudfront import SweepState
from processor.aws.translate import code_of, transient_errors
from processor.errors import LeaseHeld, LeaseLost, Reason
from processor.pyramid import Pyramid
from processor.records import STILL_SERVED, Lease, Published, PublishedFormat, PublishedTiles, Record, Status

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

STATUS_INDEX = "status"
STATUS_SHARDS = 8
"""Shards of a day and status in the index: a partition takes about 1,000 writes a second, so 8,000 pictures."""

_ANNOUNCING_SECONDS = 30
"""After the record has flipped, the lease only guards the announcement."""

_HISTORY_PAGE = 100

_CONDITION_FAILED = "ConditionalCheckFailedException"


class DynamoDBRecords:
    """Records, leases and ownership."""

    def __init__(self, client: "DynamoDBClient", table_name: str, clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self._table = table_name
        self._clock = clock

    # -- the current record ------------------------------------------------------------------------------------------

    def get(self, image_id: str) -> Record | None:
        """The current record, consistently read."""
        with transient_errors(f"reading the record of {image_id!r}"):
            answer = self._client.get_item(TableName=self._table, Key=_key(image_id, "current"), ConsistentRead=True)
        return _record(answer["Item"]) if "Item" in answer else None

    def all(self) -> Iterator[Record]:
        """Every current record, consistently read, in no particular order. Reads the whole table, history included."""
        with transient_errors("reading all records"):
            pages = self._client.get_paginator("scan").paginate(
                TableName=self._table,
                ConsistentRead=True,
                FilterExpression="#record = :current",
                ExpressionAttributeNames={"#record": "record"},
                ExpressionAttributeValues=_serialized({":current": "current"}),
            )
            for page in pages:
                yield from (_record(item) for item in page["Items"])

    def make_stale(self, image_id: str) -> bool:
        """Have the next reconciliation make a picture anew. False: it is being worked on, or has no record."""
        with transient_errors(f"marking {image_id!r}"):
            try:
                self._client.update_item(
                    TableName=self._table,
                    Key=_key(image_id, "current"),
                    UpdateExpression="REMOVE fingerprint",
                    ConditionExpression="attribute_exists(imageId) AND attribute_not_exists(leaseToken)",
                )
            except ClientError as exc:
                if code_of(exc) == _CONDITION_FAILED:
                    return False
                raise
        return True

    def listed(self, status: str, day: str) -> Iterator[dict[str, Any]]:
        """Index entries of pictures that came to a state on a day (UTC, `YYYY-MM-DD`), in no particular order.

        `STILL_SERVED` is one of its own.
        """
        for shard in range(STATUS_SHARDS):
            with transient_errors(f"listing {status} pictures"):
                pages = self._client.get_paginator("query").paginate(
                    TableName=self._table,
                    IndexName=STATUS_INDEX,
                    KeyConditionExpression="statusDayShard = :shard",
                    ExpressionAttributeValues=_serialized({":shard": f"{status}#{day}#{shard}"}),
                )
                for page in pages:
                    yield from (_values(item) for item in page["Items"])

    def history(self, image_id: str, limit: int, before: str | None = None) -> list[dict[str, Any]]:
        """The newest runs of a picture, at most so many; `before`: only those that ended before that time."""
        with transient_errors(f"reading the history of {image_id!r}"):
            pages = self._client.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="imageId = :id AND #record BETWEEN :first AND :last",
                ExpressionAttributeNames={"#record": "record"},
                # `run$` comes after all that begin with `run#`
                ExpressionAttributeValues=_serialized(
                    {":id": image_id, ":first": "run#", ":last": "run$" if before is None else f"run#{before}"}
                ),
                ScanIndexForward=False,
                PaginationConfig={"MaxItems": limit, "PageSize": min(limit, _HISTORY_PAGE)},
            )
            return [_values(item) for page in pages for item in page["Items"]]

    def acquire(self, image_id: str, planned: frozenset[str], seconds: int, fingerprint: str = "") -> Lease:
        """Take the lease, note the planned objects and by which recipe, and show the picture as PROCESSING.

        The expiry is compared in the condition: TTL deletes too late to be a lock.

        Raises:
            LeaseHeld: by another worker.
        """
        token = uuid.uuid4().hex
        now = self._clock()
        updated_at = datetime.fromtimestamp(now, UTC).isoformat()
        values: dict[str, Any] = {
            ":token": token,
            ":expires": _decimal(now + seconds),
            ":now": _decimal(now),
            ":processing": Status.PROCESSING,
            ":at": updated_at,
            ":shard": status_shard(image_id, Status.PROCESSING, updated_at),
        }
        update = (
            "SET leaseToken = :token, leaseExpiresAt = :expires, #status = :processing, updatedAt = :at, "
            "statusDayShard = :shard"
        )
        noted = {"objects": planned, "attempted": {fingerprint} if fingerprint else set()}
        added = {name: members for name, members in noted.items() if members}
        values |= {f":{name}": set(members) for name, members in added.items()}
        update += f" ADD {', '.join(f'{name} :{name}' for name in added)}" if added else ""
        with transient_errors(f"taking the lease on {image_id!r}"):
            try:
                answer = self._client.update_item(
                    TableName=self._table,
                    Key=_key(image_id, "current"),
                    UpdateExpression=update,
                    ConditionExpression="attribute_not_exists(leaseToken) OR leaseExpiresAt < :now",
                    ExpressionAttributeNames={"#status": "status"},
                    ExpressionAttributeValues=_serialized(values),
                    ReturnValues="ALL_OLD",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            except ClientError as exc:
                if code_of(exc) == _CONDITION_FAILED:
                    holder: Any = exc.response.get("Item", {})
                    expires = float(holder["leaseExpiresAt"]["N"]) if "leaseExpiresAt" in holder else now + seconds
                    raise LeaseHeld(image_id, max(1.0, expires - now)) from exc
                raise
        before = _record(answer["Attributes"]) if answer.get("Attributes") else None
        return Lease(
            image_id,
            token,
            before,
            planned | (before.objects if before else frozenset()),
            ends_at=datetime.fromtimestamp(now + seconds, UTC),
        )

    def plan(self, lease: Lease, planned: frozenset[str]) -> None:
        """Note further objects that an attempt is going to store, in the record and in its lease.

        Raises:
            LeaseLost: if another worker has taken it; nothing is written then.
        """
        lease.objects |= planned  # first: the note may be made though its answer is lost
        with _while_held(lease, "planning"):
            self._client.update_item(
                TableName=self._table,
                Key=_key(lease.image_id, "current"),
                UpdateExpression="ADD objects :planned",
                ConditionExpression="leaseToken = :token",
                ExpressionAttributeValues=_serialized({":planned": set(planned), ":token": lease.token}),
            )

    def finish(self, lease: Lease, record: Record, run: dict[str, Any]) -> None:
        """Replace the current record and add a history row, in one transaction; keep the lease.

        Raises:
            LeaseLost: if another worker has taken it; nothing is written then.
        """
        present = {name: value for name, value in run.items() if value is not None}
        guard = {"leaseToken": lease.token, "leaseExpiresAt": _decimal(self._clock() + _ANNOUNCING_SECONDS)}
        current: Any = {"TableName": self._table, "Item": _item(record) | _serialized(guard)} | _held(lease)
        history: Any = {
            "TableName": self._table,
            "Item": _serialized({"imageId": lease.image_id} | _numbers_as_decimals(present)),
            "ConditionExpression": "attribute_not_exists(imageId)",
        }
        with _while_held(lease, "recording"):
            self._client.transact_write_items(TransactItems=[{"Put": current}, {"Put": history}])

    def release(self, lease: Lease, record: Record) -> None:
        """Replace the current record and end the lease.

        Raises:
            LeaseLost: if another worker has taken it; nothing is written then.
        """
        with _while_held(lease, "releasing"):
            self._client.put_item(TableName=self._table, Item=_item(record), **_held(lease))

    def discard(self, lease: Lease) -> None:
        """Forget a picture that never was, lease included.

        Raises:
            LeaseLost: if another worker has taken it.
        """
        with _while_held(lease, "forgetting"):
            self._client.delete_item(TableName=self._table, Key=_key(lease.image_id, "current"), **_held(lease))

    # -- ownership of stems ------------------------------------------------------------------------------------------

    def claim(self, stem: str, image_id: str) -> str:
        """Own a stem if nobody does, else wait for it. Answers the owner: `image_id` itself on success."""
        with transient_errors(f"claiming {stem!r}"):
            while True:
                try:
                    self._client.update_item(
                        TableName=self._table,
                        Key=_key(stem, "owner"),
                        UpdateExpression="SET ownerId = :me DELETE claimants :us",
                        ConditionExpression="attribute_not_exists(ownerId) OR ownerId = :me",
                        ExpressionAttributeValues=_serialized({":me": image_id, ":us": {image_id}}),
                    )
                except ClientError as exc:
                    if code_of(exc) != _CONDITION_FAILED:
                        raise
                else:
                    return image_id
                try:
                    answer = self._client.update_item(
                        TableName=self._table,
                        Key=_key(stem, "owner"),
                        UpdateExpression="ADD claimants :us",
                        ConditionExpression="attribute_exists(ownerId)",
                        ExpressionAttributeValues=_serialized({":us": {image_id}}),
                        ReturnValues="ALL_NEW",
                    )
                    return str(answer["Attributes"]["ownerId"]["S"])
                except ClientError as exc:
                    if code_of(exc) != _CONDITION_FAILED:
                        raise  # else the owner left between the two calls: claim again

    def disown(self, stem: str, image_id: str) -> frozenset[str]:
        """Give up a stem, if owned. Answers who waits for it, until `settle_claims` is called."""
        with transient_errors(f"giving up {stem!r}"):
            try:
                answer = self._client.update_item(
                    TableName=self._table,
                    Key=_key(stem, "owner"),
                    UpdateExpression="REMOVE ownerId",
                    # an ownerless item with claimants is what an earlier attempt at this left behind
                    ConditionExpression=(
                        "ownerId = :me OR (attribute_exists(claimants) AND attribute_not_exists(ownerId))"
                    ),
                    ExpressionAttributeValues=_serialized({":me": image_id}),
                    ReturnValues="ALL_NEW",
                )
            except ClientError as exc:
                if code_of(exc) == _CONDITION_FAILED:
                    return frozenset()
                raise
        return frozenset(answer.get("Attributes", {}).get("claimants", {}).get("SS", ()))

    def settle_claims(self, stem: str) -> None:
        """Forget an ownerless stem whose waiting claimants have been queued again."""
        with transient_errors(f"giving up {stem!r}"):
            try:
                self._client.delete_item(
                    TableName=self._table,
                    Key=_key(stem, "owner"),
                    ConditionExpression="attribute_not_exists(ownerId)",
                )
            except ClientError as exc:
                if code_of(exc) != _CONDITION_FAILED:  # else a claimant was quicker, and owns it now
                    raise


class MonthlyBudget:
    """A count of the invalidated paths, an item a month, which never passes a limit whoever else is counting.

    What is counted is an attribute of that item: `paths` of replacements, `removedPaths` of removals.
    """

    def __init__(
        self,
        client: "DynamoDBClient",
        table_name: str,
        limit: int,
        clock: Callable[[], float] = time.time,
        counted: Literal["paths", "removedPaths"] = "paths",
    ) -> None:
        self._client = client
        self._table = table_name
        self._limit = limit
        self._counted = counted
        self._clock = clock

    def take(self, paths: int) -> bool:
        """Take so many paths of the current month (UTC), or none and answer False."""
        if paths > self._limit:
            return False
        return self._add(
            "attribute_not_exists(#paths) OR #paths <= :bound", {":paths": paths, ":bound": self._limit - paths}
        )

    def give_back(self, paths: int) -> None:
        """Give back so many paths that were taken and not used; never more than the month has seen."""
        self._add("#paths >= :bound", {":paths": -paths, ":bound": paths})

    def _add(self, condition: str, values: Mapping[str, int]) -> bool:
        """Change the month's count on a condition. False: it does not hold."""
        month = datetime.fromtimestamp(self._clock(), UTC).strftime("%Y-%m")
        with transient_errors("counting invalidated paths"):
            try:
                self._client.update_item(
                    TableName=self._table,
                    Key=_key("invalidations", f"budget#{month}"),
                    UpdateExpression="ADD #paths :paths",
                    ConditionExpression=condition,
                    ExpressionAttributeNames={"#paths": self._counted},
                    ExpressionAttributeValues=_serialized(values),
                )
            except ClientError as exc:
                if code_of(exc) == _CONDITION_FAILED:
                    return False
                raise
        return True


class Sweeps:
    """Invalidations of everything, numbered, and begun rarely whoever else asks for one.

    Numbers tell whether one has begun after a removal: the clocks of two workers cannot.
    """

    def __init__(self, client: "DynamoDBClient", table_name: str, clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self._table = table_name
        self._clock = clock

    def state(self) -> SweepState:
        """What has begun and ended so far, consistently read."""
        with transient_errors("reading the sweeps"):
            answer = self._client.get_item(
                TableName=self._table, Key=_key("invalidations", "sweeps"), ConsistentRead=True
            )
        values = _values(answer.get("Item", {}))
        return SweepState(values.get("begun", 0), values.get("ended", 0), values.get("begunAt", 0.0))

    def begin(self, state: SweepState) -> int | None:
        """Begin one, if none has begun since that state was read. Returns its number, or None."""
        with transient_errors("beginning a sweep"):
            try:
                self._client.update_item(
                    TableName=self._table,
                    Key=_key("invalidations", "sweeps"),
                    UpdateExpression="SET begun = :number, begunAt = :now",
                    ConditionExpression="begun = :last" if state.begun else "attribute_not_exists(begun)",
                    ExpressionAttributeValues=_serialized(
                        {":number": state.begun + 1, ":now": _decimal(self._clock())}
                        | ({":last": state.begun} if state.begun else {})
                    ),
                )
            except ClientError as exc:
                if code_of(exc) == _CONDITION_FAILED:
                    return None
                raise
        return state.begun + 1

    def end(self, number: int) -> None:
        """Note that the CDN has taken one, unless it has taken a later one already."""
        with transient_errors("ending a sweep"):
            try:
                self._client.update_item(
                    TableName=self._table,
                    Key=_key("invalidations", "sweeps"),
                    UpdateExpression="SET ended = :number",
                    ConditionExpression="attribute_not_exists(ended) OR ended < :number",
                    ExpressionAttributeValues=_serialized({":number": number}),
                )
            except ClientError as exc:
                if code_of(exc) != _CONDITION_FAILED:
                    raise


def status_shard(image_id: str, status: str, updated_at: str) -> str:
    """The index's partition for a picture: `<STATUS>#<day>#<shard>`."""
    return f"{status}#{updated_at[:10]}#{zlib.crc32(image_id.encode()) % STATUS_SHARDS}"


@contextmanager
def _while_held(lease: Lease, doing: str) -> Iterator[None]:
    """Tell a write that failed because the lease is another's from one that failed otherwise."""
    with transient_errors(f"{doing} {lease.image_id!r}"):
        try:
            yield
        except ClientError as exc:
            reasons: Any = exc.response.get("CancellationReasons") or [{}]
            if code_of(exc) == _CONDITION_FAILED or reasons[0].get("Code") == "ConditionalCheckFailed":
                raise LeaseLost(f"the lease on {lease.image_id!r} ended before its work did") from exc
            raise


def _held(lease: Lease) -> dict[str, Any]:
    return {
        "ConditionExpression": "leaseToken = :token",
        "ExpressionAttributeValues": _serialized({":token": lease.token}),
    }


# -- between values and items ----------------------------------------------------------------------------------------

_serializer = TypeSerializer()
_deserializer = TypeDeserializer()


def _key(image_id: str, record: str) -> dict[str, Any]:
    return _serialized({"imageId": image_id, "record": record})


def _serialized(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _serializer.serialize(value) for name, value in values.items()}


def _decimal(number: float) -> Decimal:
    return Decimal(str(round(number, 6)))


def _numbers_as_decimals(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _storable(value) for name, value in values.items()}


def _storable(value: Any) -> Any:
    """Floats as the Decimals that DynamoDB wants, however deep."""
    if isinstance(value, float):
        return _decimal(value)
    return _numbers_as_decimals(value) if isinstance(value, Mapping) else value


def _item(record: Record) -> dict[str, Any]:
    """The item of a record, without a lease."""
    updated_at = record.updated_at.isoformat()
    attributes: dict[str, Any] = {
        "imageId": record.image_id,
        "record": "current",
        "status": record.status,
        "updatedAt": updated_at,
        "statusDayShard": status_shard(record.image_id, STILL_SERVED if record.removed else record.status, updated_at),
        "versionId": record.version_id,
        "etag": record.etag,
        "fingerprint": record.fingerprint,
        "functionVersion": record.function_version or None,
        "reason": record.reason,
        "message": record.message,
        "objects": set(record.objects) or None,  # DynamoDB has no empty sets
        "announcedAt": record.announced_at.isoformat() if record.announced_at else None,
        "hindrance": record.hindrance,
        "stale": set(record.stale) or None,
        "aging": set(record.aging) or None,
        "removed": set(record.removed) or None,
        "agedAt": record.aged_at.isoformat() if record.aged_at else None,
        "sweep": record.sweep,
        "retained": {version: ends.isoformat() for version, ends in record.retained.items()} or None,
        "dropped": {key: ends.isoformat() for key, ends in record.dropped.items()} or None,
        "attempted": set(record.attempted) or None,
    }
    if published := record.published:
        attributes |= {
            "publishedVersionId": published.version_id,
            "originalSize": published.original_size,
            "source": dict(published.source),
            "formats": [fmt.as_document() for fmt in published.formats],
            "compressionSavings": published.compression_savings,
            "processingTime": published.processing_time,
            "manifest": published.manifest,
            "manifestBytes": published.manifest_bytes,
            "version": published.version,
            "tiles": published.tiles.as_document() if published.tiles else None,
        }
    return _serialized(_numbers_as_decimals({name: value for name, value in attributes.items() if value is not None}))


def _values(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _plain(_deserializer.deserialize(value)) for name, value in item.items()}


def _record(item: Mapping[str, Any]) -> Record:
    values = _values(item)
    announced_at = values.get("announcedAt")
    return Record(
        image_id=values["imageId"],
        status=Status(values["status"]),
        updated_at=datetime.fromisoformat(values["updatedAt"]),
        version_id=values.get("versionId"),
        etag=values.get("etag"),
        fingerprint=values.get("fingerprint"),
        function_version=values.get("functionVersion", ""),
        reason=Reason(values["reason"]) if "reason" in values else None,
        message=values.get("message"),
        published=_published(values) if "formats" in values else None,
        objects=frozenset(values.get("objects", ())),
        announced_at=datetime.fromisoformat(announced_at) if announced_at else None,
        hindrance=values.get("hindrance"),
        stale=frozenset(values.get("stale", ())),
        aging=frozenset(values.get("aging", ())),
        removed=frozenset(values.get("removed", ())),
        aged_at=datetime.fromisoformat(values["agedAt"]) if "agedAt" in values else None,
        sweep=values.get("sweep"),
        retained={version: datetime.fromisoformat(ends) for version, ends in values.get("retained", {}).items()},
        dropped={key: datetime.fromisoformat(ends) for key, ends in values.get("dropped", {}).items()},
        attempted=frozenset(values.get("attempted", ())),
    )


def _published(values: Mapping[str, Any]) -> Published:
    return Published(
        version_id=values["publishedVersionId"],
        original_size=values["originalSize"],
        source=values["source"],
        formats=tuple(
            PublishedFormat(
                size=fmt["size"],
                format=fmt["format"],
                width=fmt["width"],
                height=fmt["height"],
                bytes=fmt["bytes"],
                key=fmt["key"],
                content_type=fmt["contentType"],
            )
            for fmt in values["formats"]
        ),
        compression_savings=values.get("compressionSavings"),
        processing_time=values["processingTime"],
        manifest=values.get("manifest"),
        manifest_bytes=values.get("manifestBytes"),
        version=values.get("version"),
        tiles=_tiles(values["tiles"]) if "tiles" in values else None,
    )


def _tiles(values: Mapping[str, Any]) -> PublishedTiles:
    return PublishedTiles(
        values["base"],
        Pyramid(values["width"], values["height"], values["tile"], values["overlap"], values["extension"]),
    )


def _plain(value: Any) -> Any:
    """DynamoDB's Decimals as the int or float they were."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value

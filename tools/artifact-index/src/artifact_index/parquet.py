"""Tables of the index as Parquet; needs pyarrow, which the extra `parquet` brings."""

import io
import sqlite3
from collections.abc import Iterator
from itertools import islice

import pyarrow as pa
import pyarrow.parquet as pq

from toolroll_shared.errors import CorruptStore

from .export import BATCH_ROWS, ROW_GROUP_ROWS, Column, Table, Write, batches

_STORED = {
    "text": pa.string(),
    "integer": pa.int64(),
    "boolean": pa.int64(),
    "time": pa.string(),
    "day": pa.string(),
}
_EXPORTED = {
    **_STORED,
    "boolean": pa.bool_(),
    "time": pa.timestamp("ms", tz="UTC"),  # Parquet has no coarser unit
    "day": pa.date32(),
}


class _Sink(io.RawIOBase):
    """What pyarrow takes for a file that is only ever appended to."""

    def __init__(self, write: Write) -> None:
        super().__init__()
        self._write = write
        self._place = 0
        self._cut_off = False

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def cut_off(self) -> None:
        """Take nothing more: a part must not get the footer that would make it look whole."""
        self._cut_off = True

    def write(self, block: "bytes | bytearray | memoryview") -> int:  # type: ignore[override]
        data = bytes(block)
        if not self._cut_off:
            self._write(data)
        self._place += len(data)
        return len(data)


def export_parquet(connection: sqlite3.Connection, table: Table, write: Write) -> int:
    """Write a table as Parquet, and return the number of rows.

    Times are instants in UTC, truth values are booleans, what is not known is null.

    Args:
        connection: an open index.
        table: one of `export.TABLES`.
        write: takes blocks of bytes.

    Raises:
        CorruptStore: a time or a day is none.
    """
    schema = pa.schema([(column.name, _EXPORTED[column.kind]) for column in table.columns])
    expressions = [column.sql for column in table.columns]
    found = batches(connection, table, expressions, BATCH_ROWS)
    sink = _Sink(write)
    with pq.ParquetWriter(sink, schema, compression="zstd") as writer:  # closes it in any case
        try:
            return _write_groups(writer, (_batch(table, schema, rows) for rows in found))
        except BaseException:
            sink.cut_off()
            raise


def _write_groups(writer: pq.ParquetWriter, parts: Iterator[pa.RecordBatch]) -> int:
    count = 0
    while group := list(islice(parts, ROW_GROUP_ROWS // BATCH_ROWS)):
        rows = pa.Table.from_batches(group)
        writer.write_table(rows, row_group_size=ROW_GROUP_ROWS)
        count += rows.num_rows
    return count


def _batch(table: Table, schema: pa.Schema, rows: list[tuple[object, ...]]) -> pa.RecordBatch:
    columns = zip(table.columns, zip(*rows, strict=True), strict=True)
    return pa.record_batch([_array(column, values) for column, values in columns], schema=schema)


def _array(column: Column, values: tuple[object, ...]) -> pa.Array:
    stored = pa.array(values, _STORED[column.kind])
    try:
        return stored.cast(_EXPORTED[column.kind])
    except pa.ArrowInvalid as error:
        raise CorruptStore(
            f"the database's {column.name} holds what is no {column.kind}: see what verify finds"
        ) from error

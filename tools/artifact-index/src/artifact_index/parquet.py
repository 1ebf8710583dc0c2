"""Tables of the index as Parquet; needs pyarrow, which the extra `parquet` brings."""

import io
import sqlite3

import pyarrow as pa
import pyarrow.parquet as pq

from .export import ROW_GROUP_ROWS, Column, Table, Write, batches

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

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def write(self, block: "bytes | bytearray | memoryview") -> int:  # type: ignore[override]
        data = bytes(block)
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
    """
    schema = pa.schema([(column.name, _EXPORTED[column.kind]) for column in table.columns])
    expressions = [column.sql for column in table.columns]
    count = 0
    with pq.ParquetWriter(_Sink(write), schema, compression="zstd") as writer:
        for rows in batches(connection, table, expressions, ROW_GROUP_ROWS):
            columns = zip(table.columns, zip(*rows, strict=True), strict=True)
            arrays = [_array(column, values) for column, values in columns]
            writer.write_table(pa.table(arrays, schema=schema), row_group_size=ROW_GROUP_ROWS)
            count += len(rows)
    return count


def _array(column: Column, values: tuple[object, ...]) -> pa.Array:
    return pa.array(values, _STORED[column.kind]).cast(_EXPORTED[column.kind])

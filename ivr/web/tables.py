"""Tables for spreadsheets: CSV (RFC 4180) and XLSX, sent row by row as they are read."""

import csv
import io
import tempfile
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any, Literal, TypeVar

import xlsxwriter
from aiohttp import web

Format = Literal["json", "csv", "xlsx"]
"""How a table is wanted."""
Row = TypeVar("Row")
Cell = str | int | float | date | datetime | None
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula (OWASP, CSV injection)."""
_SENT_BYTES = 64 * 1024


async def table_answer(
    request: web.Request,
    wanted: Literal["csv", "xlsx"],
    name: str,
    head: Sequence[str],
    rows: AsyncIterable[Sequence[Cell]],
) -> web.StreamResponse:
    """A table with the columns `head` as a file called `name`; moments are told in UTC."""
    response = web.StreamResponse(
        headers={
            "Content-Disposition": f'attachment; filename="{name}.{wanted}"',
            "Cache-Control": "private, no-cache",
        }
    )
    response.content_type = "text/csv" if wanted == "csv" else _XLSX
    if wanted == "csv":
        response.charset = "utf-8"
        await response.prepare(request)
        await _send_csv(response, head, rows)
    else:
        await response.prepare(request)
        await _send_xlsx(response, head, rows)
    await response.write_eof()
    return response


async def every_page(read: Callable[[str], Awaitable[tuple[Iterable[Row], str]]]) -> AsyncIterator[Row]:
    """All rows of a list that is read page by page: `read` takes a cursor, and gives rows and the next one."""
    after = ""
    while True:
        rows, after = await read(after)
        for row in rows:
            yield row
        if not after:
            return


async def at_once(rows: Iterable[Sequence[Cell]]) -> AsyncIterable[Sequence[Cell]]:
    """Rows that are there already."""
    for row in rows:
        yield row


def harmless(cell: Cell) -> Cell:
    """A cell that no spreadsheet runs: a text that begins like a formula is put behind an apostrophe; numbers stay."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


async def _send_csv(response: web.StreamResponse, head: Sequence[str], rows: AsyncIterable[Sequence[Cell]]) -> None:
    text = io.StringIO(newline="")
    # The mark tells spreadsheets that this is UTF-8.
    text.write("\ufeff")
    writer = csv.writer(text)
    writer.writerow(head)
    async for row in rows:
        writer.writerow([_in_csv(cell) for cell in row])
        if text.tell() > _SENT_BYTES:
            await response.write(text.getvalue().encode())
            text.seek(0)
            text.truncate()
    await response.write(text.getvalue().encode())


def _in_csv(cell: Cell) -> Any:
    if isinstance(cell, datetime):
        return cell.astimezone(UTC).isoformat(timespec="seconds")
    return harmless(cell)


async def _send_xlsx(response: web.StreamResponse, head: Sequence[str], rows: AsyncIterable[Sequence[Cell]]) -> None:
    with tempfile.TemporaryFile() as file:
        # No text becomes a formula or a link; rows are written through to the disk.
        options = {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
            "default_date_format": "yyyy-mm-dd hh:mm:ss",
        }
        book = xlsxwriter.Workbook(file, options)
        sheet = book.add_worksheet()
        bold = book.add_format({"bold": True})
        days = book.add_format({"num_format": "yyyy-mm-dd"})
        sheet.freeze_panes(1, 0)
        sheet.write_row(0, 0, head, bold)
        number = 0
        async for row in rows:
            number += 1
            for column, cell in enumerate(row):
                if isinstance(cell, datetime):
                    # A spreadsheet knows no zones.
                    sheet.write_datetime(number, column, cell.astimezone(UTC).replace(tzinfo=None))
                elif isinstance(cell, date):
                    sheet.write_datetime(number, column, cell, days)
                elif cell is not None:
                    sheet.write(number, column, cell)
        book.close()
        file.seek(0)
        while part := file.read(_SENT_BYTES):
            await response.write(part)

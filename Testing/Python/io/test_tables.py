"""Tables as spreadsheets write them."""

from __future__ import annotations

import math

import pytest

from CAMLocalizerLib.core import InputError
from CAMLocalizerLib.io.tables import read_table

TEXT = "File{0} date{0}value\na.nii{0}2024-01-05{0}1\n{0}{0}\nb ü.nii{0} 2024-05-31 {0}\n"


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_common_way_to_write_a_table_is_read(tmp_path, delimiter, encoding, end):
    path = tmp_path / "table.csv"
    path.write_bytes(TEXT.format(delimiter).replace("\n", end).encode(encoding))
    table = read_table(path, ("file", "date"), known=("Value",))
    assert table.columns == ("file", "date", "Value")
    assert [dict(line.cells) for line in table.lines] == [
        {"file": "a.nii", "date": "2024-01-05", "Value": "1"},
        {"file": "b ü.nii", "date": "2024-05-31", "Value": ""},
    ]
    assert [line.number for line in table.lines] == [2, 4]


def test_decimal_commas_are_read_with_semicolon_delimiters(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("Image;a\nx;1,5\n", encoding="utf-8")
    table = read_table(path, ("Image",))
    assert table.number(table.lines[0].cells["a"]) == 1.5
    assert math.isnan(table.number("NA"))
    assert math.isnan(table.number(""))
    with pytest.raises(ValueError, match="big"):
        table.number("big")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "has no column file; it is empty"),
        (b"a,b\n1,2\n", "has no column file; it has a, b"),
        (b"file\n\xe4.nii\n", "is not a UTF-8 table"),
        (b"file\n\0\0\0", "a binary file"),
    ],
)
def test_invalid_tables_are_refused(tmp_path, content, complaint):
    (tmp_path / "table.csv").write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_table(tmp_path / "table.csv", ("file",))
    assert complaint in str(caught.value)


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.csv: cannot be read"):
        read_table(tmp_path / "none.csv", ("file",))

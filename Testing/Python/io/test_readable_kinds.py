"""Every kind of file is read or refused as documented."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from readable_kinds import GRID, KINDS, LABELS, PAGE, STORED, Kind, page

from CAMLocalizerLib.core import CAMLocalizerError
from CAMLocalizerLib.io import examine, read_label_map, read_volume


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_each_input_is_read_or_refused_as_documented(tmp_path: Path, kind: Kind) -> None:
    path = kind.make(tmp_path)
    if kind.labels:
        check_label_map(path, kind)
        return
    (first, *_others) = examine(path)
    if kind.refused:
        with pytest.raises(CAMLocalizerError) as caught:
            read_volume(path)
        assert kind.refused in str(caught.value) == first.refusal
        assert str(caught.value).startswith(str(path))
        return
    volume = read_volume(path)
    assert first.info is not None
    assert first.info.notes == volume.notes
    assert len(volume.notes) == bool(kind.noted)
    assert kind.noted in "".join(volume.notes)
    if kind.same:
        np.testing.assert_array_equal(volume.array_kji, STORED)
        assert volume.grid.matches(GRID, 0.02)


def check_label_map(path: Path, kind: Kind) -> None:
    if kind.refused:
        with pytest.raises(CAMLocalizerError) as caught:
            read_label_map(path)
        assert kind.refused in str(caught.value)
        assert str(caught.value).startswith(str(path))
        return
    found = read_label_map(path)
    np.testing.assert_array_equal(found.array_kji, LABELS)
    assert found.grid.matches(GRID, 0.02)


def test_the_page_is_generated_from_the_table() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()

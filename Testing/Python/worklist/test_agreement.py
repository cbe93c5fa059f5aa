"""Two readers of the same cases: Cohen's kappa, Dice, and who is compared with whom."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from worklist_samples import GRID, listed

from CAMLocalizerLib.cli import main
from CAMLocalizerLib.core import InputError, LabelMap
from CAMLocalizerLib.io import write_label_map
from CAMLocalizerLib.worklist import (
    Answer,
    WorklistStore,
    agreement,
    cohen_kappa,
    export_labels,
    find_readers,
)
from CAMLocalizerLib.worklist.paths import label_map_folder

pytest.importorskip("sklearn", reason="the extra training is not installed")


def answered(folder: Path, reader: str, tumours: str, **maps: np.ndarray) -> None:
    """Let a reader answer cases ``a``, ``b``, ...: g glioma, m meningioma, n none, - nothing; with right maps."""
    store = WorklistStore(folder / "worklist", reader)
    store.list_anew(listed(*[0.5] * len(tumours)))
    kinds = {"g": "glioma", "m": "meningioma", "n": ""}
    by_name = {case.name: case.id for case in store.cases(0, 100)}
    for name, letter in zip("abcdefghijklmnop", tumours, strict=False):
        answer = Answer() if letter == "-" else Answer().with_tumour(letter != "n", kinds[letter])
        if name in maps:
            answer = answer.with_map("right")
            place = label_map_folder(store.folder, reader, name)
            place.mkdir(parents=True)
            write_label_map(LabelMap(maps[name], GRID), place / "labelmap.nii.gz")
        if answer.given:
            store.set_answer(by_name[name], answer)
    store.close()


def box(first: int, last: int) -> np.ndarray:
    mask = np.zeros(GRID.shape_kji, np.uint8)
    mask[first:last] = 1
    return mask


def naive_kappa(first: str, second: str) -> float:
    """Cohen's formula: (observed - expected) / (1 - expected)."""
    same = np.mean([one == other for one, other in zip(first, second, strict=True)])
    chance = sum(first.count(label) * second.count(label) for label in {*first, *second}) / len(first) ** 2
    return float((same - chance) / (1 - chance))


@pytest.mark.parametrize(("first", "second"), [("yynn", "yyny"), ("yynn", "nnyy"), ("abcabc", "abcacb"), ("yn", "yn")])
def test_kappa_is_that_of_cohens_formula(first: str, second: str) -> None:
    assert cohen_kappa(list(first), list(second)) == pytest.approx(naive_kappa(first, second))


def test_kappa_is_undefined_with_a_single_label() -> None:
    assert np.isnan(cohen_kappa(["y", "y"], ["y", "y"]))


def test_readers_of_one_worklist_are_compared_where_both_answered(tmp_path: Path) -> None:
    answered(tmp_path, "anna", "ggmnn-gn", a=box(0, 4), b=box(0, 2))
    answered(tmp_path, "ben", "gmmngn-n", a=box(2, 6))
    found = agreement(*find_readers([tmp_path]))
    presence, kinds = found.kappas[:2]
    assert found.readers == ("anna", "ben")
    assert (presence.name, presence.count) == ("tumour or none", 6)
    assert presence.value == pytest.approx(naive_kappa("yyynnn", "yyynyn"))
    assert presence.same == pytest.approx(5 / 6)
    assert presence.low <= presence.value <= presence.high
    assert (kinds.name, kinds.count) == ("type of tumour", 3)
    assert kinds.value == pytest.approx(naive_kappa("ggm", "gmm"))
    assert found.dice is not None
    assert (found.dice.count, found.dice.value) == (1, pytest.approx(0.5))
    by_case = {row["case"]: row for row in found.rows}
    assert (by_case["a.nii.gz"]["same"], by_case["a.nii.gz"]["dice"]) == ("yes", "0.5000")
    assert by_case["b.nii.gz"]["same"] == "no"


def test_two_worklists_and_two_exports_agree_alike(tmp_path: Path) -> None:
    answered(tmp_path / "one", "anna", "ggnn", a=box(0, 4))
    answered(tmp_path / "two", "anna", "gnnn", a=box(0, 4))
    worklists = agreement(*find_readers([tmp_path / "one", tmp_path / "two"]))
    tables = [export_labels(tmp_path / name)[0] for name in ("one", "two")]
    exports = agreement(*find_readers(tables))
    assert worklists.kappas[0].value == exports.kappas[0].value == pytest.approx(naive_kappa("yynn", "ynnn"))
    assert worklists.dice is not None
    assert worklists.dice.value == 1.0
    assert exports.dice is None


def test_slices_are_compared_by_plane_and_number(tmp_path: Path) -> None:
    for reader, said in (("anna", (True, False, True)), ("ben", (True, True))):
        store = WorklistStore(tmp_path / "worklist", reader)
        store.list_anew(listed(0.5))
        for index, tumour in enumerate(said):
            store.set_slice(1, "axial", index, Answer().with_tumour(tumour))
        store.set_slice(1, "coronal" if reader == "ben" else "sagittal", 0, Answer().with_tumour(True))
        store.close()
    (measure,) = agreement(*find_readers([tmp_path])).kappas
    assert (measure.name, measure.count, measure.same) == ("tumour or none in slices", 2, 0.5)


def test_who_is_compared_must_be_clear(tmp_path: Path) -> None:
    answered(tmp_path, "anna", "gn")
    with pytest.raises(InputError, match="between two readers, found anna; choose two"):
        find_readers([tmp_path])
    answered(tmp_path, "ben", "gg")
    answered(tmp_path, "cleo", "--")
    answered(tmp_path, "dora", "nn")
    with pytest.raises(InputError, match="found anna, ben, dora"):
        find_readers([tmp_path])
    assert [each.reader for each in find_readers([tmp_path], ["dora", "ben"])] == ["ben", "dora"]
    with pytest.raises(InputError, match="no answers of eve; there are those of anna, ben, dora"):
        find_readers([tmp_path], ["eve", "ben"])


def test_the_command_prints_kappa_and_writes_the_cases(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answered(tmp_path, "anna", "ggnn", a=box(0, 4), b=box(0, 4))
    answered(tmp_path, "ben", "gnnn", a=box(0, 4), b=box(1, 5))
    table = tmp_path / "agreement.csv"
    assert main(["agreement", str(tmp_path), "--output", str(table)]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "anna and ben: 4 cases and slices in common"
    assert out[1].startswith("  tumour or none: kappa 0.50 (95 % from ")
    assert out[1].endswith("75 % of 4 the same")
    assert any(line.startswith("  Dice of label maps: 0.88 (95 % from 0.75 to 1.00), mean of 2") for line in out)
    with table.open() as stream:
        assert [row["same"] for row in csv.DictReader(stream)] == ["yes", "no", "yes", "yes"]
    assert main(["agreement", str(tmp_path), "--readers", "anna"]) == 2

"""A further run on a volume that was reviewed already: what stays, and what is asked."""

from __future__ import annotations

from typing import Any

import numpy as np
from bench_stand_ins import Bench, draw, names, run_to_end
from finding_stand_ins import make_card

from CAMLocalizerLib.workbench import Availability

PREVIEW = "CAMLocalizerPreview"


def segments(workbench: Any) -> tuple[str, ...]:
    from CAMLocalizerLib.mrml import segment_names

    return segment_names(workbench.output_node)


def test_the_same_model_keeps_settings_components_history_and_what_was_accepted(bench: Bench, workbench: Any) -> None:
    first = workbench.review
    first.set_threshold("0.3")
    first.reject_component(1)
    first.accept()
    nodes, mask = names(workbench.scene), first.mask.copy()
    again = run_to_end(workbench)
    assert again is not first
    assert bench.questions == []
    assert names(workbench.scene) == nodes
    np.testing.assert_array_equal(again.mask, mask)
    assert [segment.name for segment in again.accepted] == ["Tumour 1"]
    assert Availability(workbench).accept_blocker() == "The label map was accepted as Tumour 1 already."
    again.undo()
    assert workbench.output_node is None
    again.undo()
    again.undo()
    assert again.settings.threshold == "0.2"
    assert not again.can_undo


def test_another_model_keeps_what_was_accepted_and_asks_before_the_rest_is_lost(bench: Bench, workbench: Any) -> None:
    workbench.review.set_threshold("0.3")
    workbench.review.accept()
    before = workbench.review
    bench.card = make_card(name="other", threshold="0.25")
    workbench.choose_model("pet-fdg")
    assert not workbench.run()
    assert "pet-fdg begins without the threshold, components and undo history of this review" in bench.questions[0]
    bench.answer = True
    again = run_to_end(workbench)
    assert len(bench.questions) == 2
    assert again is not before
    assert again.settings.threshold == "0.25"
    assert [segment.name for segment in again.accepted] == ["Tumour 1"]
    assert segments(workbench) == ("Tumour 1",)
    again.accept()
    assert segments(workbench) == ("Tumour 1", "Tumour 2")


def test_another_model_asks_nothing_where_nothing_was_changed(bench: Bench, workbench: Any) -> None:
    bench.card = make_card(name="other", threshold="0.25")
    workbench.choose_model("pet-fdg")
    assert run_to_end(workbench).settings.threshold == "0.25"
    assert bench.questions == []


def test_what_is_changed_during_the_run_of_another_model_is_asked_about_at_its_end(
    bench: Bench, workbench: Any
) -> None:
    bench.card = make_card(name="other")
    workbench.choose_model("pet-fdg")
    workbench.run()
    workbench.review.set_threshold("0.3")
    before = workbench.review
    while workbench.poll().running:
        pass
    assert workbench.review is before
    assert workbench.status.sentence == "The review was kept, and the new run was left"


def test_a_run_on_a_moved_volume_says_that_the_list_of_accepted_segments_ends(bench: Bench, workbench: Any) -> None:
    from CAMLocalizerLib.mrml.geometry import matrix_to_vtk

    review = workbench.review
    review.set_threshold("0.3")
    review.accept()
    transform = workbench.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "moved")
    matrix = np.eye(4)
    matrix[0, 3] = 25.0
    transform.SetMatrixTransformToParent(matrix_to_vtk(matrix))
    workbench.volume_node.SetAndObserveTransformNodeID(transform.GetID())
    assert not workbench.run()
    assert "without the list of accepted segments" in bench.questions[0]
    bench.answer = True
    again = run_to_end(workbench)
    assert again.accepted == ()
    assert again.settings.threshold == "0.3"
    assert segments(workbench) == ("Tumour 1",)
    assert again.accept().name == "Tumour 2"


def test_a_restored_review_knows_which_model_it_came_from(bench: Bench, workbench: Any, tmp_path: Any) -> None:
    from CAMLocalizerLib.mrml import HeadlessApplication, load_scene, save_scene

    workbench.review.set_threshold("0.3")
    workbench.review.accept()
    path = save_scene(workbench.scene, tmp_path / "kept.mrb")
    with HeadlessApplication() as application:
        other = Bench(application.scene, bench.card)
        loaded = other.workbench()
        load_scene(application.scene, path)
        assert loaded.restore()
        again = run_to_end(loaded)
        assert other.questions == []
        assert again.settings.threshold == "0.3"
        assert [segment.name for segment in again.accepted] == ["Tumour 1"]
        loaded.close()


def test_accepting_again_is_possible_once_the_segment_was_deleted_or_corrected(workbench: Any) -> None:
    from CAMLocalizerLib.mrml import segment_ids

    review, available = workbench.review, Availability(workbench)
    review.accept()
    assert available.accept_blocker() == "The label map was accepted as Tumour 1 already."
    (segment_id,) = segment_ids(workbench.output_node)
    draw(workbench.output_node, segment_id, review.components[0].peak_kji, 0)
    assert available.accept_blocker() == ""
    draw(workbench.output_node, segment_id, review.components[0].peak_kji, 1)
    assert available.accept_blocker() != ""
    workbench.output_node.GetSegmentation().RemoveSegment(segment_id)
    assert available.accept_blocker() == ""
    review.accept()
    assert segments(workbench) == ("Tumour 2",)

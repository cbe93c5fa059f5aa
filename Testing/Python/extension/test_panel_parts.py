"""Each part of the panel by itself, with a review or a workbench that only remembers."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from panel_fakes import FakeReview, FakeWorkbench
from qt_stand_ins import ui_widgets
from stand_ins import MODULE_FOLDER

pytestmark = pytest.mark.usefixtures("module")


class Followed:
    """Interactions with a review, and what they reported."""

    def __init__(self, review: FakeReview | None, ui: Any) -> None:
        from CAMLocalizerLib.panel.interactions import Interactions
        from CAMLocalizerLib.panel.messages import Messages

        self.review, self.sentences, self.rests = review, [], 0
        self.messages = Messages(ui)
        self.interactions = Interactions(
            lambda: self.review, self.messages, failed=lambda *told: self.sentences.append(told), paused=self.paused
        )

    def paused(self) -> None:
        self.rests += 1


@pytest.fixture
def ui(module: ModuleType) -> Any:
    return SimpleNamespace(**ui_widgets(MODULE_FOLDER / "Resources" / "UI" / "CAMLocalizer.ui"))


@pytest.fixture
def review() -> FakeReview:
    return FakeReview()


@pytest.fixture
def followed(module: ModuleType, review: FakeReview, ui: Any) -> Followed:
    return Followed(review, ui)


def buttons_of(ui: Any) -> Any:
    from CAMLocalizerLib.panel.buttons import Buttons

    return Buttons(ui)


def test_a_disabled_button_says_why_and_an_enabled_one_what_it_does(ui: Any) -> None:
    usual, buttons = ui.acceptButton.toolTip, buttons_of(ui)
    buttons.allow("acceptButton", "Run first.")
    assert (ui.acceptButton.enabled, ui.acceptButton.toolTip) == (False, "Run first.")
    buttons.allow("acceptButton", "")
    assert (ui.acceptButton.enabled, ui.acceptButton.toolTip) == (True, usual)
    buttons.allow("acceptButton", "", "Keep it.")
    assert ui.acceptButton.toolTip == "Keep it."


def test_of_several_actions_of_one_name_the_latest_is_run(followed: Followed) -> None:
    done: list[int] = []
    for number in range(3):
        followed.interactions.soon("move", lambda number=number: done.append(number))
    followed.interactions.soon("other", lambda: done.append(9))
    followed.interactions.update_timer.fire()
    assert done == [2, 9]
    assert followed.interactions.pending == ()


def test_a_button_comes_after_what_waits(followed: Followed) -> None:
    done: list[str] = []
    followed.interactions.soon("move", lambda: done.append("moved"))
    followed.interactions.now(lambda: done.append("pressed"))
    assert done == ["moved", "pressed"]


def test_filling_the_panel_is_not_an_action(followed: Followed) -> None:
    with followed.interactions.filling():
        with followed.interactions.filling():
            pass
        followed.interactions.soon("move", lambda: None)
    assert followed.interactions.pending == ()


def test_without_a_review_nothing_waits_and_nothing_rests(followed: Followed) -> None:
    followed.review = None
    followed.interactions.soon("move", lambda: None)
    followed.interactions.finish_interaction()
    assert (followed.interactions.pending, followed.rests) == ((), 0)


def test_errors_are_told_in_a_sentence(followed: Followed, caplog: pytest.LogCaptureFixture) -> None:
    from CAMLocalizerLib.core import SettingsError

    def refused() -> None:
        raise SettingsError("no scale is selected")

    followed.interactions.now(refused)
    followed.interactions.now(lambda: 1 / 0, "exportMessage")
    assert followed.sentences == [
        ("acceptMessage", "no scale is selected"),
        ("exportMessage", "This could not be done: division by zero"),
    ]
    assert "ZeroDivisionError" in caplog.text


def test_a_pause_makes_one_step_once_no_button_is_held(followed: Followed, review: FakeReview) -> None:
    import qt

    qt.QApplication.mouseButtons = lambda: 1
    followed.interactions.finish_interaction()
    assert (review.calls, followed.interactions.pause_timer.active) == ([], True)
    qt.QApplication.mouseButtons = lambda: 0
    followed.interactions.pause_timer.fire()
    assert (review.calls, followed.rests) == ([("commit",)], 1)


def run_controls(ui: Any, workbench: FakeWorkbench, followed: Followed, blocker: str = "") -> Any:
    from CAMLocalizerLib.panel.run_controls import RunControls

    made = RunControls(
        ui, workbench, followed.interactions, buttons_of(ui), blocker=lambda: blocker, model_chosen=lambda _name: None
    )
    made.show()
    return made


def test_run_becomes_cancel_and_back(ui: Any, followed: Followed) -> None:
    workbench = FakeWorkbench()
    controls = run_controls(ui, workbench, followed)
    ui.runButton.click()
    assert (ui.runButton.text, ui.progressBar.format, ui.modelSelector.enabled) == ("Cancel", "3 of 9 slices", False)
    assert controls.poll_timer.active
    ui.runButton.click()
    assert (ui.runButton.text, ui.statusLabel.text) == ("Find tumours", "Cancelled")


def test_what_blocks_a_run_is_told_twice(ui: Any, followed: Followed) -> None:
    run_controls(ui, FakeWorkbench(), followed, "Choose a volume first.")
    assert not ui.runButton.enabled
    assert ui.runButton.toolTip == ui.statusLabel.text == "Choose a volume first."


def test_the_models_description_is_its_tooltip(ui: Any, followed: Followed) -> None:
    run_controls(ui, FakeWorkbench(), followed)
    assert ui.modelSelector.toolTip == "MR. Heads. No PET."
    assert ui.viewSelector.enabled


@pytest.mark.parametrize(
    ("threshold", "low", "high", "value"), [("0.4", 0.0, 100.0, 40.0), ("q97", 50, 100, 97), ("q20", 20, 100, 20)]
)
def test_the_slider_has_the_range_of_the_method(
    ui: Any, followed: Followed, threshold: str, low: float, high: float, value: float
) -> None:
    from CAMLocalizerLib.panel.threshold_controls import ThresholdControls

    ThresholdControls(ui, followed.interactions).show(FakeReview(threshold))
    slider = ui.thresholdSlider
    assert (slider.minimum, slider.maximum, slider.value) == (low, high, value)
    assert ui.thresholdSpinBox.value == value


@pytest.mark.parametrize(("method", "text"), [("percentile", "q97"), ("fixed", "0.325"), ("otsu", "otsu")])
def test_another_method_is_asked_of_the_review(
    ui: Any, followed: Followed, review: FakeReview, method: str, text: str
) -> None:
    from CAMLocalizerLib.panel.threshold_controls import ThresholdControls

    ThresholdControls(ui, followed.interactions)
    ui.thresholdMethod.choose(method)
    followed.interactions.update_timer.fire()
    assert review.calls == [("set_threshold", text)]


def test_the_histogram_is_pressed_and_drawn(ui: Any, followed: Followed, review: FakeReview) -> None:
    from CAMLocalizerLib.panel.threshold_controls import ThresholdControls

    controls = ThresholdControls(ui, followed.interactions)
    ui.histogramPicture.press(ui.histogramPicture.width // 4)
    followed.interactions.update_timer.fire()
    assert review.calls == [("set_threshold", "0.25", ("preview", True))]
    controls.show_histogram()
    assert ui.histogramPicture.picture.size == (ui.histogramPicture.width, ui.histogramPicture.height)
    controls.close()
    assert ui.histogramPicture.filters == []


def test_the_volume_is_that_of_the_kept_components(ui: Any, followed: Followed, review: FakeReview) -> None:
    from CAMLocalizerLib.panel.threshold_controls import ThresholdControls

    ThresholdControls(ui, followed.interactions).show_volume(review)
    assert (ui.volumeLabel.text, ui.countLabel.text) == ("2.35 ml", "1 component")


def test_scales_are_shown_and_chosen(ui: Any, followed: Followed, review: FakeReview) -> None:
    from CAMLocalizerLib.panel.scale_picker import ScalePicker

    picker = ScalePicker(ui, followed.interactions)
    with followed.interactions.filling():
        picker.show(review)
    assert [ui.scaleCheckBox0.checked, ui.scaleCheckBox1.checked, ui.scaleCheckBox2.visible] == [True, False, False]
    assert (ui.scaleWeight1.value, ui.scaleWeight1.enabled) == (0.5, False)
    ui.scalePicture1.press(3)
    ui.scaleWeight0.value = 0.25
    followed.interactions.update_timer.fire()
    assert review.calls == [("set_scales", [1, 2]), ("set_weight", 1, 0.25, ("preview", True))]


def test_components_are_listed_ticked_and_shown(ui: Any, followed: Followed, review: FakeReview) -> None:
    from CAMLocalizerLib.panel.component_table import CENTRE, KEEP, VOLUME, ComponentTable

    workbench = FakeWorkbench(review)
    ComponentTable(ui, workbench, followed.interactions).show(review)
    table = ui.componentsTable
    assert [table.item(row, VOLUME).text() for row in range(table.rowCount)] == ["2.00", "0.34"]
    assert table.item(0, CENTRE).text() == "L 1.0, A 2.0, S 3.0"
    assert [table.item(row, KEEP).checkState() for row in range(2)] == [2, 0]
    table.tick(0, KEEP, False)
    followed.interactions.update_timer.fire()
    table.emit("currentCellChanged(int,int,int,int)", 1, 0, 0, 0)
    followed.interactions.update_timer.fire()
    assert review.calls == [("reject_component", 1)]
    assert workbench.calls == [("jump_to_component", 2)]


def test_more_settings_call_their_setters(ui: Any, followed: Followed, review: FakeReview) -> None:
    from CAMLocalizerLib.panel.more_settings import MoreSettings

    more = MoreSettings(ui, followed.interactions)
    with followed.interactions.filling():
        more.show(review)
    assert (ui.minVolumeSpinBox.value, ui.keepLargestSpinBox.value, ui.borderSelector.visible) == (0.2, 0, False)
    ui.refinementSelector.choose("geodesic")
    ui.keepLargestSpinBox.value = 2
    followed.interactions.update_timer.fire()
    assert review.calls == [("set_refinement", "geodesic"), ("set_keep_largest", 2, ("preview", True))]


def test_a_press_on_the_probabilities_is_an_image(ui: Any, followed: Followed, review: FakeReview) -> None:
    from CAMLocalizerLib.panel.probability_plot import ProbabilityPlot

    workbench = FakeWorkbench(review)
    plot = ProbabilityPlot(ui, workbench, followed.interactions)
    plot.show(review)
    assert ui.probabilityLabel.text == "Tumour probability of each slice:"
    ui.probabilityPicture.press(ui.probabilityPicture.width)
    followed.interactions.update_timer.fire()
    assert workbench.calls == [("jump_to_image", 1)]


def test_the_plot_is_drawn_when_another_image_comes_into_view(ui: Any, followed: Followed, review: FakeReview) -> None:
    from CAMLocalizerLib.panel.probability_plot import ProbabilityPlot

    workbench = FakeWorkbench(review)
    plot = ProbabilityPlot(ui, workbench, followed.interactions)
    plot.show(review)
    plot.on_slice_moved(None, None)
    assert followed.interactions.pending == ()
    workbench.image_in_view = 1
    plot.on_slice_moved(None, None)
    assert followed.interactions.pending == ("slice",)


def test_buttons_of_the_result_call_the_review(ui: Any, followed: Followed, review: FakeReview) -> None:
    from CAMLocalizerLib.panel.result_controls import ResultControls
    from CAMLocalizerLib.workbench import Availability

    workbench = FakeWorkbench(review)
    accepted: list[int] = []
    review.mask, review.can_undo, review.can_redo = workbench.probabilities, True, False
    workbench.edited_mask = lambda: None
    review.accept = lambda: SimpleNamespace(name="Tumour 1", volume_ml=2.0)
    controls = ResultControls(
        ui, Availability(workbench), followed.interactions, buttons_of(ui), accepted=lambda: accepted.append(1)
    )
    controls.show(review)
    assert ui.undoButton.toolTip == "Take back: threshold 0.4 (Ctrl+Z)."
    assert ui.redoButton.toolTip == "There is nothing to redo."
    ui.undoButton.click()
    ui.resetButton.click()
    ui.acceptButton.click()
    assert review.calls == [("undo",), ("reset",)]
    assert accepted == [1]
    assert ui.acceptMessage.text == "Tumour 1 was accepted: 2.00 ml."


def test_a_missing_package_is_named_and_installed_once_agreed(ui: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from CAMLocalizerLib import installation
    from CAMLocalizerLib.installation import PackageState, Requirement
    from CAMLocalizerLib.panel.setup_page import SetupPage

    plots, wanted = Requirement("matplotlib", ">=3.8"), []
    present: list[bool] = []
    monkeypatch.setattr(
        installation, "package_states", lambda: (PackageState(plots, "3.9" if present else "", bool(present)),)
    )

    class Installer:
        def needs_extension(self, missing: Any) -> bool:
            return False

        def install(self, missing: Any, wheels: Any) -> None:
            wanted.extend(missing)
            present.append(True)

    ended: list[int] = []
    page = SetupPage(
        ui,
        Installer(),
        buttons_of(ui),
        model_names=lambda: ["one"],
        installed=lambda: ended.append(1),
        devices_known=lambda _found: None,
    )
    page.check()
    assert page.run_blocker() == "matplotlib is not installed; see Set-up below."
    ui.installButton.click()
    assert (wanted, ended, page.run_blocker()) == ([plots], [1], "")

"""The first stage: evidence of cells for the labels of images."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from CAMLocalizerLib.training.fit.batches import Batch
from CAMLocalizerLib.training.localisation.contrast import CANDIDATE, INSIDE, cell_states
from CAMLocalizerLib.training.localisation.evidence import (
    EvidenceHead,
    class_scores,
    evidence_objective,
    pooled,
    tumour_numbers,
)

TUMOURS = (2, 0)  # of three classes; class 1 is not a tumour


class Given(nn.Module):
    """Gives evidence that was set before."""

    def __init__(self, evidence: torch.Tensor) -> None:
        super().__init__()
        self.evidence = nn.Parameter(evidence)

    def forward(self, _maps: torch.Tensor) -> torch.Tensor:
        return self.evidence


def batch(labels: list[int], states: int = INSIDE + CANDIDATE, taught: list[bool] | None = None) -> Batch:
    count = len(labels)
    known = None if taught is None else torch.tensor(taught)
    targets = torch.full((count, 4, 5), states, dtype=torch.uint8)
    return Batch(torch.zeros(count, 1, 4, 5), torch.tensor(labels), targets=targets, taught=known)


def test_labels_are_numbered_by_tumour_class_and_scores_go_back_to_all_classes():
    assert tumour_numbers(torch.tensor([0, 1, 2]), TUMOURS).tolist() == [2, 0, 1]
    scores = class_scores(torch.tensor([[0.0, 5.0, 7.0]]), TUMOURS, 3)
    assert scores.tolist() == [[7.0, 0.0, 5.0]]


@pytest.mark.parametrize(("pooling", "expected"), [("multiple-instance", 8.5), ("average", 4.5)])
def test_the_score_is_the_mean_of_the_best_cells_or_of_all(pooling, expected):
    evidence = torch.arange(10.0).reshape(1, 1, 2, 5)

    assert pooled(evidence, pooling, 2).item() == pytest.approx(expected)


def test_more_instances_than_cells_take_all_cells():
    assert pooled(torch.arange(6.0).reshape(1, 1, 2, 3), "multiple-instance", 40).item() == pytest.approx(2.5)


def test_only_the_untaught_label_has_no_pull_on_its_own_class():
    objective = evidence_objective(TUMOURS, 3, pooling="average", instances=1)

    pulls = []
    for taught in (True, False):
        head = Given(torch.zeros(1, 2, 4, 5))
        loss, _ = objective(head, batch([2], taught=[taught]))
        loss.backward()
        pulls.append(head.evidence.grad[0].sum((1, 2)))

    assert pulls[0][0] < 0  # descent raises the evidence of the label's class
    assert pulls[1][0] >= 0
    assert min(pulls[0][1], pulls[1][1]) > 0  # and lowers that of the absent one, taught or not


def test_cells_that_are_no_candidates_do_not_raise_the_class_of_their_image():
    objective = evidence_objective(TUMOURS, 3, pooling="multiple-instance", instances=2)
    head = Given(torch.zeros(1, 2, 4, 5))
    given = batch([2], states=INSIDE)
    given.targets[0, 1, 1:3] += CANDIDATE

    objective(head, given)[0].backward()

    raised = head.evidence.grad[0, 0] < 0
    assert raised.nonzero().tolist() == [[1, 1], [1, 2]]


def test_the_head_learns_where_the_label_is_seen_from_labels_alone():
    torch.manual_seed(0)
    maps = torch.randn(48, 6, 8, 8)
    labels, rows, columns = torch.arange(48) % 3, torch.randint(0, 8, (48,)), torch.randint(0, 8, (48,))
    for channel, label in ((0, 0), (3, 2)):
        shown = labels == label
        maps[shown, channel, rows[shown], columns[shown]] += 6
    given = Batch(maps, labels, targets=torch.full((48, 8, 8), INSIDE + CANDIDATE, dtype=torch.uint8))
    head = EvidenceHead(6, 2)
    objective = evidence_objective(TUMOURS, 3, pooling="multiple-instance", instances=1)
    optimiser = torch.optim.Adam(head.parameters(), lr=0.02)
    for _ in range(150):
        optimiser.zero_grad()
        objective(head, given)[0].backward()
        optimiser.step()

    evidence = head.eval()(maps)
    peaks = [evidence[index, TUMOURS.index(int(labels[index]))].argmax() for index in range(48) if labels[index] != 1]
    truth = [rows[index] * 8 + columns[index] for index in range(48) if labels[index] != 1]
    assert sum(abs(int(peak) - int(place)) in (0, 1, 7, 8, 9) for peak, place in zip(peaks, truth, strict=True)) >= 28


def test_a_symmetric_head_sees_only_what_the_other_side_lacks():
    head = EvidenceHead(3, 1, symmetric=True).eval()
    image = functional.interpolate(torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(1)), size=(8, 8))
    symmetric = image + image.flip(-1)

    seen = []
    head.look.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0][:, 32:]))
    head(symmetric), head(symmetric + functional.pad(torch.ones(1, 3, 3, 3), (0, 5, 2, 3)))

    assert seen[0].abs().max() == 0
    assert seen[1].abs().max() > 0


@pytest.mark.parametrize(("contrast", "bright", "dark"), [("bright", 1, 0), ("dark", 0, 1), ("both", 1, 1)])
def test_candidates_stand_out_from_the_foreground_around_them(contrast, bright, dark):
    image = torch.zeros(1, 1, 128, 128)
    image[..., 16:112, 16:112] = 0.4
    image[..., 40:56, 40:56], image[..., 72:88, 72:88] = 0.8, 0.1

    states = cell_states(image, 8, contrast)[0]

    assert bool(states[5, 5] & CANDIDATE) == bright
    assert bool(states[9, 9] & CANDIDATE) == dark
    assert not states[12, 3] & CANDIDATE
    assert states[12, 3] & INSIDE
    assert states[0, 15] == 0


def test_without_a_contrast_every_cell_of_the_body_is_a_candidate():
    image = torch.zeros(1, 1, 64, 64)
    image[..., 16:48, 16:48] = 0.4

    states = cell_states(image, 8, "none")[0]

    assert (states[2:6, 2:6] == INSIDE + CANDIDATE).all()

"""Learning which candidates of uptake are tumours: from simulated bodies, lesions put into real ones, and points."""

from .fitting import CandidateOptions, fit_candidates
from .inserting import inserted_samples
from .labelling import lesion_labels, point_labels
from .samples import CandidateSamples, samples_of, simulated_samples

__all__ = [
    "CandidateOptions",
    "CandidateSamples",
    "fit_candidates",
    "inserted_samples",
    "lesion_labels",
    "point_labels",
    "samples_of",
    "simulated_samples",
]

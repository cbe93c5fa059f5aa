"""Follow-up: the tumours of one patient through several exams."""

from .exams import Exam, read_exams
from .files import write_follow_up
from .tracking import ExamResult, FollowUp, Measurement, Tumour, follow_up

__all__ = [
    "Exam",
    "ExamResult",
    "FollowUp",
    "Measurement",
    "Tumour",
    "follow_up",
    "read_exams",
    "write_follow_up",
]

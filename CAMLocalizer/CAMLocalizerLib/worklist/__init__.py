"""Worklists: cases in the order in which they need a look, the answers of readers, labels for training, agreement."""

from .agreement import Agreement, ReaderAnswers, agreement, cohen_kappa, find_readers
from .answers import DEFAULT_READER, READER_VARIABLE, Answer, check_reader
from .archive_source import ArchiveSource
from .batch_source import BatchSource, is_batch
from .case import Case, Finding, ListedCase
from .folder_source import FolderSource
from .judgements import Judgement, read_classes, read_judgements, read_root, worklist_folder
from .keys import AnswerKey, answer_keys
from .labels import LABELS_FILE, Labels, export_labels, make_labels, write_labels
from .preparation import Means
from .session import WorklistSession
from .sources import CaseSource
from .store import WORKLIST_FOLDER, Counts, WorklistStore

__all__ = [
    "DEFAULT_READER",
    "LABELS_FILE",
    "READER_VARIABLE",
    "WORKLIST_FOLDER",
    "Agreement",
    "Answer",
    "AnswerKey",
    "ArchiveSource",
    "BatchSource",
    "Case",
    "CaseSource",
    "Counts",
    "Finding",
    "FolderSource",
    "Judgement",
    "Labels",
    "ListedCase",
    "Means",
    "ReaderAnswers",
    "WorklistSession",
    "WorklistStore",
    "agreement",
    "answer_keys",
    "check_reader",
    "cohen_kappa",
    "export_labels",
    "find_readers",
    "is_batch",
    "make_labels",
    "read_classes",
    "read_judgements",
    "read_root",
    "worklist_folder",
    "write_labels",
]

"""DICOMweb archives: find studies, fetch the series that a model is made for, and send results back into the study.

:class:`~CAMLocalizerLib.archive.client.Archive` is the connection, :class:`~CAMLocalizerLib.archive.study.StudyRunner`
does a whole study, and :func:`~CAMLocalizerLib.archive.sending.send_results` sends the DICOM files of a result. Nothing
is imported here, so that workers start at once.
"""

__all__: list[str] = []

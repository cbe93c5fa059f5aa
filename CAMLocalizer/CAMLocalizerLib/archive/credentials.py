"""Credentials of an archive, from the environment or ``~/.netrc``; they are never written anywhere."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..core import SettingsError

if TYPE_CHECKING:
    from requests.auth import AuthBase

TOKEN, USER, PASSWORD = "CAMLOCALIZER_ARCHIVE_TOKEN", "CAMLOCALIZER_ARCHIVE_USER", "CAMLOCALIZER_ARCHIVE_PASSWORD"
WHERE = f"~/.netrc, or {TOKEN}, or {USER} and {PASSWORD}"


def credentials(environ: Mapping[str, str] = os.environ) -> AuthBase | None:
    """Return what authorises a request; None to leave it to ``~/.netrc``, which names hosts.

    Raises:
        SettingsError: a token and a user, a user without a password, or a token that no header can hold.
    """
    from requests.auth import HTTPBasicAuth

    token, user, password = (environ.get(name, "").strip() for name in (TOKEN, USER, PASSWORD))
    if token and (user or password):
        raise SettingsError(f"{TOKEN} and {USER} are both set; unset one of them")
    if bool(user) != bool(password):
        raise SettingsError(f"of {USER} and {PASSWORD} only one is set; set both")
    if not (token.isascii() and token.isprintable()):
        raise SettingsError(f"{TOKEN} has characters that no token has; set it anew")
    if token:
        return _bearer(token)
    return HTTPBasicAuth(user.encode(), password.encode()) if user else None


def _bearer(token: str) -> AuthBase:
    from requests import PreparedRequest
    from requests.auth import AuthBase

    class Bearer(AuthBase):
        """Adds a token when a request is sent, so that no log of its headers shows it."""

        def __call__(self, request: PreparedRequest) -> PreparedRequest:
            request.headers["Authorization"] = f"Bearer {token}"
            return request

    return Bearer()

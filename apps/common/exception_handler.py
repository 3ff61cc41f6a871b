"""The one place where refusals become HTTP: RFC 9457 problem details with a stable `code`."""

import logging
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.views import set_rollback

from apps.common import errors
from apps.common.storage import StoreError

logger = logging.getLogger(__name__)

STATUS_OF = {
    errors.InvalidError: status.HTTP_400_BAD_REQUEST,
    errors.NotFoundError: status.HTTP_404_NOT_FOUND,
    errors.ConflictError: status.HTTP_409_CONFLICT,
    errors.UnavailableError: status.HTTP_503_SERVICE_UNAVAILABLE,
    errors.DomainError: status.HTTP_400_BAD_REQUEST,
}


def problem(
    *, status_code: int, code: str, detail: str, headers: dict[str, str] | None = None, **more: Any
) -> Response:
    """One answer in the form of RFC 9457."""
    body = {"type": "about:blank", "status": status_code, "code": code, "detail": detail, **more}
    return Response(
        body, status=status_code, headers=headers, content_type="application/problem+json"
    )


def problem_details(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Translate a refusal; None leaves a programming error to Django's own 500."""
    if isinstance(exc, errors.DomainError):
        set_rollback()
        status_code = next(STATUS_OF[kind] for kind in type(exc).__mro__ if kind in STATUS_OF)
        headers = {"Retry-After": "10"} if status_code == 503 else None
        detail = str(exc)
        if isinstance(exc, StoreError):  # its address is nothing for an assessor
            logger.warning("%s", exc)
            detail = exc.public
        return problem(
            status_code=status_code,
            code=exc.code,
            detail=detail,
            headers=headers,
            **({"field": exc.field} if exc.field else {}),
        )
    if isinstance(exc, Http404):
        exc = exceptions.NotFound()
    elif isinstance(exc, PermissionDenied):
        exc = exceptions.PermissionDenied()
    if not isinstance(exc, exceptions.APIException):
        return None
    set_rollback()
    headers = {}
    if wait := getattr(exc, "wait", None):
        headers["Retry-After"] = str(int(wait))
    if header := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = header
    if isinstance(exc, exceptions.ValidationError):
        field, sentence = _first_error(exc.detail)
        more = {"field": field} if field else {}
        return problem(
            status_code=exc.status_code,
            code="invalid",
            detail=f"{field}: {sentence}" if field else sentence,
            headers=headers,
            errors=exc.get_full_details(),
            **more,
        )
    return problem(
        status_code=exc.status_code,
        code=str(exc.default_code),
        detail=str(exc.detail),
        headers=headers,
    )


def _first_error(detail: Any, path: str = "") -> tuple[str, str]:
    """The first field at fault, as a dotted path, and its sentence."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            if inner:
                joined = path if name == "non_field_errors" else f"{path}.{name}".strip(".")
                return _first_error(inner, joined)
    if isinstance(detail, list):
        for index, inner in enumerate(detail):
            if isinstance(inner, dict | list):
                if inner:
                    return _first_error(inner, f"{path}.{index}".strip("."))
            else:
                return path, str(inner)
    return path, str(detail)

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import ensure_csrf_cookie


@ensure_csrf_cookie
def frontend(request: HttpRequest) -> HttpResponse:
    """The page's one HTML file; its router shows what the address names."""
    index = settings.FRONTEND_DIST / "index.html"
    if not index.is_file():
        return HttpResponse(
            "The pages are not built yet: run `make run`.", status=503, content_type="text/plain"
        )
    response = HttpResponse(index.read_bytes(), content_type="text/html; charset=utf-8")
    response["Cache-Control"] = "no-cache"
    return response


def csrf_failure(request: HttpRequest, reason: str = "") -> JsonResponse:
    """A form from another site, or from before the last sign-in."""
    return _problem(
        403, "csrf_failed", "This page is older than your session: reload it and try again."
    )


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """An address that no route knows: problem details for programs, a line for people."""
    if request.path.startswith("/api/"):
        return _problem(404, "not_found", f"There is nothing at {request.path}.")
    return HttpResponse("There is nothing here.", status=404, content_type="text/plain")


def server_error(request: HttpRequest) -> HttpResponse:
    """An error of ours: the log has it, the answer does not."""
    sentence = "Something went wrong on the server; it has been written to the log."
    if request.path.startswith("/api/"):
        return _problem(500, "server_error", sentence)
    return HttpResponse(sentence, status=500, content_type="text/plain")


def _problem(status: int, code: str, detail: str) -> JsonResponse:
    """RFC 9457, for answers that Django makes before or after REST framework."""
    return JsonResponse(
        {"type": "about:blank", "status": status, "code": code, "detail": detail},
        status=status,
        content_type="application/problem+json",
    )

"""Behind one TLS-terminating proxy. Every unsafe value stops the start (apps.config.safety)."""

from apps.config import environment
from apps.config.settings.base import *  # noqa: F403  settings modules extend one another
from apps.config.settings.base import REST_FRAMEWORK, SECRET_KEY

ONLY_SAFE_SETTINGS = True
if not SECRET_KEY:
    SECRET_KEY = "not set"  # noqa: S105  refused by the rules, with their sentence
SECRET_KEY_FALLBACKS = environment.words("SECRET_KEY_FALLBACKS")
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = True
SECURE_REDIRECT_EXEMPT = [r"^api/v1/health/$"]  # the container's own probe speaks plain HTTP
SECURE_HSTS_SECONDS = 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
SESSION_COOKIE_NAME = "__Host-sessionid"
CSRF_COOKIE_SECURE = True
CSRF_COOKIE_NAME = "__Host-csrftoken"
# The address of the visitor is what the one proxy in front says, never what the visitor says.
TRUSTED_PROXIES = 1
REST_FRAMEWORK = {**REST_FRAMEWORK, "NUM_PROXIES": 1}  # type: ignore[dict-item]
# A worker that forgot its store would keep files where no other machine sees them.
STORE_ENDPOINT = environment.text("AWS_ENDPOINT_URL")

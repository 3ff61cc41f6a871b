"""Settings that every way of running shares. Nothing else reads the environment."""

from pathlib import Path

from apps.config import environment

ROOT = Path(__file__).resolve().parents[3]
DATA = Path(environment.text("LIKENESS_DATA", str(ROOT / "var"))).expanduser().resolve()

SECRET_KEY = environment.text("SECRET_KEY")
DEBUG = False
ONLY_SAFE_SETTINGS = False  # production turns it on
ALLOWED_HOSTS: list[str] = environment.words("ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS: list[str] = environment.words("CSRF_TRUSTED_ORIGINS")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "rest_framework.authtoken",
    "drf_spectacular",
    "axes",
    "csp",
    "apps.common",
    "apps.jobs",
    "apps.accounts",
    "apps.catalog",
    "apps.studies",
    "apps.retrieval",
    "apps.assessment",
    "apps.analytics",
    "apps.config",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "apps.config.urls"
WSGI_APPLICATION = "apps.config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES = {"default": environment.database("DATABASE_URL", data=DATA)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

# --- people -------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "apps.accounts.lockout.AddressLimitBackend",
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
# A name is locked for the address that guesses, so that a stranger cannot lock out a colleague.
AXES_FAILURE_LIMIT = 6  # the sixth wrong password locks
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_HTTP_RESPONSE_CODE = 429
AXES_CLIENT_IP_CALLABLE = "apps.accounts.lockout.client_address"
AXES_LOCKOUT_CALLABLE = "apps.accounts.lockout.locked_out"
AXES_VERBOSE = False
# One address that tries many names: wrong passwords of all of them together, in the same time.
ADDRESS_FAILURE_LIMIT = 60
# Proxies of our own in front, each of which adds the caller's address to X-Forwarded-For.
TRUSTED_PROXIES = 0

# --- HTTP ---------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "apps.common.authentication.SessionAuthentication",
        "rest_framework.authentication.TokenAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["apps.common.parsers.JSONParser"],
    "DEFAULT_PAGINATION_CLASS": "apps.common.paging.Page",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "apps.common.exception_handler.problem_details",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Likeness",
    "DESCRIPTION": "How far people, and how far models, agree on what images show.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "StudyStateEnum": "apps.studies.models.Study.State",
        "JobStateEnum": "apps.jobs.models.State",
    },
}
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        # Mantine sets its theme through style attributes and one style element.
        "style-src": ["'self'", "'unsafe-inline'"],
        "img-src": ["'self'", "blob:", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        "form-action": ["'self'"],
    }
}
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "apps.common.views.csrf_failure"
DATA_UPLOAD_MAX_NUMBER_FILES = 200  # the browser sends a folder in calls of at most 100 files
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 2**20
FILE_UPLOAD_PERMISSIONS = 0o640

STATIC_URL = "/static/"
STATIC_ROOT = DATA / "static"
FRONTEND_DIST = ROOT / "frontend" / "dist"
STATICFILES_DIRS = [FRONTEND_DIST] if FRONTEND_DIST.is_dir() else []

# Vite puts a hash of the content into the names under assets/.
WHITENOISE_IMMUTABLE_FILE_TEST = r"^/static/assets/.+-[\w-]{8}\.\w+$"

# --- files --------------------------------------------------------------------------------------
STORAGES = {
    "default": environment.files("LIKENESS_STORE", data=DATA),
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
# Copies of an object store's files on this machine, and how large they may grow together.
CACHE = Path(environment.text("LIKENESS_CACHE", str(DATA / "cache"))).expanduser().resolve()
CACHE_SIZE = environment.memory("LIKENESS_CACHE_SIZE", "20 GiB")

# Free bytes that imports and uploads leave alone; below it the health check is red.
DISK_RESERVE = environment.memory("LIKENESS_DISK_RESERVE", "1 GiB")
# Larger images are refused; the memory of the process that decodes them is limited accordingly.
IMPORT_MAX_PIXELS = environment.whole("LIKENESS_IMPORT_MAX_PIXELS", 80_000_000, least=1)
IMPORT_MAX_FILE_BYTES = environment.memory("LIKENESS_IMPORT_MAX_FILE", "200 MiB")
IMPORT_MAX_ZIP_BYTES = environment.memory("LIKENESS_IMPORT_MAX_ZIP", "50 GiB")  # unpacked
IMPORT_MAX_ZIP_ENTRIES = environment.whole("LIKENESS_IMPORT_MAX_ENTRIES", 200_000, least=1)

# --- long work ----------------------------------------------------------------------------------
REDIS_URL = environment.text("REDIS_URL")
CELERY_BROKER_URL = REDIS_URL or "files://localhost/"
# A message that was taken and not acknowledged for so long goes to another worker. Redis knows
# three places for it, and the shortest counts.
CELERY_VISIBILITY_TIMEOUT = 600
_BROKER = DATA / "broker"
CELERY_BROKER_TRANSPORT_OPTIONS = (
    {
        "visibility_timeout": CELERY_VISIBILITY_TIMEOUT,
        "unacked_restore_interval": 10,
        "unacked_restore_throttle": 1,
        # A broker that accepts and never answers must not hold up a page.
        "socket_timeout": 2,
        "socket_connect_timeout": 2,
        "socket_keepalive": True,
    }
    if REDIS_URL
    else {
        "data_folder_in": str(_BROKER / "messages"),
        "data_folder_out": str(_BROKER / "messages"),
        "control_folder": str(_BROKER / "control"),
        # Seconds between two looks at the folder (the default is 1). Somebody waits for an
        # exploration; 0.1 costs a worker 0.2 % of a core more, 0.05 would cost 0.5 %.
        "polling_interval": 0.1,
    }
)
CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS = {"visibility_timeout": CELERY_VISIBILITY_TIMEOUT}
CELERY_TASK_ROUTES = {
    # A person waits for it: a worker of its own, see docs/decisions/explorer.md.
    "apps.retrieval.tasks.explore_task": {"queue": "explore"},
    "apps.retrieval.tasks.sweep_explorations_task": {"queue": "cpu"},
    "apps.retrieval.tasks.*": {"queue": "gpu"},
    "*": {"queue": "cpu"},
}
CELERY_TASK_DEFAULT_QUEUE = "cpu"
CELERY_TASK_SERIALIZER = "json"
CELERY_RESULT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = False  # the reconciler re-queues; a poisoned part must not loop
CELERY_TASK_TIME_LIMIT = 540  # below the visibility timeout: no message runs twice at once
CELERY_TASK_SOFT_TIME_LIMIT = 480
CELERY_TASK_PUBLISH_RETRY = False  # a message is a hint: the reconciler sends it again
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 200
CELERY_WORKER_MAX_MEMORY_PER_CHILD = environment.memory("LIKENESS_WORKER_MEMORY", "6 GiB") // 1024
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 3.0  # what is begun may end; the rest is done again later
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False  # heartbeats are rows, see apps.jobs.heartbeat
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # a worker waits for its broker as long as it takes
CELERY_BEAT_SCHEDULER = "apps.config.scheduler:Scheduler"
CELERY_BEAT_SCHEDULE = {
    "reconcile-jobs": {
        "task": "apps.jobs.tasks.reconcile_jobs_task",
        "schedule": 30.0,
        "options": {"expires": 60},  # without a worker they would pile up
    },
    "sweep-explorations": {
        "task": "apps.retrieval.tasks.sweep_explorations_task",
        "schedule": 3600.0,
        "options": {"expires": 3600},
    },
}
# Touched by workers and the scheduler while they live: for the health checks of containers.
ALIVE_FILE = environment.text("LIKENESS_ALIVE_FILE")
JOB_LEASE_SECONDS = environment.whole("LIKENESS_JOB_LEASE", 60, least=1)
# Said on the pages within 10 s of a worker's end: this silence, then their next question.
WORKER_HEARTBEAT_SECONDS = 2
WORKER_SILENT_AFTER_SECONDS = 7

# --- retrieval ----------------------------------------------------------------------------------
WEIGHTS = environment.text("LIKENESS_WEIGHTS")  # a folder of safetensors; empty: the model hub
BACKBONE = environment.one_of("LIKENESS_BACKBONE", ["resnet50", "resnet18"])  # first: default
PRECISION = environment.one_of("LIKENESS_PRECISION", ["float32", "bfloat16"])  # of networks
SPACES = environment.text("LIKENESS_SPACES")  # a TOML file of backbone spaces; empty: none
SHARD_ROWS = 4096
CW_CLUSTERS = environment.whole("LIKENESS_CW_CLUSTERS", 0, least=0)  # 0: by the collection's size
# What one part of a search takes: so many shards, or as many as have so many bytes together. All
# of them are open at once, and from an object store they must fit into the local cache.
SEARCH_SHARDS_PER_PART = 64
SEARCH_PART_BYTES = 4 * 2**30
LOADERS = environment.whole("LIKENESS_LOADERS", 4, least=1)  # threads that decode ahead of a model
SEARCH_MEMORY = environment.memory("LIKENESS_SEARCH_MEMORY", "2 GiB")
THREADS = environment.whole("LIKENESS_THREADS", 0)  # 0: one per core
EXPLORATION_SECONDS = 20  # from the question on; then what has no answer says so

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": environment.text("LIKENESS_LOG", "INFO")},
    # One line per task and per message is noise: jobs and their parts are rows that a page shows.
    "loggers": {name: {"level": "WARNING"} for name in ("celery", "kombu", "PIL", "transformers")},
}

"""Load tests run when asked for (`make test-load`), not with all others."""

from pathlib import Path


def pytest_ignore_collect(collection_path: Path, config) -> bool | None:
    here = Path(__file__).parent
    asked = any(here in [path, *path.parents] for path in _asked(config))
    return None if asked else True


def _asked(config) -> list[Path]:
    return [Path(config.invocation_params.dir, arg.split("::")[0]).resolve() for arg in config.args]

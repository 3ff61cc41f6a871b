from pathlib import Path

import pytest


@pytest.fixture
def no_hub(tmp_path, monkeypatch) -> Path:
    """An empty cache of the model hub, and a hub that does not answer."""
    cache = tmp_path / "no-hub"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    monkeypatch.setattr("apps.retrieval.compute.weights._ask_hub", lambda *_: None)
    return cache

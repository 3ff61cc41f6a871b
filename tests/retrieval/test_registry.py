import subprocess
import sys

import pytest

from apps.retrieval import registry
from apps.retrieval.compute.extractors import resnet
from apps.studies.methods import DEFAULT_METHODS, known_methods


@pytest.mark.parametrize("entry", registry.extractors(), ids=lambda entry: entry.name)
def test_an_extractor_is_what_its_entry_says(entry):
    loaded = entry.load()
    assert loaded.name == entry.name
    its_own = {space.name: space.dimensions for space in entry.spaces}
    if entry.name == "resnet":
        assert resnet.dimensions_of("resnet50") == its_own
    else:
        assert loaded.dimensions == its_own


def test_dimensions_follow_the_backbone(settings):
    settings.BACKBONE = "resnet18"
    entry = registry.extractor_named(name="resnet")
    assert resnet.dimensions_of("resnet18") == {one.name: one.dimensions for one in entry.spaces}
    assert registry.space_of(name="r_mac").dimensions == 512


@pytest.mark.parametrize("entry", registry.learned(), ids=lambda entry: entry.name)
def test_a_learned_entry_names_its_class_and_spaces_that_extractors_compute(entry):
    loaded = entry.make()
    assert loaded.name == entry.name
    assert loaded.version
    assert entry.sources
    for source in entry.sources:
        assert isinstance(registry.producer_of(space=source), registry.ExtractorEntry)


@pytest.mark.parametrize("name", registry.method_names())
def test_a_method_searches_a_space_that_exists(name):
    entry = registry.method_of(name=name)
    assert callable(entry.load())
    assert registry.space_of(name=entry.space).dimensions > 0


def test_studies_know_the_names_of_the_methods():
    assert set(DEFAULT_METHODS) <= known_methods()


WEB = """
import sys
import django
django.setup()
from django.core.wsgi import get_wsgi_application
from django.test import Client
get_wsgi_application()
for path in ("/api/v1/methods/", "/api/v1/schema/", "/"):
    Client().get(path)
from apps.retrieval import registry, selectors
for space in registry.spaces():
    selectors.availability_of_space(name=space.name, rows=10)
heavy = {"torch", "transformers", "faiss", "sklearn", "skimage"} & set(sys.modules)
assert not heavy, heavy
"""


def test_the_web_process_never_imports_torch_and_its_like():
    done = subprocess.run([sys.executable, "-c", WEB], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

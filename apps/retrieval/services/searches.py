"""The search of a method, ready to be called on rows of its space."""

from functools import partial

from apps.common.storage import DamagedFileError
from apps.retrieval import registry, selectors
from apps.retrieval.compute.search import Search
from apps.retrieval.models import FeatureSpace
from apps.retrieval.services.extraction.learning import arrays_of


def search_of(*, method: registry.MethodEntry, space: FeatureSpace) -> Search:
    """The method's function with its options and, where it uses one, the model of the space.

    Raises:
        DamagedFileError: the model is gone, or its file differs from its checksum.
    """
    search = partial(method.load(), **dict(method.options))
    if not method.uses_model:
        return search
    producer = registry.producer_of(space=space.name)
    model = selectors.learned_model(
        collection=space.collection, name=producer.name, version=space.version
    )
    if model is None:
        raise DamagedFileError(
            f"The model of {space.name} is gone: run extract_features to learn it again."
        )
    return partial(search, model=arrays_of(model=model))

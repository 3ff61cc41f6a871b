"""A learned space without weights, for tests of the mechanism."""

from apps.retrieval import registry


class Centred:
    """`cld` and `ehd` minus their mean over the collection, one after the other."""

    name = "centred"
    version = "centred.1"

    def learn(self, *, sources, ordinals, progress):
        import numpy as np

        from apps.retrieval.compute.learned.base import rows_in

        means = {}
        for name, rows in sources.items():
            total = np.zeros(rows.dimensions)
            for done, block in rows_in(rows, ordinals=ordinals):
                total += block.sum(axis=0, dtype=np.float64)
                progress(done)
            means[name] = total / len(ordinals)
        return means

    def transform(self, *, sources, model):
        import numpy as np

        return {"centred": np.hstack([sources[name] - model[name] for name in ("cld", "ehd")])}


CENTRED = registry.LearnedEntry(
    name="centred",
    path="tests.factories.learner.Centred",
    sources=("cld", "ehd"),
    spaces=(registry.SpaceEntry("centred", "Centred", 96),),
)

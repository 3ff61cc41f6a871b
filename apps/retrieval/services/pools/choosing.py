"""What a study's methods need: spaces to search, runs to read, members to fuse."""

from dataclasses import dataclass, field

from apps.common.errors import ConflictError, DomainError
from apps.retrieval import registry, selectors
from apps.retrieval.fusions import fusion_of, is_fusion
from apps.retrieval.models import FeatureSpace, ForeignRun
from apps.retrieval.registry import UnknownMethodError
from apps.retrieval.services.extraction import WeightsMissingError
from apps.studies.models import Study


class NoMethodsError(ConflictError):
    code = "no_methods"


class SpaceNotReadyError(ConflictError):
    code = "space_not_ready"


@dataclass
class Chosen:
    """What goes into the pools, and what has to be done for it.

    Attributes:
        methods: of the study, in its order, without those left out.
        searched: spaces to search by method, members of fusions included.
        runs: foreign runs by method, likewise.
        versions: of each of `methods`.
        left_out: `{"method", "how"}`: what cannot be had here.
    """

    methods: list[str] = field(default_factory=list)
    searched: dict[str, FeatureSpace] = field(default_factory=dict)
    runs: dict[str, ForeignRun] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    left_out: list[dict[str, str]] = field(default_factory=list)


def choose(*, study: Study, available_only: bool) -> Chosen:
    """What the study's methods need.

    Raises:
        NoMethodsError: nothing is left.
        UnknownMethodError: a name is neither a method, nor a run of the study, nor a fusion.
        SpaceNotReadyError, WeightsMissingError: a method cannot be searched here, and
            `available_only` does not say to leave it out.
    """
    sources = _Sources(study)
    chosen = Chosen()
    for name in study.methods:
        members = fusion_of(name=name).members if is_fusion(name=name) else (name,)
        for member in members:
            sources.check_name(name, member)
        try:
            versions = {member: sources.add(member) for member in members}
        except (SpaceNotReadyError, WeightsMissingError) as refusal:
            error = _in_fusion(name, refusal) if is_fusion(name=name) else refusal
            if not available_only:
                raise error from refusal
            chosen.left_out.append({"method": name, "how": str(error)})
            continue
        chosen.methods.append(name)
        chosen.versions[name] = version_of(name, versions)
        for member in members:
            if member in sources.runs:
                chosen.runs[member] = sources.runs[member]
            else:
                chosen.searched[member] = sources.spaces[member]
    if not chosen.methods:
        if chosen.left_out:
            raise NoMethodsError(chosen.left_out[0]["how"], field="methods")
        raise NoMethodsError(f"The study {study.slug} names no methods.", field="methods")
    return chosen


def version_of(name: str, members: dict[str, str]) -> str:
    """`rrf.1(r_sum=<version>+cld=<version>)`; a method that is no fusion has its own version."""
    if not is_fusion(name=name):
        return members[name]
    fusion = fusion_of(name=name)
    inside = "+".join(f"{member}={members[member]}" for member in fusion.members)
    return f"{fusion.kind.name}.{fusion.kind.version}({inside})"


def _in_fusion(name: str, refusal: DomainError) -> DomainError:
    return type(refusal)(f"For the fusion {name}: {refusal.sentence}", field=refusal.field)


class _Sources:
    """Where the rankings of a method come from: a space that is complete, or a run."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.rows = selectors.rows_of(collection=study.collection)
        self.has_outside = study.queries.filter(image__ordinal__isnull=True).exists()
        self.runs = {run.method: run for run in study.foreign_runs.all()}
        self.spaces: dict[str, FeatureSpace] = {}

    def check_name(self, name: str, member: str) -> None:
        if member in self.runs:
            return
        try:
            registry.method_of(name=member)
        except UnknownMethodError as error:
            if member == name:
                raise
            raise UnknownMethodError(
                f"The fusion {name} names {member}, which is neither a method here nor a run of "
                f"{self.study.slug}: `manage.py import_run {self.study.slug} FILE "
                f"--method {member}` adds one.",
                field="methods",
            ) from error

    def add(self, name: str) -> str:
        """Make sure that the method can be searched or read; returns its version."""
        if name in self.runs:
            return self.runs[name].version
        if name not in self.spaces:
            self.spaces[name] = self._space_of(name)
        return self.spaces[name].version

    def _space_of(self, name: str) -> FeatureSpace:
        study, method = self.study, registry.method_of(name=name)
        space = selectors.current_space(collection=study.collection, name=method.space)
        able = selectors.availability_of_space(name=method.space, rows=self.rows)
        if not self.rows or space is None or not selectors.is_complete(space=space, rows=self.rows):
            what_to_do = (
                f"run `manage.py extract_features {study.collection.slug} --space {method.space}`"
                if able.version is not None
                else able.how.rstrip(".")
            )
            raise SpaceNotReadyError(
                f"The method {name} needs the feature space {method.space} of "
                f"{study.collection.slug}, which is not complete: {what_to_do}; or take {name} "
                f"out of the methods of {study.slug}.",
                field="methods",
            )
        if self.has_outside and able.version is None:
            raise WeightsMissingError(
                f"Queries from outside the collection cannot be turned into {method.space} here. "
                f"{able.how}",
                field="methods",
            )
        if self.has_outside and able.version != space.version:
            raise SpaceNotReadyError(
                f"The feature space {method.space} of {study.collection.slug} was computed as "
                f"{space.version}, and queries from outside would be as {able.version}: run "
                f"`manage.py extract_features {study.collection.slug} --space {method.space}`.",
                field="methods",
            )
        return space

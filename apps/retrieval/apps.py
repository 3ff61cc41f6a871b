from django.apps import AppConfig


class RetrievalConfig(AppConfig):
    name = "apps.retrieval"
    label = "retrieval"

    def ready(self) -> None:
        from django.core.exceptions import ImproperlyConfigured

        from apps.jobs.registry import JobKind, register
        from apps.retrieval.fusions import problem_with
        from apps.retrieval.registry import BadSpacesFileError, hub_backbones, method_names
        from apps.retrieval.selectors import run_names
        from apps.studies import methods

        try:
            hub_backbones()  # a file that cannot be used stops the start, as a bad setting does
        except BadSpacesFileError as error:
            raise ImproperlyConfigured(str(error)) from error
        task = "apps.retrieval.tasks.work_on_job_task"
        register(
            JobKind(
                name="extract_features",
                run_part="apps.retrieval.services.extraction.run_extraction_part",
                finish="apps.retrieval.services.extraction.finish_extraction",
                task=task,
            )
        )
        register(
            JobKind(
                name="build_pools",
                run_part="apps.retrieval.services.pools.run_pool_part",
                finish="apps.retrieval.services.pools.finish_pools",
                task=task,
            )
        )
        register(
            JobKind(
                name="screen_images",
                run_part="apps.retrieval.services.screening.run_screening_part",
                finish="apps.retrieval.services.screening.finish_screening",
                task=task,
            )
        )
        methods.register_known_methods(method_names)
        methods.register_name_rule(problem_with)
        methods.register_study_methods(run_names)

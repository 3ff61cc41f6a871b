from django.apps import AppConfig


class RetrievalConfig(AppConfig):
    name = "apps.retrieval"
    label = "retrieval"

    def ready(self) -> None:
        from apps.jobs.registry import JobKind, register
        from apps.retrieval.registry import method_names
        from apps.studies.methods import register_known_methods

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
        register_known_methods(method_names)

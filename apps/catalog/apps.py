from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "apps.catalog"
    label = "catalog"

    def ready(self) -> None:
        from apps.jobs.registry import JobKind, register

        register(
            JobKind(
                "import_images",
                run_part="apps.catalog.services.importing.run_part",
                finish="apps.catalog.services.importing.finish",
                task="apps.catalog.tasks.work_on_job_task",
            )
        )

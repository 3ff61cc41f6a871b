from django.apps import AppConfig


class AnalyticsConfig(AppConfig):
    name = "apps.analytics"
    label = "analytics"

    def ready(self) -> None:
        from apps.jobs.registry import JobKind, register

        register(
            JobKind(
                name="export_release",
                run_part="apps.analytics.services.releases.run_release_part",
                finish="apps.analytics.services.releases.finish_release",
                task="apps.analytics.tasks.work_on_job_task",
            )
        )

from django.apps import AppConfig


class AssessmentConfig(AppConfig):
    name = "apps.assessment"
    label = "assessment"

    def ready(self) -> None:
        from apps.assessment.selectors import may_see_image
        from apps.catalog.selectors import register_image_viewer

        register_image_viewer(may_see_image)

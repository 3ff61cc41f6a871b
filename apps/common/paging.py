from rest_framework.pagination import PageNumberPagination


class Page(PageNumberPagination):
    """`?page=2&page_size=50`: 50 rows unless told, 200 at most."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200

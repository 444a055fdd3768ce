"""The one resource of the API."""

from rest_framework.routers import SimpleRouter

from tracker.views import Items

router = SimpleRouter(trailing_slash=False)
router.register("items", Items, basename="item")
urlpatterns = router.urls

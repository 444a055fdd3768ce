"""Everybody reads and writes their own items."""

from rest_framework import status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response

from tracker.models import Item
from tracker.serializers import ItemRowSerializer, ItemSerializer, ItemWithNotesSerializer


class Items(viewsets.ModelViewSet):
    serializer_class = ItemSerializer
    lookup_value_regex = r"\d+"

    def get_queryset(self):
        return Item.objects.filter(owner_id=self.request.user.id)

    def number(self, name, default):
        try:
            return int(self.request.query_params.get(name, default))
        except ValueError as error:
            raise ValidationError({name: "not a number"}) from error

    def newest(self):
        """`?state=` filters; the newest first, `?limit=` of them."""
        rows = self.get_queryset()
        if state := self.request.query_params.get("state"):
            rows = rows.filter(state=state)
        return rows.order_by("-created_at")[: self.number("limit", 1000)]

    def list(self, request):
        rows = self.newest().only("id", "title", "price", "state", "created_at")
        return Response(ItemRowSerializer(rows, many=True).data)

    @action(detail=False, url_path="with-notes")
    def with_notes(self, request):
        """The same items with their owners' names and their notes."""
        rows = self.newest().select_related("owner").prefetch_related("notes")
        return Response(ItemWithNotesSerializer(rows, many=True).data)

    def create(self, request):
        """One item or a list of them, of which all are stored or none."""
        many = isinstance(request.data, list)
        serializer = self.get_serializer(data=request.data, many=many)
        serializer.is_valid(raise_exception=True)
        if many:
            Item.objects.bulk_create(Item(**row) for row in serializer.validated_data)
        else:
            serializer.save()
        return Response(status=status.HTTP_201_CREATED)

    def partial_update(self, request, pk=None):
        serializer = self.get_serializer(self.get_object(), data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        serializer.save()
        return Response(status=status.HTTP_204_NO_CONTENT)

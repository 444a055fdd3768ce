"""What goes in and out."""

from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied

from tracker.models import Item, Note, Owner


class ItemSerializer(serializers.ModelSerializer):
    # The plain id: a related field would look the owner up for each row.
    owner_id = serializers.UUIDField()

    class Meta:
        model = Item
        fields = ["id", "owner_id", "title", "price", "state", "created_at"]
        read_only_fields = ["id", "created_at"]

    def validate_owner_id(self, owner_id):
        if owner_id != self.context["request"].user.id:
            raise PermissionDenied
        return owner_id


class ItemRowSerializer(serializers.ModelSerializer):
    class Meta:
        model = Item
        fields = ["id", "title", "price", "state", "created_at"]


class OwnerNameSerializer(serializers.ModelSerializer):
    class Meta:
        model = Owner
        fields = ["name"]


class NoteSerializer(serializers.ModelSerializer):
    class Meta:
        model = Note
        fields = ["id", "body"]


class ItemWithNotesSerializer(serializers.ModelSerializer):
    owners = OwnerNameSerializer(source="owner")
    notes = NoteSerializer(many=True)

    class Meta:
        model = Item
        fields = ["id", "title", "price", "owners", "notes"]

"""Owners, items of owners, notes of items."""

from django.core.validators import MinValueValidator
from django.db import models
from django.utils import timezone


class Owner(models.Model):
    id = models.UUIDField(primary_key=True)
    name = models.TextField()


class Item(models.Model):
    # The index below begins with the owner, so it serves the foreign key too.
    owner = models.ForeignKey(Owner, on_delete=models.CASCADE, db_index=False)
    title = models.CharField(max_length=200)
    price = models.DecimalField(max_digits=10, decimal_places=2, validators=[MinValueValidator(0)])
    state = models.TextField(default="open")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(price__gte=0), name="price")]
        indexes = [models.Index(fields=["owner", "state", "-created_at"], name="owner_state_created")]


class Note(models.Model):
    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="notes")
    body = models.TextField()

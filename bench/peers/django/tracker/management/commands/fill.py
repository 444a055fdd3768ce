"""`manage.py fill OWNERS ITEMS`: the rows that are measured."""

from decimal import Decimal
from uuid import UUID

from django.core.management.base import BaseCommand

from tracker.models import Item, Note, Owner


class Command(BaseCommand):
    def add_arguments(self, parser):
        parser.add_argument("owners", type=int)
        parser.add_argument("items", type=int)

    def handle(self, owners, items, **_):
        ids = [UUID(f"00000000-0000-4000-8000-{n:012}") for n in range(owners)]
        Owner.objects.bulk_create(Owner(id=id, name=f"owner {n}") for n, id in enumerate(ids))
        for first in range(1, items + 1, 5000):
            numbers = range(first, min(first + 5000, items + 1))
            Item.objects.bulk_create(
                Item(
                    owner_id=ids[n % owners],
                    title=f"item {n}",
                    price=Decimal(f"{n % 100}.25"),
                    state="done" if n % 3 == 0 else "open",
                )
                for n in numbers
            )
            Note.objects.bulk_create(
                Note(item_id=n, body=f"note {m} of {n}") for n in numbers for m in range(2)
            )

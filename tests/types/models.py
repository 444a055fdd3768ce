"""What generated models must accept and refuse; run beside `database_types.py`."""

from typing import NotRequired, get_origin, get_type_hints

import database_types as types
from pydantic import ValidationError

row = {
    "id": 1, "name": "Ann", "address": "a@b", "mood": "sad", "tags": ["a"], "moods": None, "settings": {"a": [1]},
    "Odd name": 3, "size": "m", "place": {"x": 1.5, "y": None, "label": "here"}, "doc": "'ann':1", "born": "2000-01-02",
    "seen_at": "2026-01-01T00:00:00+00:00",
}
person = types.PublicPeople(**row)
assert person.born.year == 2000 and person.settings == {"a": [1]} and person.place.label == "here"
assert person.Odd_name == 3 and person.shout is None


def refused(change: dict) -> bool:
    try:
        types.PublicPeople(**{**row, **change})
    except ValidationError:
        return True
    return False


assert refused({"mood": "angry"}) and refused({"name": None}) and refused({"seen_at": "yesterday"})
assert not refused({"born": None})


def required(dictionary) -> set[str]:
    hints = get_type_hints(dictionary, vars(types), include_extras=True)
    return {name for name, hint in hints.items() if get_origin(hint) is not NotRequired}


assert required(types.PublicMessagesInsert) == {"author", "body"}
assert required(types.PublicMessagesUpdate) == set()
assert "Odd name" in get_type_hints(types.PublicPeopleUpdate, vars(types))
assert not hasattr(types, "PublicTotalsInsert")

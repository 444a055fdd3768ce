"""Asks the server with PyPI's supabase what chinook_answers.sql answers with plain SQL.

Reads `{url, key, secret, tokens}` as JSON from the environment, prints `{name: result}` in the order of asking.
"""

import json
import os
import sys
import traceback

import httpx
from postgrest import APIError
from supabase import create_client
from supabase.lib.client_options import SyncClientOptions

given = json.loads(os.environ["BACKSTAY_CHINOOK"])
last: dict = {}


def record(answer: httpx.Response) -> None:
    """Numbers lose their scale in the client, so that the text is kept beside what it made of it."""
    answer.read()
    last.update(body=answer.text, status=answer.status_code)


def client(key: str, token: str | None = None):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    http = httpx.Client(event_hooks={"response": [record]}, timeout=60)
    made = create_client(given["url"], key, SyncClientOptions(httpx_client=http, headers=headers))
    return made


service = client(given["secret"])
anon = client(given["key"])
buyer, rep, manager, member = (client(given["key"], given["tokens"][who]) for who in ("buyer", "rep", "manager", "member"))


def t(name: str):
    return service.table(name)


EDSON = "Edson, DJ Marky & DJ Patife Featuring Fernanda Porto"
ARTISTS = ["AC/DC", "Guns N' Roses", EDSON, "nobody"]
NEW_YEAR = "2026-01-01T00:00:00Z"

CASES = {
    # Filters.
    "eq": lambda: t("album").select("album_id", "title").eq("artist_id", 1).order("album_id"),
    "neq": lambda: t("genre").select("*").neq("name", "Rock").order("genre_id"),
    "gt": lambda: t("invoice").select("invoice_id, total").gt("total", 10).order("invoice_id"),
    "gte": lambda: t("track").select("track_id, milliseconds").gte("milliseconds", 500000).order("track_id").limit(20),
    "lt": lambda: t("invoice_line").select("invoice_line_id, unit_price").lt("unit_price", "1.00").order("invoice_line_id").limit(7),
    "lte": lambda: t("invoice").select("invoice_id, invoice_date, total").lte("invoice_date", "2021-02-01").order("invoice_id"),
    "like": lambda: t("artist").select("name").like("name", "A%").order("name"),
    "not_like": lambda: t("genre").select("name").not_.like("name", "%o%").order("genre_id"),
    "ilike": lambda: t("track").select("track_id, name").ilike("name", "%LOVE%").order("track_id").limit(15),
    "like_all_of": lambda: t("artist").select("name").like_all_of("name", "A%,%e%").order("name"),
    "like_any_of": lambda: t("artist").select("name").like_any_of("name", "B%,%n").order("name"),
    "ilike_all_of": lambda: t("artist").select("name").ilike_all_of("name", "a%,%E%").order("name"),
    "ilike_any_of": lambda: t("artist").select("name").ilike_any_of("name", "b%,%N").order("name"),
    "in": lambda: t("genre").select("genre_id, name").in_("genre_id", [3, 1, 2]).order("genre_id"),
    "in_text": lambda: t("artist").select("*").in_("name", ARTISTS).order("artist_id"),
    "in_nothing": lambda: t("genre").select("name").in_("genre_id", []),
    "not_in": lambda: t("genre").select("genre_id").not_.in_("genre_id", [1, 2, 3]).order("genre_id"),
    "is_null": lambda: t("track").select("track_id, name, composer").is_("composer", None).order("track_id").limit(5),
    "is_not_null": lambda: t("customer").select("customer_id, company").not_.is_("company", "null").order("customer_id"),
    "is_true": lambda: t("review").select("review_id").is_("approved", True).order("review_id"),
    "is_false": lambda: t("review").select("review_id").is_("approved", False).order("review_id"),
    "is_distinct": lambda: t("review").select("review_id, feeling").filter("feeling", "isdistinct", "loud").order("review_id"),
    "not_eq": lambda: t("employee").select("employee_id").not_.eq("title", "IT Staff").order("employee_id"),
    "match_columns": lambda: t("album").select("*").match({"artist_id": 1, "title": "Let There Be Rock"}),
    "regex": lambda: t("artist").select("name").filter("name", "match", "^(The|Os) ").order("name"),
    "word_search": lambda: t("track").select("track_id, name").order("track_id").text_search("name", "rock & roll", {"config": "english"}),
    "plain_word_search": lambda: t("track").select("track_id, name").order("track_id")
    .text_search("name", "the rocks rolling", {"type": "plain", "config": "english"}),
    "web_search": lambda: t("track").select("track_id, name").order("track_id")
    .text_search("name", 'love -"of" or thunder', {"type": "web_search", "config": "english"}),
    "enum_eq": lambda: t("review").select("review_id, feeling").eq("feeling", "loud").order("review_id"),
    "array_contains": lambda: t("review").select("review_id, tags").contains("tags", ["live"]).order("review_id"),
    "array_contained": lambda: t("review").select("review_id, tags").contained_by("tags", ["guitar", "live", "other"]).order("review_id"),
    "array_overlaps": lambda: t("review").select("review_id, tags").overlaps("tags", ["too long", "guitar"]).order("review_id"),
    "json_contains": lambda: t("review").select("review_id, details").contains("details", {"device": "radio"}).order("review_id"),
    "range_left": lambda: t("review").select("review_id, heard").filter("heard", "sl", "[15,30)").order("review_id"),
    "range_right": lambda: t("review").select("review_id, heard").range_gt("heard", (0, 5)).order("review_id"),
    "range_not_right": lambda: t("review").select("review_id, heard").range_lte("heard", (0, 15)).order("review_id"),
    "range_adjacent": lambda: t("review").select("review_id, heard").range_adjacent("heard", (14, 20)).order("review_id"),
    "range_overlaps": lambda: t("review").select("review_id, heard").overlaps("heard", "[9,11)").order("review_id"),
    "json_path": lambda: t("review").select("review_id, details->loudness->peak, details->>device").order("review_id"),
    "json_path_filter": lambda: t("review").select("review_id").eq("details->>device", "radio").order("review_id"),
    # Trees of conditions.
    "or": lambda: t("genre").select("*").or_("name.eq.Jazz,genre_id.gt.20").order("genre_id"),
    "or_nested": lambda: t("track").select("track_id, milliseconds, unit_price")
    .or_("milliseconds.lt.100000,and(genre_id.eq.2,or(unit_price.gt.0.99,milliseconds.gt.400000))").order("track_id"),
    "or_negated": lambda: t("customer").select("customer_id, company, state").not_.or_("company.is.null,state.is.null").order("customer_id"),
    "or_with_lists": lambda: t("artist").select("*")
    .or_(f'artist_id.in.(1,2),name.in.(Queen,"{EDSON}"),name.ilike.*zeppelin*').order("artist_id"),
    "or_twice": lambda: t("track").select("track_id").or_("genre_id.eq.1,genre_id.eq.3")
    .or_("milliseconds.lt.200000,milliseconds.gt.500000").order("track_id").limit(25),
    # Order and pages.
    "order_down": lambda: t("genre").select("name").order("name", desc=True),
    "order_two": lambda: t("customer").select("customer_id, country, city").order("country").order("city", desc=True).order("customer_id"),
    "nulls_first": lambda: t("customer").select("customer_id, company").order("company", nullsfirst=True).order("customer_id").limit(60),
    "nulls_last": lambda: t("customer").select("customer_id, company").order("company", desc=True, nullsfirst=False).order("customer_id"),
    "order_by_parent": lambda: t("album").select("album_id, artist(name)").order("artist(name)", desc=True).order("album_id").limit(12),
    "limit": lambda: t("genre").select("genre_id").order("genre_id").limit(3),
    "range": lambda: t("genre").select("genre_id").order("genre_id").range(5, 9),
    "range_counted": lambda: t("genre").select("genre_id", count="exact").order("genre_id").range(5, 9),
    "count_only": lambda: t("track").select("*", count="exact", head=True).eq("genre_id", 1),
    "most_rows": lambda: t("track").select("track_id", count="exact").order("track_id"),
    "past_the_end": lambda: t("genre").select("*", count="exact").range(1000, 1009),
    # Columns.
    "all_columns": lambda: t("employee").select("*").order("employee_id"),
    "alias_and_cast": lambda: t("invoice").select("number:invoice_id, total::text, day:invoice_date::date").order("invoice_id").limit(10),
    "computed_fields": lambda: t("employee").select("employee_id, full_name").order("employee_id"),
    "view": lambda: t("album_overview").select("album_id, title, tracks, milliseconds").order("album_id").limit(10),
    "stripped": lambda: t("customer").select("customer_id, company, state, fax").order("customer_id").limit(12).strip_nulls(),
    # Embeds.
    "many_to_one": lambda: t("album").select("title, artist(name)").order("album_id").limit(10),
    "one_to_many": lambda: t("artist").select("name, album(title)").order("artist_id").order("album_id", foreign_table="album").limit(30),
    "many_to_many": lambda: t("playlist").select("*, track(track_id, name)").in_("playlist_id", [9, 16, 18, 2])
    .order("playlist_id").order("track_id", foreign_table="track"),
    "self_parent": lambda: t("employee").select("last_name, chief:reports_to(last_name, title)").order("employee_id"),
    "self_children": lambda: t("employee").select("last_name, team:employee(last_name)").order("employee_id")
    .order("employee_id", foreign_table="team"),
    "inner": lambda: t("album").select("album_id, artist!inner(name)").eq("artist.name", "AC/DC").order("album_id"),
    "inner_many": lambda: t("artist").select("artist_id, album!inner(title)", count="exact").ilike("album.title", "%rock%")
    .order("artist_id").order("album_id", foreign_table="album"),
    "three_levels": lambda: t("artist").select("name, album(title, track(name, genre(name)))").lte("artist_id", 3)
    .order("artist_id").order("album_id", foreign_table="album").order("track_id", foreign_table="album.track"),
    "embed_filter": lambda: t("album").select("album_id, track(name)").in_("artist_id", [1, 2]).gt("track.milliseconds", 300000)
    .order("album_id").order("track_id", foreign_table="track"),
    "embed_or": lambda: t("album").select("album_id, track(track_id)").in_("artist_id", [1, 2])
    .or_("milliseconds.gt.300000,name.ilike.%rock%", reference_table="track").order("album_id").order("track_id", foreign_table="track"),
    "embed_order_limit": lambda: t("album").select("album_id, track(name, milliseconds)").order("album_id").limit(8)
    .order("milliseconds", desc=True, foreign_table="track").order("track_id", foreign_table="track").limit(2, foreign_table="track"),
    "embed_alias_hint": lambda: t("customer").select("customer_id, agent:employee!support_rep_id(last_name)").order("customer_id").limit(12),
    "embed_count": lambda: t("artist").select("name, album(count)").order("artist_id").limit(9),
    "embed_missing": lambda: t("artist").select("artist_id, album()").is_("album", "null").order("artist_id").limit(20),
    # One row, other forms.
    "single": lambda: t("track").select("*").eq("track_id", 1).single(),
    "single_none": lambda: t("track").select("*").eq("track_id", -1).single(),
    "single_many": lambda: t("genre").select("*").order("genre_id").limit(3).single(),
    "maybe_one": lambda: t("genre").select("*").eq("genre_id", 2).maybe_single(),
    "csv": lambda: t("genre").select("genre_id, name").order("genre_id").csv(),
    # Functions.
    "call_scalar": lambda: service.rpc("track_minutes", {"track": 1}),
    "call_default": lambda: service.rpc("hello", {}),
    "call_named": lambda: service.rpc("hello", {"times": 2, "name": "you"}),
    "call_get": lambda: service.rpc("hello", {"name": "you"}, get=True),
    "call_setof": lambda: service.rpc("tracks_of_album", {"album": 4}).order("track_id"),
    "call_setof_filtered": lambda: service.rpc("tracks_of_album", {"album": 4}).select("track_id, name").gt("milliseconds", 200000)
    .order("milliseconds", desc=True).limit(3),
    "call_setof_counted": lambda: service.rpc("search_tracks", {"words": "love", "most": 30}, count="exact").select("track_id")
    .order("track_id").range(0, 1),
    "call_head": lambda: service.rpc("tracks_of_album", {"album": 1}, count="exact", head=True),
    "call_table": lambda: service.rpc("sales_by_country", {}).order("revenue", desc=True).order("country"),
    "call_table_joined": lambda: service.rpc("album_lengths", {"artist": 1}).order("title"),
    "call_void": lambda: service.rpc("rename_playlist", {"playlist": 18, "new_name": "On the road"}),
    "called_void": lambda: t("playlist").select("name").eq("playlist_id", 18),
    "call_overload_int": lambda: service.rpc("label", {"artist": 1}),
    "call_overload_text": lambda: service.rpc("label", {"genre": "Rock"}),
    "call_array_result": lambda: service.rpc("names_of_genres", {"ids": [3, 1]}),
    "call_json": lambda: service.rpc("describe_artist", {"artist": 1}),
    "call_jsonb_default": lambda: service.rpc("merged", {"a": {"a": 1}}),
    "call_that_writes": lambda: service.rpc("add_tracks_to_playlist", {"playlist": 18, "tracks": [1, 2, 3]}),
    "called_that_writes": lambda: t("playlist_track").select("track_id").eq("playlist_id", 18).order("track_id"),
    "call_composite": lambda: service.rpc("latest_invoice", {"customer": 5}),
    "call_setof_text": lambda: service.rpc("genre_names", {}),
    "call_raises": lambda: service.rpc("number_of", {"words": "no"}),
    "call_divides_by_nothing": lambda: service.rpc("shared", {"total": 1, "people": 0}),
    "call_unknown": lambda: service.rpc("no_such_thing", {"a": 1}),
    # Writes.
    "insert_one": lambda: t("artist").insert({"artist_id": 9001, "name": "Böse Überraschung"}).single(),
    "insert_plain": lambda: t("artist").insert({"artist_id": 9002, "name": None}, returning="minimal"),
    "insert_bulk": lambda: t("artist").insert([
        {"artist_id": 9003, "name": "Three"}, {"artist_id": 9004, "name": 'Four "quoted", comma'}, {"artist_id": 9005, "name": ""},
    ]),
    "insert_mixed": lambda: t("review").insert([
        {"review_id": 901, "track_id": 1, "reviewer": "eve", "stars": 2},
        {"review_id": 902, "track_id": 2, "reviewer": "eve", "stars": 3, "approved": True},
    ]),
    "insert_mixed_defaults": lambda: t("review").insert([
        {"review_id": 904, "track_id": 4, "reviewer": "eve", "stars": 2},
        {"review_id": 905, "track_id": 5, "reviewer": "eve", "stars": 3, "tags": ["x"]},
    ], default_to_null=False),
    "insert_types": lambda: t("review").insert({
        "review_id": 903, "track_id": 3, "reviewer": "eve", "stars": 5, "tags": ["a b", "c,d", None],
        "details": {"n": 1.5, "deep": [{"x": None}]}, "heard": "(1,5]", "wrote_at": "2026-05-05T05:05:05.5+02:00",
        "approved": False, "feeling": "odd",
    }).single(),
    "upsert_merge": lambda: t("artist").upsert([{"artist_id": 9001, "name": "Changed"}, {"artist_id": 9006, "name": "Six"}]),
    "upsert_ignore": lambda: t("artist").upsert(
        [{"artist_id": 9001, "name": "Not taken"}, {"artist_id": 9007, "name": "Seven"}], ignore_duplicates=True),
    "upsert_on_conflict": lambda: t("review").upsert({"track_id": 1, "reviewer": "eve", "stars": 4}, on_conflict="track_id,reviewer")
    .select("track_id, reviewer, stars"),
    "upserted": lambda: t("artist").select("*").gt("artist_id", 9000).order("artist_id"),
    "update": lambda: t("artist").update({"name": "Renamed"}).eq("artist_id", 9001),
    "update_many": lambda: t("artist").update({"name": "All of them"}, count="exact").in_("artist_id", [9003, 9004]).select("artist_id, name"),
    "update_none": lambda: t("artist").update({"name": "x"}).eq("artist_id", -1),
    "update_null": lambda: t("review").update({"feeling": None, "tags": [], "details": {"k": [1]}}).eq("review_id", 903),
    "updated": lambda: t("artist").select("*").gt("artist_id", 9000).order("artist_id"),
    "delete": lambda: t("artist").delete().in_("artist_id", [9003, 9004]).select("artist_id"),
    "delete_plain": lambda: t("artist").delete(returning="minimal").eq("artist_id", 9005),
    "delete_counted": lambda: t("review").delete(count="exact", returning="minimal").eq("reviewer", "eve"),
    "deleted": lambda: t("artist").select("artist_id").gt("artist_id", 9000).order("artist_id"),
    # Errors of the database.
    "unique_error": lambda: t("artist").insert({"artist_id": 1, "name": "again"}),
    "foreign_key_error": lambda: t("album").insert({"album_id": 9100, "title": "x", "artist_id": 999999}),
    "foreign_key_delete_error": lambda: t("artist").delete().eq("artist_id", 1),
    "not_null_error": lambda: t("album").insert({"album_id": 9101, "title": None, "artist_id": 1}),
    "check_error": lambda: t("review").insert({"review_id": 998, "track_id": 1, "reviewer": "zoe", "stars": 9, "wrote_at": NEW_YEAR}),
    "bad_integer_error": lambda: t("album").select("*").eq("album_id", "one"),
    "unknown_column_error": lambda: t("album").select("titel"),
    "unknown_table_error": lambda: t("albums").select("*"),
    "unknown_embed_error": lambda: t("album").select("*, playlist(*)"),
    # Rights.
    "anon_reads": lambda: anon.table("genre").select("*").order("genre_id"),
    "anon_sees_no_videos": lambda: anon.table("track").select("*", count="exact", head=True),
    "anon_sees_no_employees": lambda: anon.table("employee").select("*"),
    "anon_reviews": lambda: anon.table("review").select("review_id, stars").order("review_id"),
    "anon_cannot_insert": lambda: anon.table("artist").insert({"artist_id": 9200, "name": "anon"}, returning="minimal"),
    "anon_cannot_call": lambda: anon.rpc("revenue", {}),
    "anon_who": lambda: anon.rpc("whoami", {}),
    "member_sees_all_tracks": lambda: member.table("track").select("*", count="exact", head=True),
    "member_who": lambda: member.rpc("whoami", {}),
    "member_revenue": lambda: member.rpc("revenue", {}),
    "buyer_invoices": lambda: buyer.table("invoice").select("invoice_id, customer_id, total").order("invoice_id"),
    "buyer_invoice_tree": lambda: buyer.table("invoice").select("invoice_id, invoice_line(quantity, track(name))")
    .order("invoice_id").order("invoice_line_id", foreign_table="invoice_line"),
    "buyer_changes_no_other": lambda: buyer.table("customer").update({"fax": "123"}).eq("customer_id", 6),
    "buyer_cannot_become_other": lambda: buyer.table("customer").update({"customer_id": 7777}, returning="minimal").eq("customer_id", 5),
    "buyer_orders_for_no_other": lambda: buyer.table("invoice")
    .insert({"invoice_id": 9301, "customer_id": 6, "invoice_date": "2026-02-02", "total": "1.98"}, returning="minimal"),
    "rep_customers": lambda: rep.table("customer").select("customer_id, last_name").order("customer_id"),
    "rep_playlist": lambda: rep.table("playlist").insert({"playlist_id": 9001, "name": "Mine"}),
    "rep_adds_tracks": lambda: rep.rpc("add_tracks_to_playlist", {"playlist": 9001, "tracks": [1, 2, 2]}),
    "rep_own_record": lambda: rep.table("employee").update({"city": "Banff"}).in_("employee_id", [3, 4]).select("employee_id, city"),
    "manager_customers": lambda: manager.table("customer").select("*", count="exact", head=True),
    "manager_sales": lambda: manager.rpc("sales_by_country", {}).order("country"),
}


def ask(query) -> dict:
    last.clear()
    try:
        answer = query().execute()
        data, count, error = (answer.data, answer.count, None) if answer is not None else (None, None, None)
    except APIError as refused:
        data, count = None, None
        error = {"code": refused.code, "message": refused.message, "details": refused.details, "hint": refused.hint}
    except Exception:
        return {"thrown": traceback.format_exc(), **last}
    return {"data": data, "count": count, "error": error, **last}


json.dump({name: ask(query) for name, query in CASES.items()}, sys.stdout)

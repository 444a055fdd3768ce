-- What PostgreSQL itself answers to each query of the client scripts, by name.
--
-- `--= name KIND [as WHO] [STATUS]` begins an answer. WHO is service (default), anon, buyer, rep, manager, member.
-- KIND: rows, row (the first), value (JSON), change and changed (rows, the row that a statement returns),
-- done (no data), csv, fails (PostgreSQL's own error), literal (JSON, for what PostgreSQL has no word for).
-- A second statement after a line `--count` tells the count.

-- Filters.
--= eq rows
select album_id, title from album where artist_id = 1 order by album_id
--= neq rows
select * from genre where name <> 'Rock' order by genre_id
--= gt rows
select invoice_id, total from invoice where total > 10 order by invoice_id
--= gte rows
select track_id, milliseconds from track where milliseconds >= 500000 order by track_id limit 20
--= lt rows
select invoice_line_id, unit_price from invoice_line where unit_price < 1.00 order by invoice_line_id limit 7
--= lte rows
select invoice_id, invoice_date, total from invoice where invoice_date <= '2021-02-01' order by invoice_id
--= between_dates rows
select invoice_id, invoice_date from invoice where invoice_date >= '2021-01-03' and invoice_date < '2021-03-01' order by invoice_id
--= like rows
select name from artist where name like 'A%' order by name
--= not_like rows
select name from genre where not name like '%o%' order by genre_id
--= like_star rows
select name from artist where name like '%C/%' order by name
--= ilike rows
select track_id, name from track where name ilike '%LOVE%' order by track_id limit 15
--= like_all_of rows
select name from artist where name like all (array['A%', '%e%']) order by name
--= like_any_of rows
select name from artist where name like any (array['B%', '%n']) order by name
--= ilike_all_of rows
select name from artist where name ilike all (array['a%', '%E%']) order by name
--= ilike_any_of rows
select name from artist where name ilike any (array['b%', '%N']) order by name
--= in rows
select genre_id, name from genre where genre_id in (3, 1, 2) order by genre_id
--= in_text rows
select artist_id, name from artist where name in ('AC/DC', 'Guns N'' Roses', 'Edson, DJ Marky & DJ Patife Featuring Fernanda Porto', 'nobody') order by artist_id
--= in_nothing rows
select name from genre where false
--= not_in rows
select genre_id from genre where genre_id not in (1, 2, 3) order by genre_id
--= is_null rows
select track_id, name, composer from track where composer is null order by track_id limit 5
--= is_not_null rows
select customer_id, company from customer where company is not null order by customer_id
--= is_true rows
select review_id from review where approved is true order by review_id
--= is_false rows
select review_id from review where approved is false order by review_id
--= is_unknown rows
select review_id from review where approved is unknown order by review_id
--= is_distinct rows
select review_id, feeling from review where feeling is distinct from 'loud' order by review_id
--= not_eq rows
select employee_id from employee where not title = 'IT Staff' order by employee_id
--= match_columns rows
select * from album where artist_id = 1 and title = 'Let There Be Rock'
--= regex rows
select name from artist where name ~ '^(The|Os) ' order by name
--= regex_any_case rows
select name from artist where name ~* 'SANTANA|metal' order by name
--= word_search rows
select track_id, name from track where to_tsvector('english', name) @@ to_tsquery('english', 'rock & roll') order by track_id
--= plain_word_search rows
select track_id, name from track where to_tsvector('english', name) @@ plainto_tsquery('english', 'the rocks rolling') order by track_id
--= phrase_search rows
select track_id, name from track where to_tsvector('simple', name) @@ phraseto_tsquery('simple', 'let there be') order by track_id
--= web_search rows
select track_id, name from track where to_tsvector('english', name) @@ websearch_to_tsquery('english', 'love -"of" or thunder') order by track_id
--= gt_all rows
select track_id from track where milliseconds > all (array[300000, 400000]) order by track_id limit 9
--= eq_any rows
select genre_id from genre where genre_id = any (array[1, 5, 7]) order by genre_id
--= enum_eq rows
select review_id, feeling from review where feeling = 'loud' order by review_id
--= enum_order rows
select review_id, feeling from review where feeling > 'calm' order by feeling desc, review_id
--= array_contains rows
select review_id, tags from review where tags @> '{live}' order by review_id
--= array_contained rows
select review_id, tags from review where tags <@ '{guitar,live,other}' order by review_id
--= array_overlaps rows
select review_id, tags from review where tags && '{"too long",guitar}' order by review_id
--= json_contains rows
select review_id, details from review where details @> '{"device": "radio"}' order by review_id
--= range_left rows
select review_id, heard from review where heard << '[15,30)' order by review_id
--= range_right rows
select review_id, heard from review where heard >> '[1,5)' order by review_id
--= range_not_right rows
select review_id, heard from review where heard &< '[1,15)' order by review_id
--= range_not_left rows
select review_id, heard from review where heard &> '[5,8)' order by review_id
--= range_adjacent rows
select review_id, heard from review where heard -|- '[15,20)' order by review_id
--= range_overlaps rows
select review_id, heard from review where heard && '[9,11)' order by review_id
--= range_contains rows
select review_id, heard from review where heard @> '[12,14)' order by review_id
--= timestamptz_gte rows
select review_id, wrote_at from review where wrote_at >= '2026-01-04 01:00:00+01' order by review_id
--= json_path rows
select review_id, details -> 'loudness' -> 'peak' as peak, details ->> 'device' as device from review order by review_id
--= json_path_filter rows
select review_id from review where details ->> 'device' = 'radio' order by review_id
--= json_path_compare rows
select review_id, details from review where details -> 'loudness' -> 'peak' > '5' order by details -> 'loudness' -> 'peak' desc, review_id
--= json_index rows
select review_id, details -> 'skips' -> 0 as skips, tags -> 0 as tags from (select review_id, details, to_jsonb(tags) as tags from review) r order by review_id

-- Trees of conditions.
--= or rows
select genre_id, name from genre where name = 'Jazz' or genre_id > 20 order by genre_id
--= or_nested rows
select track_id, milliseconds, unit_price from track where milliseconds < 100000 or (genre_id = 2 and (unit_price > 0.99 or milliseconds > 400000)) order by track_id
--= or_negated rows
select customer_id, company, state from customer where not (company is null or state is null) order by customer_id
--= or_with_lists rows
select artist_id, name from artist where artist_id in (1, 2) or name in ('Queen', 'Edson, DJ Marky & DJ Patife Featuring Fernanda Porto') or name ilike '%zeppelin%' order by artist_id
--= or_twice rows
select track_id from track where (genre_id = 1 or genre_id = 3) and (milliseconds < 200000 or milliseconds > 500000) order by track_id limit 25
--= or_arrays rows
select review_id from review where tags @> '{live,loud}' or stars = 1 order by review_id

-- Order and pages.
--= order_down rows
select name from genre order by name desc
--= order_two rows
select customer_id, country, city from customer order by country, city desc, customer_id
--= nulls_first rows
select customer_id, company from customer order by company nulls first, customer_id limit 60
--= nulls_last rows
select customer_id, company from customer order by company desc nulls last, customer_id
--= order_by_parent rows
select a.album_id, json_build_object('name', r.name) as artist from album a join artist r on r.artist_id = a.artist_id order by r.name desc, a.album_id limit 12
--= limit rows
select genre_id from genre order by genre_id limit 3
--= range rows
select genre_id from genre order by genre_id limit 5 offset 5
--= range_counted rows
select genre_id from genre order by genre_id limit 5 offset 5
--count
select count(*) from genre
--= count_only done
--count
select count(*) from track where genre_id = 1
--= counted_filter rows
select track_id from track where composer is null order by track_id limit 2
--count
select count(*) from track where composer is null
--= most_rows rows
select track_id from track order by track_id limit 1000
--count
select count(*) from track
--= past_the_end literal
{"error": {"code": "PGRST103", "message": "Requested range not satisfiable"}, "status": 416}

-- Columns.
--= all_columns rows
select * from employee order by employee_id
--= alias_and_cast rows
select invoice_id as number, total::text as total, invoice_date::date as day from invoice order by invoice_id limit 10
--= computed_fields rows
select e.employee_id, full_name(e) as full_name from employee e order by e.employee_id
--= computed_field_filter rows
select a.album_id, track_count(a) as track_count from album a where track_count(a) > 9 order by track_count(a) desc, a.album_id limit 10
--= view rows
select album_id, title, tracks, milliseconds from album_overview order by album_id limit 10
--= view_embed rows
select o.tracks, json_build_object('name', r.name) as artist from album_overview o join artist r on r.artist_id = o.artist_id where o.tracks >= 5 order by o.album_id limit 10
--= stripped value
select json_agg(json_strip_nulls(row_to_json(c))) from (select customer_id, company, state, fax from customer order by customer_id limit 12) c

-- Embeds.
--= many_to_one rows
select a.title, json_build_object('name', r.name) as artist from album a left join artist r on r.artist_id = a.artist_id order by a.album_id limit 10
--= one_to_many rows
select r.name, (select coalesce(json_agg(json_build_object('title', a.title) order by a.album_id), '[]') from album a where a.artist_id = r.artist_id) as album
from artist r order by r.artist_id limit 30
--= many_to_many rows
select p.playlist_id, p.name, (select coalesce(json_agg(json_build_object('track_id', t.track_id, 'name', t.name) order by t.track_id), '[]')
  from playlist_track x join track t on t.track_id = x.track_id where x.playlist_id = p.playlist_id) as track
from playlist p where p.playlist_id in (9, 16, 18, 2) order by p.playlist_id
--= many_to_many_back rows
select t.track_id, (select coalesce(json_agg(json_build_object('playlist_id', p.playlist_id) order by p.playlist_id), '[]')
  from playlist_track x join playlist p on p.playlist_id = x.playlist_id where x.track_id = t.track_id) as playlist
from track t where t.track_id <= 5 order by t.track_id
--= self_parent rows
select e.last_name, (select json_build_object('last_name', b.last_name, 'title', b.title) from employee b where b.employee_id = e.reports_to) as chief
from employee e order by e.employee_id
--= self_children rows
select e.last_name, (select coalesce(json_agg(json_build_object('last_name', b.last_name) order by b.employee_id), '[]') from employee b where b.reports_to = e.employee_id) as team
from employee e order by e.employee_id
--= inner rows
select a.album_id, json_build_object('name', r.name) as artist from album a join artist r on r.artist_id = a.artist_id where r.name = 'AC/DC' order by a.album_id
--= inner_many rows
select r.artist_id, (select json_agg(json_build_object('title', a.title) order by a.album_id) from album a where a.artist_id = r.artist_id and a.title ilike '%rock%') as album
from artist r where exists (select 1 from album a where a.artist_id = r.artist_id and a.title ilike '%rock%') order by r.artist_id
--count
select count(*) from artist r where exists (select 1 from album a where a.artist_id = r.artist_id and a.title ilike '%rock%')
--= three_levels rows
select r.name, (select coalesce(json_agg(json_build_object('title', a.title, 'track',
    (select coalesce(json_agg(json_build_object('name', t.name, 'genre', (select json_build_object('name', g.name) from genre g where g.genre_id = t.genre_id)) order by t.track_id), '[]')
     from track t where t.album_id = a.album_id)) order by a.album_id), '[]') from album a where a.artist_id = r.artist_id) as album
from artist r where r.artist_id <= 3 order by r.artist_id
--= embed_filter rows
select a.album_id, (select coalesce(json_agg(json_build_object('name', t.name) order by t.track_id), '[]') from track t where t.album_id = a.album_id and t.milliseconds > 300000) as track
from album a where a.artist_id in (1, 2) order by a.album_id
--= embed_or rows
select a.album_id, (select coalesce(json_agg(json_build_object('track_id', t.track_id) order by t.track_id), '[]') from track t
  where t.album_id = a.album_id and (t.milliseconds > 300000 or t.name ilike '%rock%')) as track
from album a where a.artist_id in (1, 2) order by a.album_id
--= embed_order_limit rows
select a.album_id, (select coalesce(json_agg(x), '[]') from (select t.name, t.milliseconds from track t where t.album_id = a.album_id order by t.milliseconds desc, t.track_id limit 2) x) as track
from album a order by a.album_id limit 8
--= embed_offset rows
select a.album_id, (select coalesce(json_agg(x), '[]') from (select t.track_id from track t where t.album_id = a.album_id order by t.track_id limit 2 offset 1) x) as track
from album a order by a.album_id limit 8
--= embed_alias_hint rows
select c.customer_id, (select json_build_object('last_name', e.last_name) from employee e where e.employee_id = c.support_rep_id) as agent
from customer c order by c.customer_id limit 12
--= embed_by_constraint rows
select c.customer_id, (select json_build_object('email', e.email) from employee e where e.employee_id = c.support_rep_id) as employee
from customer c order by c.customer_id desc limit 6
--= embed_spread rows
select a.title, r.name as name from album a left join artist r on r.artist_id = a.artist_id order by a.album_id limit 6
--= embed_count rows
select r.name, json_build_array(json_build_object('count', (select count(*) from album a where a.artist_id = r.artist_id))) as album from artist r order by r.artist_id limit 9
--= embed_missing rows
select a.artist_id from artist a where not exists (select 1 from album b where b.artist_id = a.artist_id) order by a.artist_id limit 20
--= embed_not_missing rows
select t.track_id from track t where exists (select 1 from review r where r.track_id = t.track_id) order by t.track_id
--= embed_two rows
select i.invoice_id, i.total, (select json_build_object('last_name', c.last_name, 'employee', (select json_build_object('last_name', e.last_name) from employee e where e.employee_id = c.support_rep_id)) from customer c where c.customer_id = i.customer_id) as customer,
  (select json_agg(json_build_object('quantity', l.quantity, 'track', (select json_build_object('name', t.name) from track t where t.track_id = l.track_id)) order by l.invoice_line_id) from invoice_line l where l.invoice_id = i.invoice_id) as invoice_line
from invoice i order by i.invoice_id limit 5

-- One row, other forms.
--= single row
select * from track where track_id = 1
--= single_none literal
{"error": {"code": "PGRST116", "message": "Cannot coerce the result to a single JSON object", "details": "The result contains 0 rows"}, "status": 406}
--= single_many literal
{"error": {"code": "PGRST116", "message": "Cannot coerce the result to a single JSON object", "details": "The result contains 3 rows"}, "status": 406}
--= maybe_none literal
{"data": null, "error": null}
--= maybe_one row
select * from genre where genre_id = 2
--= csv csv
select genre_id, name from genre order by genre_id
--= csv_quotes csv
select review_id, tags, details, approved from review order by review_id

-- Functions.
--= call_scalar value
select to_json(track_minutes(1))
--= call_default value
select to_json(hello())
--= call_named value
select to_json(hello(times => 2, name => 'you'))
--= call_get value
select to_json(hello('you'))
--= call_setof rows
select * from tracks_of_album(4) order by track_id
--= call_setof_filtered rows
select track_id, name from tracks_of_album(4) where milliseconds > 200000 order by milliseconds desc limit 3
--= call_setof_embed rows
select t.name, (select json_build_object('title', a.title) from album a where a.album_id = t.album_id) as album from tracks_of_album(1) t order by t.track_id
--= call_setof_counted rows
select track_id from search_tracks('love', most => 30) order by track_id limit 2
--count
select count(*) from search_tracks('love', most => 30)
--= call_setof_defaults rows
select track_id, name from search_tracks('rock', genre_name => 'Rock', most => 5)
--= call_head done
--count
select count(*) from tracks_of_album(1)
--= call_table rows
select * from sales_by_country() order by revenue desc, country
--= call_table_filtered rows
select country, revenue from sales_by_country(20) where invoices > 2 order by country
--= call_table_joined rows
select * from album_lengths(1) order by title
--= call_void done
select rename_playlist(18, 'On the road')
--= called_void rows
select name from playlist where playlist_id = 18
--= call_overload_int value
select to_json(label(artist => 1))
--= call_overload_text value
select to_json(label(genre => 'Rock'))
--= call_array_result value
select to_json(names_of_genres('{3,1}'))
--= call_array_get value
select to_json(names_of_genres('{2,4}'))
--= call_numeric_array value
select to_json(sum_of('{1.50,2.25,3}'))
--= call_json value
select describe_artist(1)
--= call_jsonb value
select to_json(merged('{"a": 1, "more": false}', '{"b": [1, 2.5]}'))
--= call_jsonb_default value
select to_json(merged('{"a": 1}'))
--= call_that_writes value
select to_json(add_tracks_to_playlist(18, '{1,2,3}'))
--= called_that_writes rows
select track_id from playlist_track where playlist_id = 18 order by track_id
--= call_composite row
select * from latest_invoice(5)
--= call_setof_text value
select json_agg(n) from genre_names() n
--= call_out row
select * from split_name('Ada Lovelace')
--= call_variadic value
select to_json(longest('one', 'three', 'seven'))
--= call_raises fails 400
select number_of('no')
--= call_divides_by_nothing fails 400
select shared(1, 0)
--= call_unknown literal
{"error": {"code": "PGRST202", "message": "Could not find the function public.no_such_thing(a) in the schema cache"}, "status": 404}
--= call_bad_argument fails 400
select track_minutes('one'::text::int)

-- Writes.
--= insert_one changed 201
insert into artist (artist_id, name) values (9001, 'Böse Überraschung') returning *
--= insert_plain done 201
insert into artist (artist_id, name) values (9002, null)
--= insert_bulk change 201
insert into artist (artist_id, name) values (9003, 'Three'), (9004, 'Four "quoted", comma'), (9005, '') returning artist_id, name
--= insert_mixed change 201
insert into review (review_id, track_id, reviewer, stars, approved) values (901, 1, 'eve', 2, null), (902, 2, 'eve', 3, true) returning *
--= insert_mixed_nulls fails 400
insert into review (review_id, track_id, reviewer, stars, tags, wrote_at) values (904, 4, 'eve', 2, null, '2026-01-01 00:00:00+00'), (905, 5, 'eve', 3, '{x}', '2026-01-01 00:00:00+00') returning *
--= insert_mixed_defaults change 201
insert into review (review_id, track_id, reviewer, stars, tags) values (904, 4, 'eve', 2, default), (905, 5, 'eve', 3, '{x}') returning *
--= insert_types changed 201
insert into review (review_id, track_id, reviewer, stars, tags, details, heard, wrote_at, approved, feeling)
values (903, 3, 'eve', 5, '{"a b","c,d",NULL}', '{"n": 1.5, "deep": [{"x": null}]}', '(1,5]', '2026-05-05 05:05:05.5+02', false, 'odd') returning *
--= insert_numbers changed 201
insert into invoice (invoice_id, customer_id, invoice_date, total) values (9001, 1, '2026-01-01', 12.5) returning *
--= insert_with_embed changed 201
with r as (insert into album (album_id, title, artist_id) values (9001, 'New', 1) returning *) select r.album_id, json_build_object('name', a.name) as artist from r join artist a using (artist_id)
--= insert_serial changed 201
insert into genre (name) values ('Client music') returning name
--= upsert_merge change 201
insert into artist (artist_id, name) values (9001, 'Changed'), (9006, 'Six') on conflict (artist_id) do update set name = excluded.name returning *
--= upsert_ignore change 201
insert into artist (artist_id, name) values (9001, 'Not taken'), (9007, 'Seven') on conflict (artist_id) do nothing returning *
--= upsert_on_conflict change 200
insert into review (track_id, reviewer, stars) values (1, 'eve', 4) on conflict (track_id, reviewer) do update set stars = excluded.stars returning track_id, reviewer, stars
--= upserted rows
select artist_id, name from artist where artist_id > 9000 order by artist_id
--= update changed
update artist set name = 'Renamed' where artist_id = 9001 returning *
--= update_many change
update artist set name = 'All of them' where artist_id in (9003, 9004) returning artist_id, name
--count
select 2
--= update_none change
update artist set name = 'x' where artist_id = -1 returning *
--= update_plain done 204
update artist set name = 'Quiet' where artist_id = 9005
--= update_null changed
update review set feeling = null, tags = '{}', details = '{"k": [1]}' where review_id = 903 returning *
--= update_with_embed changed
with r as (update album set title = 'Newer' where album_id = 9001 returning *) select r.title, json_build_object('name', a.name) as artist from r join artist a using (artist_id)
--= updated rows
select artist_id, name from artist where artist_id > 9000 order by artist_id
--= delete change
delete from artist where artist_id in (9003, 9004) returning artist_id
--= delete_plain done 204
delete from artist where artist_id = 9005
--= delete_counted done 204
delete from review where reviewer = 'eve'
--count
select 5
--= deleted rows
select artist_id from artist where artist_id > 9000 order by artist_id

-- Errors of the database.
--= unique_error fails 409
insert into artist (artist_id, name) values (1, 'again')
--= unique_pair_error fails 409
insert into review (review_id, track_id, reviewer, stars) values (999, 1, 'ann', 1)
--= foreign_key_error fails 409
insert into album (album_id, title, artist_id) values (9100, 'x', 999999)
--= foreign_key_delete_error fails 409
delete from artist where artist_id = 1
--= not_null_error fails 400
insert into album (album_id, title, artist_id) values (9101, null, 1)
--= check_error fails 400
insert into review (review_id, track_id, reviewer, stars, wrote_at) values (998, 1, 'zoe', 9, '2026-01-01 00:00:00+00')
--= too_long_error fails 400
update customer set postal_code = 'far too long for a code' where customer_id = 1
--= overflow_error fails 400
update invoice set total = 123456789012 where invoice_id = 1
--= bad_integer_error fails 400
select * from album where album_id = 'one'
--= bad_enum_error fails 400
select * from review where feeling = 'sad'
--= bad_date_error fails 400
select * from invoice where invoice_date = 'someday'
--= bad_regex_error fails 400
select * from artist where name ~ '('
--= no_operator_error fails 404
select * from album where album_id like 'x%'
--= unknown_column_error fails 400
select album.titel from album
--= unknown_table_error literal
{"error": {"code": "PGRST205", "message": "Could not find the table 'public.albums' in the schema cache", "hint": "Perhaps you meant the table 'public.album'"}, "status": 404}
--= unknown_embed_error literal
{"error": {"code": "PGRST200", "message": "Could not find a relationship between 'album' and 'playlist' in the schema cache"}, "status": 400}
--= unknown_body_column_error literal
{"error": {"code": "PGRST204", "message": "Could not find the 'nam' column of 'artist' in the schema cache"}, "status": 400}
--= syntax_error literal
{"error": {"code": "PGRST100", "message": "\"failed to parse filter (foo.1)\" (line 1, column 1)"}, "status": 400}

-- Rights.
--= anon_reads rows as anon
select genre_id, name from genre order by genre_id
--= anon_sees_no_videos done as anon
--count
select count(*) from track
--= anon_album_tracks rows as anon
select a.album_id, (select coalesce(json_agg(json_build_object('track_id', t.track_id) order by t.track_id), '[]') from track t where t.album_id = a.album_id) as track
from album a where a.album_id in (1, 226, 227) order by a.album_id
--= anon_sees_no_employees rows as anon
select * from employee
--= anon_sees_no_invoices done as anon
--count
select count(*) from invoice
--= anon_reviews rows as anon
select review_id, stars from review order by review_id
--= anon_cannot_insert fails as anon 401
insert into artist (artist_id, name) values (9200, 'anon')
--= anon_changes_nothing change as anon
update artist set name = 'x' where artist_id = 1 returning *
--= anon_deletes_nothing change as anon
delete from artist where artist_id = 2 returning *
--= anon_cannot_call literal
{"error": {"code": "42501", "message": "permission denied for function revenue"}, "status": 401}
--= anon_who value as anon
select whoami()
--= member_sees_all_tracks done as member
--count
select count(*) from track
--= member_sees_employees rows as member
select employee_id, last_name from employee order by employee_id
--= member_sees_no_customers rows as member
select * from customer
--= member_who value as member
select whoami()
--= member_revenue value as member
select to_json(revenue())
--= buyer_customer rows
select * from customer where customer_id = 5
--= buyer_invoices rows
select invoice_id, customer_id, total from invoice where customer_id = 5 order by invoice_id
--= buyer_invoice_tree rows
select i.invoice_id, (select json_agg(json_build_object('quantity', l.quantity, 'track', (select json_build_object('name', t.name) from track t where t.track_id = l.track_id)) order by l.invoice_line_id)
  from invoice_line l where l.invoice_id = i.invoice_id) as invoice_line
from invoice i where i.customer_id = 5 order by i.invoice_id
--= buyer_lines done
--count
select count(*) from invoice_line l join invoice i using (invoice_id) where i.customer_id = 5
--= buyer_function rows
select * from invoice where customer_id = 5 order by invoice_id
--= buyer_sales rows as buyer
select * from sales_by_country()
--= buyer_changes_self change as buyer
update customer set fax = '123' where customer_id = 5 returning customer_id, fax
--= buyer_changes_no_other change as buyer
update customer set fax = '123' where customer_id = 6 returning customer_id
--= buyer_cannot_become_other fails as buyer 403
update customer set customer_id = 7777 where customer_id = 5
--= buyer_orders change as buyer 201
insert into invoice (invoice_id, customer_id, invoice_date, total) values (9300, 5, '2026-02-02', 1.98) returning invoice_id, total
--= buyer_orders_for_no_other fails as buyer 403
insert into invoice (invoice_id, customer_id, invoice_date, total) values (9301, 6, '2026-02-02', 1.98)
--= buyer_cannot_add_tracks fails as buyer 403
insert into playlist_track (playlist_id, track_id) values (2, 1)
--= rep_customers rows
select customer_id, last_name from customer where support_rep_id = 3 order by customer_id
--= rep_invoice_count done
--count
select count(*) from invoice i join customer c using (customer_id) where c.support_rep_id = 3
--= rep_customers_with_invoices rows as rep
select c.customer_id, (select coalesce(json_agg(json_build_object('total', i.total) order by i.invoice_id), '[]') from invoice i where i.customer_id = c.customer_id) as invoice
from customer c order by c.customer_id limit 5
--= rep_playlist change as rep 201
insert into playlist (playlist_id, name) values (9001, 'Mine') returning *
--= rep_nameless_playlist fails as rep 403
insert into playlist (playlist_id, name) values (9002, null)
--= rep_adds_tracks value as rep
select to_json(add_tracks_to_playlist(9001, '{1,2,2}'))
--= rep_keeps_first_playlist change as rep
delete from playlist_track where playlist_id = 1 and track_id = 1 returning *
--= rep_removes change as rep
delete from playlist_track where playlist_id = 9001 and track_id = 1 returning *
--= rep_own_record change as rep
update employee set city = 'Banff' where employee_id in (3, 4) returning employee_id, city
--= manager_customers done
--count
select count(*) from customer
--= manager_sales rows
select billing_country as country, count(*) as invoices, sum(total) as revenue from invoice group by 1 order by 1

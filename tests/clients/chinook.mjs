// Asks the server with supabase-js what chinook_answers.sql answers with plain SQL.
//
// Reads `{url, key, secret, tokens}` as JSON from the environment, prints `{name: result}` in the order of asking.

import { createClient } from '@supabase/supabase-js';
import ws from 'ws';

const { url, key, secret, tokens } = JSON.parse(process.env.BACKSTAY_CHINOOK);

let body = null;
// Numbers lose their scale in JavaScript, so that the text is kept beside what the client made of it.
async function recorded(target, options) {
  const answer = await fetch(target, options);
  body = await answer.clone().text();
  return answer;
}

function client(apiKey, token) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  return createClient(url, apiKey, {
    auth: { persistSession: false, autoRefreshToken: false },
    global: { fetch: recorded, headers },
    realtime: { transport: ws },
  });
}

const service = client(secret);
const anon = client(key);
const [buyer, rep, manager, member] = ['buyer', 'rep', 'manager', 'member'].map((who) => client(key, tokens[who]));
const from = (table) => service.from(table);
const artists = 'AC/DC|Guns N\' Roses|Edson, DJ Marky & DJ Patife Featuring Fernanda Porto|nobody'.split('|');
const exact = { count: 'exact' };
const counted = { count: 'exact', head: true };
const sorted = (name) => ({ referencedTable: name });

const cases = {
  // Filters.
  eq: () => from('album').select('album_id, title').eq('artist_id', 1).order('album_id'),
  neq: () => from('genre').select().neq('name', 'Rock').order('genre_id'),
  gt: () => from('invoice').select('invoice_id, total').gt('total', 10).order('invoice_id'),
  gte: () => from('track').select('track_id, milliseconds').gte('milliseconds', 500000).order('track_id').limit(20),
  lt: () => from('invoice_line').select('invoice_line_id, unit_price').lt('unit_price', '1.00').order('invoice_line_id').limit(7),
  lte: () => from('invoice').select('invoice_id, invoice_date, total').lte('invoice_date', '2021-02-01').order('invoice_id'),
  between_dates: () => from('invoice').select('invoice_id, invoice_date')
    .gte('invoice_date', new Date('2021-01-03').toISOString()).lt('invoice_date', '2021-03-01').order('invoice_id'),
  like: () => from('artist').select('name').like('name', 'A%').order('name'),
  not_like: () => from('genre').select('name').not('name', 'like', '%o%').order('genre_id'),
  like_star: () => from('artist').select('name').filter('name', 'like', '*C/*').order('name'),
  ilike: () => from('track').select('track_id, name').ilike('name', '%LOVE%').order('track_id').limit(15),
  like_all_of: () => from('artist').select('name').likeAllOf('name', ['A%', '%e%']).order('name'),
  like_any_of: () => from('artist').select('name').likeAnyOf('name', ['B%', '%n']).order('name'),
  ilike_all_of: () => from('artist').select('name').ilikeAllOf('name', ['a%', '%E%']).order('name'),
  ilike_any_of: () => from('artist').select('name').ilikeAnyOf('name', ['b%', '%N']).order('name'),
  in: () => from('genre').select('genre_id, name').in('genre_id', [3, 1, 2]).order('genre_id'),
  in_text: () => from('artist').select().in('name', artists).order('artist_id'),
  in_nothing: () => from('genre').select('name').in('genre_id', []),
  not_in: () => from('genre').select('genre_id').not('genre_id', 'in', '(1,2,3)').order('genre_id'),
  is_null: () => from('track').select('track_id, name, composer').is('composer', null).order('track_id').limit(5),
  is_not_null: () => from('customer').select('customer_id, company').not('company', 'is', null).order('customer_id'),
  is_true: () => from('review').select('review_id').is('approved', true).order('review_id'),
  is_false: () => from('review').select('review_id').is('approved', false).order('review_id'),
  is_unknown: () => from('review').select('review_id').filter('approved', 'is', 'unknown').order('review_id'),
  is_distinct: () => from('review').select('review_id, feeling').filter('feeling', 'isdistinct', 'loud').order('review_id'),
  not_eq: () => from('employee').select('employee_id').not('title', 'eq', 'IT Staff').order('employee_id'),
  match_columns: () => from('album').select().match({ artist_id: 1, title: 'Let There Be Rock' }),
  regex: () => from('artist').select('name').filter('name', 'match', '^(The|Os) ').order('name'),
  regex_any_case: () => from('artist').select('name').filter('name', 'imatch', 'SANTANA|metal').order('name'),
  word_search: () => from('track').select('track_id, name').textSearch('name', 'rock & roll', { config: 'english' }).order('track_id'),
  plain_word_search: () => from('track').select('track_id, name')
    .textSearch('name', 'the rocks rolling', { type: 'plain', config: 'english' }).order('track_id'),
  phrase_search: () => from('track').select('track_id, name')
    .textSearch('name', 'let there be', { type: 'phrase', config: 'simple' }).order('track_id'),
  web_search: () => from('track').select('track_id, name')
    .textSearch('name', 'love -"of" or thunder', { type: 'websearch', config: 'english' }).order('track_id'),
  gt_all: () => from('track').select('track_id').filter('milliseconds', 'gt(all)', '{300000,400000}').order('track_id').limit(9),
  eq_any: () => from('genre').select('genre_id').filter('genre_id', 'eq(any)', '{1,5,7}').order('genre_id'),
  enum_eq: () => from('review').select('review_id, feeling').eq('feeling', 'loud').order('review_id'),
  enum_order: () => from('review').select('review_id, feeling').gt('feeling', 'calm').order('feeling', { ascending: false }).order('review_id'),
  array_contains: () => from('review').select('review_id, tags').contains('tags', ['live']).order('review_id'),
  array_contained: () => from('review').select('review_id, tags').containedBy('tags', ['guitar', 'live', 'other']).order('review_id'),
  array_overlaps: () => from('review').select('review_id, tags').overlaps('tags', '{"too long",guitar}').order('review_id'),
  json_contains: () => from('review').select('review_id, details').contains('details', { device: 'radio' }).order('review_id'),
  range_left: () => from('review').select('review_id, heard').rangeLt('heard', '[15,30)').order('review_id'),
  range_right: () => from('review').select('review_id, heard').rangeGt('heard', '[1,5)').order('review_id'),
  range_not_right: () => from('review').select('review_id, heard').rangeLte('heard', '[1,15)').order('review_id'),
  range_not_left: () => from('review').select('review_id, heard').rangeGte('heard', '[5,8)').order('review_id'),
  range_adjacent: () => from('review').select('review_id, heard').rangeAdjacent('heard', '[15,20)').order('review_id'),
  range_overlaps: () => from('review').select('review_id, heard').overlaps('heard', '[9,11)').order('review_id'),
  range_contains: () => from('review').select('review_id, heard').contains('heard', '[12,14)').order('review_id'),
  timestamptz_gte: () => from('review').select('review_id, wrote_at').gte('wrote_at', '2026-01-04T01:00:00+01:00').order('review_id'),
  json_path: () => from('review').select('review_id, details->loudness->peak, details->>device').order('review_id'),
  json_path_filter: () => from('review').select('review_id').eq('details->>device', 'radio').order('review_id'),
  json_path_compare: () => from('review').select('review_id, details').gt('details->loudness->peak', 5)
    .order('details->loudness->peak', { ascending: false }).order('review_id'),
  json_index: () => from('review').select('review_id, details->skips->0, tags->0').order('review_id'),

  // Trees of conditions.
  or: () => from('genre').select().or('name.eq.Jazz,genre_id.gt.20').order('genre_id'),
  or_nested: () => from('track').select('track_id, milliseconds, unit_price')
    .or('milliseconds.lt.100000,and(genre_id.eq.2,or(unit_price.gt.0.99,milliseconds.gt.400000))').order('track_id'),
  or_with_lists: () => from('artist').select().order('artist_id')
    .or('artist_id.in.(1,2),name.in.(Queen,"Edson, DJ Marky & DJ Patife Featuring Fernanda Porto"),name.ilike.*zeppelin*'),
  or_twice: () => from('track').select('track_id').or('genre_id.eq.1,genre_id.eq.3')
    .or('milliseconds.lt.200000,milliseconds.gt.500000').order('track_id').limit(25),
  or_arrays: () => from('review').select('review_id').or('tags.cs.{live,loud},stars.eq.1').order('review_id'),

  // Order and pages.
  order_down: () => from('genre').select('name').order('name', { ascending: false }),
  order_two: () => from('customer').select('customer_id, country, city').order('country').order('city', { ascending: false }).order('customer_id'),
  nulls_first: () => from('customer').select('customer_id, company').order('company', { nullsFirst: true }).order('customer_id').limit(60),
  nulls_last: () => from('customer').select('customer_id, company').order('company', { ascending: false, nullsFirst: false }).order('customer_id'),
  order_by_parent: () => from('album').select('album_id, artist(name)').order('artist(name)', { ascending: false }).order('album_id').limit(12),
  limit: () => from('genre').select('genre_id').order('genre_id').limit(3),
  range: () => from('genre').select('genre_id').order('genre_id').range(5, 9),
  range_counted: () => from('genre').select('genre_id', exact).order('genre_id').range(5, 9),
  count_only: () => from('track').select('*', counted).eq('genre_id', 1),
  counted_filter: () => from('track').select('track_id', exact).is('composer', null).order('track_id').limit(2),
  most_rows: () => from('track').select('track_id', exact).order('track_id'),
  past_the_end: () => from('genre').select('*', exact).range(1000, 1009),

  // Columns.
  all_columns: () => from('employee').select('*').order('employee_id'),
  alias_and_cast: () => from('invoice').select('number:invoice_id, total::text, day:invoice_date::date').order('invoice_id').limit(10),
  computed_fields: () => from('employee').select('employee_id, full_name').order('employee_id'),
  computed_field_filter: () => from('album').select('album_id, track_count').gt('track_count', 9)
    .order('track_count', { ascending: false }).order('album_id').limit(10),
  view: () => from('album_overview').select('album_id, title, tracks, milliseconds').order('album_id').limit(10),
  view_embed: () => from('album_overview').select('tracks, artist(name)').gte('tracks', 5).order('album_id').limit(10),
  stripped: () => from('customer').select('customer_id, company, state, fax').order('customer_id').limit(12).stripNulls(),

  // Embeds.
  many_to_one: () => from('album').select('title, artist(name)').order('album_id').limit(10),
  one_to_many: () => from('artist').select('name, album(title)').order('artist_id').order('album_id', sorted('album')).limit(30),
  many_to_many: () => from('playlist').select('*, track(track_id, name)').in('playlist_id', [9, 16, 18, 2])
    .order('playlist_id').order('track_id', sorted('track')),
  many_to_many_back: () => from('track').select('track_id, playlist(playlist_id)').lte('track_id', 5)
    .order('track_id').order('playlist_id', sorted('playlist')),
  self_parent: () => from('employee').select('last_name, chief:reports_to(last_name, title)').order('employee_id'),
  self_children: () => from('employee').select('last_name, team:employee(last_name)').order('employee_id').order('employee_id', sorted('team')),
  inner: () => from('album').select('album_id, artist!inner(name)').eq('artist.name', 'AC/DC').order('album_id'),
  inner_many: () => from('artist').select('artist_id, album!inner(title)', exact).ilike('album.title', '%rock%')
    .order('artist_id').order('album_id', sorted('album')),
  three_levels: () => from('artist').select('name, album(title, track(name, genre(name)))').lte('artist_id', 3)
    .order('artist_id').order('album_id', sorted('album')).order('track_id', sorted('album.track')),
  embed_filter: () => from('album').select('album_id, track(name)').in('artist_id', [1, 2]).gt('track.milliseconds', 300000)
    .order('album_id').order('track_id', sorted('track')),
  embed_or: () => from('album').select('album_id, track(track_id)').in('artist_id', [1, 2])
    .or('milliseconds.gt.300000,name.ilike.%rock%', sorted('track')).order('album_id').order('track_id', sorted('track')),
  embed_order_limit: () => from('album').select('album_id, track(name, milliseconds)').order('album_id').limit(8)
    .order('milliseconds', { ascending: false, ...sorted('track') }).order('track_id', sorted('track')).limit(2, sorted('track')),
  embed_offset: () => from('album').select('album_id, track(track_id)').order('album_id').limit(8)
    .order('track_id', sorted('track')).range(1, 2, sorted('track')),
  embed_alias_hint: () => from('customer').select('customer_id, agent:employee!support_rep_id(last_name)').order('customer_id').limit(12),
  embed_by_constraint: () => from('customer').select('customer_id, employee!customer_support_rep_id_fkey(email)')
    .order('customer_id', { ascending: false }).limit(6),
  embed_spread: () => from('album').select('title, ...artist(name)').order('album_id').limit(6),
  embed_count: () => from('artist').select('name, album(count)').order('artist_id').limit(9),
  embed_missing: () => from('artist').select('artist_id, album()').is('album', null).order('artist_id').limit(20),
  embed_not_missing: () => from('track').select('track_id, review()').not('review', 'is', null).order('track_id'),
  embed_two: () => from('invoice').select('invoice_id, total, customer(last_name, employee(last_name)), invoice_line(quantity, track(name))')
    .order('invoice_id').order('invoice_line_id', sorted('invoice_line')).limit(5),

  // One row, other forms.
  single: () => from('track').select().eq('track_id', 1).single(),
  single_none: () => from('track').select().eq('track_id', -1).single(),
  single_many: () => from('genre').select().order('genre_id').limit(3).single(),
  maybe_none: () => from('genre').select().eq('genre_id', -1).maybeSingle(),
  maybe_one: () => from('genre').select().eq('genre_id', 2).maybeSingle(),
  csv: () => from('genre').select('genre_id, name').order('genre_id').csv(),
  csv_quotes: () => from('review').select('review_id, tags, details, approved').order('review_id').csv(),

  // Functions.
  call_scalar: () => service.rpc('track_minutes', { track: 1 }),
  call_default: () => service.rpc('hello'),
  call_named: () => service.rpc('hello', { times: 2, name: 'you' }),
  call_get: () => service.rpc('hello', { name: 'you' }, { get: true }),
  call_setof: () => service.rpc('tracks_of_album', { album: 4 }).order('track_id'),
  call_setof_filtered: () => service.rpc('tracks_of_album', { album: 4 }).select('track_id, name').gt('milliseconds', 200000)
    .order('milliseconds', { ascending: false }).limit(3),
  call_setof_embed: () => service.rpc('tracks_of_album', { album: 1 }).select('name, album(title)').order('track_id'),
  call_setof_counted: () => service.rpc('search_tracks', { words: 'love', most: 30 }, exact).select('track_id').order('track_id').range(0, 1),
  call_setof_defaults: () => service.rpc('search_tracks', { words: 'rock', genre_name: 'Rock', most: 5 }).select('track_id, name'),
  call_head: () => service.rpc('tracks_of_album', { album: 1 }, counted),
  call_table: () => service.rpc('sales_by_country').order('revenue', { ascending: false }).order('country'),
  call_table_filtered: () => service.rpc('sales_by_country', { at_least: 20 }, { get: true }).select('country, revenue').gt('invoices', 2).order('country'),
  call_table_joined: () => service.rpc('album_lengths', { artist: 1 }).order('title'),
  call_void: () => service.rpc('rename_playlist', { playlist: 18, new_name: 'On the road' }),
  called_void: () => from('playlist').select('name').eq('playlist_id', 18),
  call_overload_int: () => service.rpc('label', { artist: 1 }),
  call_overload_text: () => service.rpc('label', { genre: 'Rock' }),
  call_array_result: () => service.rpc('names_of_genres', { ids: [3, 1] }),
  call_array_get: () => service.rpc('names_of_genres', { ids: [2, 4] }, { get: true }),
  call_numeric_array: () => service.rpc('sum_of', { numbers: ['1.50', '2.25', 3] }),
  call_json: () => service.rpc('describe_artist', { artist: 1 }),
  call_jsonb: () => service.rpc('merged', { a: { a: 1, more: false }, b: { b: [1, 2.5] } }),
  call_jsonb_default: () => service.rpc('merged', { a: { a: 1 } }),
  call_that_writes: () => service.rpc('add_tracks_to_playlist', { playlist: 18, tracks: [1, 2, 3] }),
  called_that_writes: () => from('playlist_track').select('track_id').eq('playlist_id', 18).order('track_id'),
  call_composite: () => service.rpc('latest_invoice', { customer: 5 }),
  call_setof_text: () => service.rpc('genre_names'),
  call_out: () => service.rpc('split_name', { full_name: 'Ada Lovelace' }),
  call_variadic: () => service.rpc('longest', { names: ['one', 'three', 'seven'] }),
  call_raises: () => service.rpc('number_of', { words: 'no' }),
  call_divides_by_nothing: () => service.rpc('shared', { total: 1, people: 0 }),
  call_unknown: () => service.rpc('no_such_thing', { a: 1 }),
  call_bad_argument: () => service.rpc('track_minutes', { track: 'one' }),

  // Writes.
  insert_one: () => from('artist').insert({ artist_id: 9001, name: 'Böse Überraschung' }).select().single(),
  insert_plain: () => from('artist').insert({ artist_id: 9002, name: null }),
  insert_bulk: () => from('artist').insert([
    { artist_id: 9003, name: 'Three' }, { artist_id: 9004, name: 'Four "quoted", comma' }, { artist_id: 9005, name: '' },
  ]).select('artist_id, name'),
  insert_mixed: () => from('review').insert([
    { review_id: 901, track_id: 1, reviewer: 'eve', stars: 2 }, { review_id: 902, track_id: 2, reviewer: 'eve', stars: 3, approved: true },
  ]).select(),
  insert_mixed_nulls: () => from('review').insert([
    { review_id: 904, track_id: 4, reviewer: 'eve', stars: 2, wrote_at: '2026-01-01T00:00:00Z' },
    { review_id: 905, track_id: 5, reviewer: 'eve', stars: 3, tags: ['x'], wrote_at: '2026-01-01T00:00:00Z' },
  ]).select(),
  insert_mixed_defaults: () => from('review').insert([
    { review_id: 904, track_id: 4, reviewer: 'eve', stars: 2 }, { review_id: 905, track_id: 5, reviewer: 'eve', stars: 3, tags: ['x'] },
  ], { defaultToNull: false }).select(),
  insert_types: () => from('review').insert({
    review_id: 903, track_id: 3, reviewer: 'eve', stars: 5, tags: ['a b', 'c,d', null], details: { n: 1.5, deep: [{ x: null }] },
    heard: '(1,5]', wrote_at: '2026-05-05T05:05:05.5+02:00', approved: false, feeling: 'odd',
  }).select().single(),
  insert_numbers: () => from('invoice').insert({ invoice_id: 9001, customer_id: 1, invoice_date: '2026-01-01', total: 12.5 }).select().single(),
  insert_with_embed: () => from('album').insert({ album_id: 9001, title: 'New', artist_id: 1 }).select('album_id, artist(name)').single(),
  insert_serial: () => from('genre').insert({ name: 'Client music' }).select('name').single(),
  upsert_merge: () => from('artist').upsert([{ artist_id: 9001, name: 'Changed' }, { artist_id: 9006, name: 'Six' }]).select(),
  upsert_ignore: () => from('artist').upsert([{ artist_id: 9001, name: 'Not taken' }, { artist_id: 9007, name: 'Seven' }],
    { ignoreDuplicates: true }).select(),
  upsert_on_conflict: () => from('review').upsert({ track_id: 1, reviewer: 'eve', stars: 4 }, { onConflict: 'track_id,reviewer' })
    .select('track_id, reviewer, stars'),
  upserted: () => from('artist').select().gt('artist_id', 9000).order('artist_id'),
  update: () => from('artist').update({ name: 'Renamed' }).eq('artist_id', 9001).select().single(),
  update_many: () => from('artist').update({ name: 'All of them' }, exact).in('artist_id', [9003, 9004]).select('artist_id, name'),
  update_none: () => from('artist').update({ name: 'x' }).eq('artist_id', -1).select(),
  update_plain: () => from('artist').update({ name: 'Quiet' }).eq('artist_id', 9005),
  update_null: () => from('review').update({ feeling: null, tags: [], details: { k: [1] } }).eq('review_id', 903).select().single(),
  update_with_embed: () => from('album').update({ title: 'Newer' }).eq('album_id', 9001).select('title, artist(name)').single(),
  updated: () => from('artist').select().gt('artist_id', 9000).order('artist_id'),
  delete: () => from('artist').delete().in('artist_id', [9003, 9004]).select('artist_id'),
  delete_plain: () => from('artist').delete().eq('artist_id', 9005),
  delete_counted: () => from('review').delete(exact).eq('reviewer', 'eve'),
  deleted: () => from('artist').select('artist_id').gt('artist_id', 9000).order('artist_id'),

  // Errors of the database.
  unique_error: () => from('artist').insert({ artist_id: 1, name: 'again' }),
  unique_pair_error: () => from('review').insert({ review_id: 999, track_id: 1, reviewer: 'ann', stars: 1 }),
  foreign_key_error: () => from('album').insert({ album_id: 9100, title: 'x', artist_id: 999999 }),
  foreign_key_delete_error: () => from('artist').delete().eq('artist_id', 1),
  not_null_error: () => from('album').insert({ album_id: 9101, title: null, artist_id: 1 }),
  check_error: () => from('review').insert({ review_id: 998, track_id: 1, reviewer: 'zoe', stars: 9, wrote_at: '2026-01-01T00:00:00Z' }),
  too_long_error: () => from('customer').update({ postal_code: 'far too long for a code' }).eq('customer_id', 1),
  overflow_error: () => from('invoice').update({ total: 123456789012 }).eq('invoice_id', 1),
  bad_integer_error: () => from('album').select().eq('album_id', 'one'),
  bad_enum_error: () => from('review').select().eq('feeling', 'sad'),
  bad_date_error: () => from('invoice').select().eq('invoice_date', 'someday'),
  bad_regex_error: () => from('artist').select().filter('name', 'match', '('),
  no_operator_error: () => from('album').select().like('album_id', 'x%'),
  unknown_column_error: () => from('album').select('titel'),
  unknown_table_error: () => from('albums').select(),
  unknown_embed_error: () => from('album').select('*, playlist(*)'),
  unknown_body_column_error: () => from('artist').insert({ nam: 'x' }),
  syntax_error: () => from('artist').select().filter('artist_id', 'foo', 1),

  // Rights.
  anon_reads: () => anon.from('genre').select().order('genre_id'),
  anon_sees_no_videos: () => anon.from('track').select('*', counted),
  anon_album_tracks: () => anon.from('album').select('album_id, track(track_id)').in('album_id', [1, 226, 227])
    .order('album_id').order('track_id', sorted('track')),
  anon_sees_no_employees: () => anon.from('employee').select(),
  anon_sees_no_invoices: () => anon.from('invoice').select('*', counted),
  anon_reviews: () => anon.from('review').select('review_id, stars').order('review_id'),
  anon_cannot_insert: () => anon.from('artist').insert({ artist_id: 9200, name: 'anon' }),
  anon_changes_nothing: () => anon.from('artist').update({ name: 'x' }).eq('artist_id', 1).select(),
  anon_deletes_nothing: () => anon.from('artist').delete().eq('artist_id', 2).select(),
  anon_cannot_call: () => anon.rpc('revenue'),
  anon_who: () => anon.rpc('whoami'),
  member_sees_all_tracks: () => member.from('track').select('*', counted),
  member_sees_employees: () => member.from('employee').select('employee_id, last_name').order('employee_id'),
  member_sees_no_customers: () => member.from('customer').select(),
  member_who: () => member.rpc('whoami'),
  member_revenue: () => member.rpc('revenue'),
  buyer_customer: () => buyer.from('customer').select(),
  buyer_invoices: () => buyer.from('invoice').select('invoice_id, customer_id, total').order('invoice_id'),
  buyer_invoice_tree: () => buyer.from('invoice').select('invoice_id, invoice_line(quantity, track(name))')
    .order('invoice_id').order('invoice_line_id', sorted('invoice_line')),
  buyer_lines: () => buyer.from('invoice_line').select('*', counted),
  buyer_function: () => buyer.rpc('my_invoices').order('invoice_id'),
  buyer_sales: () => buyer.rpc('sales_by_country'),
  buyer_changes_self: () => buyer.from('customer').update({ fax: '123' }).eq('customer_id', 5).select('customer_id, fax'),
  buyer_changes_no_other: () => buyer.from('customer').update({ fax: '123' }).eq('customer_id', 6).select('customer_id'),
  buyer_cannot_become_other: () => buyer.from('customer').update({ customer_id: 7777 }).eq('customer_id', 5),
  buyer_orders: () => buyer.from('invoice').insert({ invoice_id: 9300, customer_id: 5, invoice_date: '2026-02-02', total: '1.98' }).select('invoice_id, total'),
  buyer_orders_for_no_other: () => buyer.from('invoice').insert({ invoice_id: 9301, customer_id: 6, invoice_date: '2026-02-02', total: '1.98' }),
  buyer_cannot_add_tracks: () => buyer.from('playlist_track').insert({ playlist_id: 2, track_id: 1 }),
  rep_customers: () => rep.from('customer').select('customer_id, last_name').order('customer_id'),
  rep_invoice_count: () => rep.from('invoice').select('*', counted),
  rep_customers_with_invoices: () => rep.from('customer').select('customer_id, invoice(total)').order('customer_id')
    .order('invoice_id', sorted('invoice')).limit(5),
  rep_playlist: () => rep.from('playlist').insert({ playlist_id: 9001, name: 'Mine' }).select(),
  rep_nameless_playlist: () => rep.from('playlist').insert({ playlist_id: 9002, name: null }),
  rep_adds_tracks: () => rep.rpc('add_tracks_to_playlist', { playlist: 9001, tracks: [1, 2, 2] }),
  rep_keeps_first_playlist: () => rep.from('playlist_track').delete().eq('playlist_id', 1).eq('track_id', 1).select(),
  rep_removes: () => rep.from('playlist_track').delete().eq('playlist_id', 9001).eq('track_id', 1).select(),
  rep_own_record: () => rep.from('employee').update({ city: 'Banff' }).in('employee_id', [3, 4]).select('employee_id, city'),
  manager_customers: () => manager.from('customer').select('*', counted),
  manager_sales: () => manager.rpc('sales_by_country').order('country'),
};
// The builder has no method for a negated tree: the parameter is appended as it is.
cases.or_negated = () => {
  const query = from('customer').select('customer_id, company, state').order('customer_id');
  query.url.searchParams.append('not.or', '(company.is.null,state.is.null)');
  return query;
};

const results = {};
for (const [name, ask] of Object.entries(cases)) {
  body = null;
  try {
    const { data, count, error, status } = await ask();
    const shown = error && { code: error.code, message: error.message, details: error.details, hint: error.hint };
    results[name] = { data, count, error: shown, status, body };
  } catch (thrown) {
    results[name] = { thrown: String(thrown?.stack ?? thrown), body };
  }
}
process.stdout.write(JSON.stringify(results), () => process.exit(0));

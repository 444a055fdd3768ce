--- declarations take defaults in order, and constants keep theirs
create function v_defaults() returns text language plpgsql as $$
declare a int := 2; b int default a * 3; c constant text = 'c' || b; d numeric(6,2) := 10.0 / 3; e boolean;
begin
  e := a < b;
  return a || '/' || b || '/' || c || '/' || d || '/' || e;
end $$;
--> select v_defaults()

--- an assignment casts as PostgreSQL's assignment does
create function v_round() returns text language plpgsql as $$
declare i int; s smallint; n numeric(5,1); t varchar(5); d date; f float8; b bool; ts timestamptz;
begin
  i := 2.5; s := 3.49; n := 1.25; t := 'abc'; d := '2024-02-29'; f := '1e3'; b := 'yes'; ts := '2024-01-01 00:00:00+00';
  return i || ' ' || s || ' ' || n || ' ' || t || ' ' || d || ' ' || f || ' ' || b || ' ' || (ts at time zone 'utc')::date;
end $$;
--> select v_round()

--- values that do not fit are errors
create function v_bad(kind text) returns text language plpgsql as $$
declare i int; s smallint; t varchar(3); n numeric(3,1); d date; x int not null := 1; u uuid;
begin
  case kind
    when 'text' then i := 'abc';
    when 'range' then s := 70000;
    when 'long' then t := 'abcd';
    when 'numeric' then n := 1000;
    when 'date' then d := '2024-13-01';
    when 'null' then x := null;
    when 'uuid' then u := 'nope';
    when 'zero' then i := 1 / (i is null)::int / 0;
    when 'blanks' then t := 'abc   ';
    when 'via text' then i := '12'::text;
    when 'no cast' then i := '2024-01-01'::date;
  end case;
  return 'fine ' || coalesce(i::text, t, '');
end $$;
--> select v_bad('text')
--> select v_bad('range')
--> select v_bad('long')
--> select v_bad('numeric')
--> select v_bad('date')
--> select v_bad('null')
--> select v_bad('uuid')
--> select v_bad('zero')
--> select v_bad('blanks')
--> select v_bad('via text')
--> select v_bad('no cast')
--> select v_bad('other')

--- a block's variables hide outer ones, and labels reach them
create function v_scopes(a int) returns text language plpgsql as $$
<<outer_block>>
declare x text := 'outer'; y int := a;
begin
  <<inner_block>>
  declare x text := 'inner'; y int := outer_block.y + 1;
  begin
    outer_block.x := outer_block.x || '+';
    return x || ' ' || outer_block.x || ' ' || inner_block.y || ' ' || v_scopes.a;
  end;
end $$;
--> select v_scopes(4)

--- a block is entered with fresh variables each time
create function v_fresh() returns text language plpgsql as $$
declare s text := '';
begin
  for i in 1..3 loop
    declare n int := 10; m int;
    begin
      s := s || n || coalesce(m, -1) || ' ';
      n := n + i; m := i;
    end;
  end loop;
  return s;
end $$;
--> select v_fresh()

--- parameters by number and aliases
create function v_alias(int, t text) returns text language plpgsql as $$
declare first alias for $1; second alias for t;
begin
  first := first + 1;
  return $1 || second || $2;
end $$;
--> select v_alias(4, 'x')

--- types follow columns, rows and other variables
create table v_types (id int primary key, price numeric(8,2) not null default 1.5, name varchar(5));
create function v_like() returns text language plpgsql as $$
declare p v_types.price%type := 3.14159; q p%type := 2.999; r v_types%rowtype; n public.v_types.name%type;
begin
  r.id := 7; r.name := 'seven'; r.price := 10;
  n := 'abcde';
  return p || ' ' || q || ' ' || r.id || ' ' || r.price || ' ' || n || ' ' || (r.name = 'seven');
end $$;
create function v_like_long() returns text language plpgsql as $$
declare r v_types;
begin
  r.name := 'too long for it';
  return r.name;
end $$;
--> select v_like()
--> select v_like_long()

--- arrays: elements, growth, nulls, functions
create function v_arrays() returns text language plpgsql as $$
declare a int[] := '{1,2,3}'; b text[]; m int := 0; x int;
begin
  a[2] := 20; a[5] := 50;
  b := array_append(b, 'p'); b := b || array['q','r'];
  b[1] := 'P';
  foreach x in array a loop m := m + coalesce(x, 100); end loop;
  return a::text || b::text || m || array_length(a, 1) || (20 = any(a)) || b[3] || coalesce(b[9], 'none');
end $$;
--> select v_arrays()

--- arrays of rows, and slices
create function v_slices() returns text language plpgsql as $$
declare m int[] := array[[1,2],[3,4],[5,6]]; s int[]; t text := '';
begin
  foreach s slice 1 in array m loop t := t || s::text || ';'; end loop;
  return t || m[2][1] || (m[1:2])::text;
end $$;
--> select v_slices()

--- json grows by operators
create function v_json(j jsonb) returns jsonb language plpgsql as $$
declare k text; r jsonb := '{}';
begin
  for k in select jsonb_object_keys(j) loop
    r := r || jsonb_build_object(upper(k), j -> k);
  end loop;
  r := jsonb_set(r, '{N}', to_jsonb(coalesce((j ->> 'n')::int, 0) + 1));
  return r - 'B';
end $$;
--> select v_json('{"a": 1, "b": [2], "n": 41}')

--- an enum variable takes its labels only
create type v_mood as enum ('sad', 'ok', 'happy');
create function v_enum(t text) returns text language plpgsql as $$
declare m v_mood := 'ok';
begin
  m := t;
  if m > 'ok' then return m || ' is better'; end if;
  return m::text;
end $$;
--> select v_enum('happy')
--> select v_enum('sad')
--> select v_enum('angry')

--- a domain is tested on assignment
create domain v_positive as int check (value > 0);
create domain v_named as text not null;
create function v_domain(n int) returns int language plpgsql as $$
declare p v_positive;
begin
  p := n;
  return p * 2;
end $$;
create function v_domain_null() returns text language plpgsql as $$
declare p v_named;
begin
  return 'unreached';
end $$;
--> select v_domain(4)
--> select v_domain(-4)
--> select v_domain_null()

--- a composite value is built, taken apart, and assigned whole
create type v_pair as (a int, b text);
create function v_composite() returns text language plpgsql as $$
declare p v_pair; q v_pair; r record;
begin
  p := row(1, 'one'); q := p; q.b := 'uno';
  p.a := p.a + 10;
  r := q;
  return p::text || q::text || r.b || (p = q) || (p is null) || (q).a;
end $$;
create function v_pair_out(x int) returns v_pair language plpgsql as $$
begin
  return (x, 'n' || x);
end $$;
create function v_pair_null() returns v_pair language plpgsql as $$
begin
  return null;
end $$;
--> select v_composite()
--> select * from v_pair_out(3)
--> select v_pair_out(3)
--> select (v_pair_out(4)).b
--> select v_pair_null() is null as n

--- a record has the shape of what it was given last
create function v_record() returns text language plpgsql as $$
declare r record; t text;
begin
  select 1 as a, 'x' as b into r;
  t := r.a || r.b;
  select 2.5 as c into r;
  t := t || r.c;
  r := row(1, 2);
  return t || r.f2;
end $$;
create function v_unassigned() returns text language plpgsql as $$
declare r record;
begin
  return r.a;
end $$;
create function v_no_field() returns text language plpgsql as $$
declare r record;
begin
  select 1 as a into r;
  return r.b;
end $$;
--> select v_record()
--> select v_unassigned()
--> select v_no_field()

--- variables and columns of one name are ambiguous, unless it is said which is meant
create table v_names (id int primary key, n int);
insert into v_names values (1, 10), (2, 20);
create function v_ambiguous(id int) returns int language plpgsql as $$
declare n int;
begin
  select n into n from v_names where id = 1;
  return n;
end $$;
create function v_use_column(id int) returns int language plpgsql as $$
#variable_conflict use_column
declare m int;
begin
  select n into m from v_names where id = v_use_column.id;
  return m;
end $$;
create function v_use_variable(id int) returns int language plpgsql as $$
#variable_conflict use_variable
declare m int;
begin
  select v.n into m from v_names v where v.id = id;
  return m;
end $$;
create function v_qualified(id int) returns int language plpgsql as $$
declare m int;
begin
  select v_names.n into m from v_names where v_names.id = v_qualified.id;
  return m;
end $$;
--> select v_ambiguous(1)
--> select v_use_column(2)
--> select v_use_variable(2)
--> select v_qualified(2)
--> select v_qualified(99)

--- what does not exist is told when it is used
create function v_missing(kind text) returns text language plpgsql as $$
declare r text;
begin
  if kind = 'table' then select 1 into r from v_no_such_table; end if;
  if kind = 'column' then select nosuch into r from v_names; end if;
  if kind = 'function' then r := v_no_such_function(1); end if;
  if kind = 'variable' then r := v_no_such_variable; end if;
  return 'reached';
end $$;
--> select v_missing('none')
--> select v_missing('table')
--> select v_missing('column')
--> select v_missing('function')
--> select v_missing('variable')

--- quoted names keep their case
create function v_quoted("Größe" int) returns text language plpgsql as $$
declare "A b" text := 'q'; Ab text := 'folded';
begin
  return "A b" || AB || "Größe";
end $$;
--> select v_quoted(3)

--- intervals, dates and times
create function v_times(at timestamptz) returns text language plpgsql as $$
declare i interval := '1 day 02:00'; d date; n int;
begin
  d := (at + i)::date;
  n := extract(epoch from i);
  return d || ' ' || n || ' ' || date_trunc('month', at)::date || ' ' || to_char(at at time zone 'UTC', 'YYYY-MM-DD HH24:MI');
end $$;
--> select v_times('2024-02-28 23:30+00')

--- json and text of whole rows
create function v_row_json() returns text language plpgsql as $$
declare r record; t v_names%rowtype;
begin
  select * into t from v_names where id = 2;
  select id, n * 2 as twice into r from v_names where id = 1;
  return to_jsonb(t) || ' ' || row_to_json(r) || ' ' || to_jsonb(r) || t::text;
end $$;
--> select v_row_json()
--- slices of arrays are assigned
create function v_slice(lo int, hi int, given int[], start int[]) returns int[] language plpgsql as $$
begin start[lo:hi] := given; return start; end $$;
--> select v_slice(2, 3, '{8,9}', '{1,2,3,4}')
--> select v_slice(2, 3, '{8,9,10}', '{1,2,3,4}')
--> select v_slice(2, 3, '{8}', '{1,2,3,4}')
--> select v_slice(3, 2, '{8}', '{1,2,3,4}')
--> select v_slice(5, 6, '{8,9}', '{1,2,3}')
--> select v_slice(1, 2, '{8,9}', null)
--> select v_slice(1, 2, null, '{1,2}')

--- branches
create function f_if(n int) returns text language plpgsql as $$
begin
  if n is null then return 'null';
  elsif n < 0 then return 'negative';
  elseif n = 0 then return 'zero';
  else
    if n % 2 = 0 then return 'even'; end if;
  end if;
  return 'odd';
end $$;
--> select f_if(null)
--> select f_if(-1)
--> select f_if(0)
--> select f_if(4)
--> select f_if(5)

--- a condition that is null is not true
create function f_null_condition() returns text language plpgsql as $$
declare b boolean;
begin
  if b then return 'true'; elsif not b then return 'false'; end if;
  while b loop return 'loop'; end loop;
  return 'neither';
end $$;
--> select f_null_condition()

--- case with an operand, lists and else
create function f_case(x int) returns text language plpgsql as $$
begin
  case x
    when 1 then return 'one';
    when 2, 3 then return 'two or three';
    else return 'many';
  end case;
end $$;
create function f_case_missing(x text) returns text language plpgsql as $$
declare r text;
begin
  case x when 'a' then r := 'A'; when 'b' then r := 'B'; end case;
  return r;
end $$;
create function f_case_searched(x int) returns text language plpgsql as $$
begin
  case when x > 10 then return 'big'; when x > 5 then return 'middle'; else null; end case;
  return 'small';
end $$;
--> select f_case(1)
--> select f_case(3)
--> select f_case(9)
--> select f_case_missing('b')
--> select f_case_missing('z')
--> select f_case_searched(11)
--> select f_case_searched(6)
--> select f_case_searched(1)

--- loops with exit and continue
create function f_loop(n int) returns text language plpgsql as $$
declare i int := 0; s text := '';
begin
  loop
    i := i + 1;
    continue when i % 2 = 0;
    exit when i > n;
    s := s || i;
  end loop;
  return s || '.';
end $$;
--> select f_loop(7)
--> select f_loop(0)

--- labels leave outer loops
create function f_labels() returns text language plpgsql as $$
declare s text := '';
begin
  <<outer_loop>>
  for i in 1..4 loop
    for j in 1..4 loop
      continue outer_loop when j = 3;
      exit outer_loop when i = 3;
      s := s || i || j || ' ';
    end loop;
  end loop outer_loop;
  <<part>>
  begin
    exit part when s <> '';
    s := 'never';
  end part;
  return s;
end $$;
--> select f_labels()

--- while
create function f_while(n int) returns int language plpgsql as $$
declare steps int := 0;
begin
  while n <> 1 and steps < 1000 loop
    if n % 2 = 0 then n := n / 2; else n := 3 * n + 1; end if;
    steps := steps + 1;
  end loop;
  return steps;
end $$;
--> select f_while(27)

--- integer loops: reverse, by, empty, bounds once
create function f_for() returns text language plpgsql as $$
declare s text := ''; hi int := 3;
begin
  for i in 1..hi loop hi := 100; s := s || i; end loop;
  for i in reverse 5..2 by 2 loop s := s || '-' || i; end loop;
  for i in 5..1 loop s := s || 'never'; end loop;
  for i in -1..1 loop s := s || '|' || i; end loop;
  for i in 1..10 by 4 loop s := s || '+' || i; end loop;
  return s || found;
end $$;
create function f_for_bad(a int, b int, c int) returns int language plpgsql as $$
begin
  for i in a..b by c loop null; end loop;
  return 1;
end $$;
--> select f_for()
--> select f_for_bad(1, 2, 0)
--> select f_for_bad(null, 2, 1)
--> select f_for_bad(1, null, 1)
--> select f_for_bad(1, 2, null)

--- the loop variable is the loop's own
create function f_for_variable() returns text language plpgsql as $$
declare i text := 'outside';
begin
  for i in 1..2 loop i := i + 0; end loop;
  return i;
end $$;
--> select f_for_variable()

--- loops over queries
create table f_rows (id int primary key, name text);
insert into f_rows values (1, 'a'), (2, 'b'), (3, 'c');
create function f_query() returns text language plpgsql as $$
declare r record; s text := ''; i int; n text; t f_rows%rowtype;
begin
  for r in select * from f_rows order by id desc loop s := s || r.name || r.id; end loop;
  for i, n in select id, name from f_rows order by id limit 2 loop s := s || ',' || i || n; end loop;
  for n in select name from f_rows order by 1 loop s := s || n; exit when n = 'b'; end loop;
  for t in select * from f_rows where id = 3 loop s := s || t.name; end loop;
  for r in select 1 where false loop s := 'never'; end loop;
  return s || found || coalesce(r::text, 'null');
end $$;
--> select f_query()

--- a loop sees the rows as they were when it began
create function f_snapshot() returns text language plpgsql as $$
declare r record; n int := 0;
begin
  for r in select * from f_rows order by id loop
    insert into f_rows values (r.id + 100, 'new');
    n := n + 1;
  end loop;
  delete from f_rows where id > 100;
  return n || '';
end $$;
--> select f_snapshot()
--> select count(*) from f_rows

--- a loop over what a statement returns
create function f_returning() returns text language plpgsql as $$
declare r record; s text := '';
begin
  for r in update f_rows set name = upper(name) where id < 3 returning id, name loop
    s := s || r.name || r.id;
  end loop;
  return s;
end $$;
--> select f_returning()
--> select * from f_rows order by id

--- foreach refuses what is no array, and null
create function f_foreach(a int[]) returns text language plpgsql as $$
declare x int; s text := '';
begin
  foreach x in array a loop s := s || coalesce(x::text, '-'); end loop;
  return s || '/' || found;
end $$;
create function f_foreach_no() returns text language plpgsql as $$
declare x int;
begin
  foreach x in array 5 loop null; end loop;
  return 'x';
end $$;
--> select f_foreach('{1,null,3}')
--> select f_foreach('{}')
--> select f_foreach(null)
--> select f_foreach_no()

--- recursion
create function f_fact(n int) returns numeric language plpgsql as $$
begin
  if n <= 1 then return 1; end if;
  return n * f_fact(n - 1);
end $$;
create function f_fib(n int) returns int language plpgsql immutable as $$
begin
  return case when n < 2 then n else f_fib(n - 1) + f_fib(n - 2) end;
end $$;
--> select f_fact(25)
--> select f_fact(120)
--> select f_fib(12)

--- a function that does not return says so
create function f_no_return(b boolean) returns int language plpgsql as $$
begin
  if b then return 1; end if;
end $$;
create function f_void() returns void language plpgsql as $$
begin
  return;
end $$;
create function f_void_end() returns void language plpgsql as $$ begin null; end $$;
--> select f_no_return(true)
--> select f_no_return(false)
create function f_calls_void() returns int language plpgsql as $$ begin perform f_void(); perform f_void_end(); return 1; end $$;
--> select f_calls_void()

--- strict functions are not called with nulls
create function f_strict(a int, b int) returns int language plpgsql strict as $$
begin
  raise exception 'called with % %', a, b;
end $$;
--> select f_strict(1, null)
--> select f_strict(1, 2)

--- defaults, named arguments, variadic
create function f_args(a int, b int default 10, c text default 'c') returns text language plpgsql as $$
begin
  return a || ' ' || b || ' ' || c;
end $$;
create function f_variadic(sep text, variadic parts text[]) returns text language plpgsql as $$
begin
  return array_to_string(parts, sep) || coalesce(array_length(parts, 1), 0);
end $$;
--> select f_args(1)
--> select f_args(1, 2)
--> select f_args(1, c => 'x')
--> select f_args(b := 5, a := 4)
--> select f_variadic('-', 'a', 'b')
--> select f_variadic('-', variadic array['x','y','z'])

--- overloads
create function f_over(a int) returns text language plpgsql as $$ begin return 'int'; end $$;
create function f_over(a text) returns text language plpgsql as $$ begin return 'text'; end $$;
create function f_over(a int, b int) returns text language plpgsql as $$ begin return 'two'; end $$;
--> select f_over(1)
--> select f_over('x'::text)
--> select f_over(1, 2)

--- results through arguments
create function f_out(a int, out twice int, out half numeric) language plpgsql as $$
begin
  twice := a * 2; half := a / 2.0;
end $$;
create function f_out_one(a int, out r text) language plpgsql as $$ begin r := 'r' || a; return; end $$;
create function f_inout(inout a int, inout b int) language plpgsql as $$
declare t int := a;
begin
  a := b; b := t;
end $$;
--> select * from f_out(5)
--> select (f_out(5)).half
--> select f_out_one(3)
--> select * from f_inout(1, 2)

--- sets by next and by query
create function f_next(n int) returns setof int language plpgsql as $$
begin
  for i in 1..n loop
    if i % 2 = 1 then return next i * i; end if;
  end loop;
  return;
end $$;
create function f_set(low int) returns setof f_rows language plpgsql as $$
declare r f_rows;
begin
  return query select * from f_rows where id >= low order by id;
  if not found then return query select -1, 'none'; end if;
  r := (99, 'last'); return next r;
end $$;
create function f_table(n int) returns table (i int, label text) language plpgsql as $$
begin
  for k in 1..n loop
    i := k; label := 'l' || k;
    return next;
  end loop;
  return query select 100, 'query'::text union all select 101, 'more';
end $$;
create function f_table_empty() returns table (a int) language plpgsql as $$ begin return; end $$;
--> select * from f_next(6)
--> select f_next(3)
--> select * from f_set(2)
--> select * from f_set(50)
--> select * from f_table(2)
--> select sum(i) from f_table(3)
--> select * from f_table_empty()

--- a query's columns must be what was declared
create function f_wrong_type() returns table (a int, b text) language plpgsql as $$
begin
  return query select 1::bigint, 'x'::text;
end $$;
create function f_wrong_count() returns table (a int, b text) language plpgsql as $$
begin
  return query select 1;
end $$;
--> select * from f_wrong_type()
--> select * from f_wrong_count()

--- names of results meet columns
create function f_table_names() returns table (id int, name text) language plpgsql as $$
begin
  return query select r.id, r.name from f_rows r where r.id = 1;
end $$;
create function f_table_clash() returns table (id int) language plpgsql as $$
begin
  return query select id from f_rows;
end $$;
--> select * from f_table_names()
--> select * from f_table_clash()

--- sets in joins and sub-selects
--> select r.id, t.label from f_rows r join f_table(3) t on t.i = r.id order by r.id
--> select id from f_rows where id in (select f_next(5)) order by id
--> select id, (select count(*) from f_next(id)) as n from f_rows order by id
--> select r.id, x from f_rows r, lateral f_next(r.id) x order by 1, 2

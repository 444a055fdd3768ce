--- raise with a format
create function e_raise(n int) returns int language plpgsql as $$
begin
  raise exception 'value % of %, 100%%', n, 'text';
end $$;
--> select e_raise(5)
--> select e_raise(null)

--- raise with everything
create function e_using() returns int language plpgsql as $$
begin
  raise exception 'out of stock' using errcode = 'P0404', detail = 'sku ' || 7, hint = 'order less';
end $$;
create function e_named() returns int language plpgsql as $$
begin
  raise exception 'taken' using errcode = 'unique_violation', hint = 'choose another';
end $$;
create function e_condition() returns int language plpgsql as $$ begin raise division_by_zero; end $$;
create function e_condition_message() returns int language plpgsql as $$
begin
  raise foreign_key_violation using message = 'no such parent', detail = 'd';
end $$;
create function e_sqlstate() returns int language plpgsql as $$ begin raise sqlstate '22012'; end $$;
create function e_sqlstate_message() returns int language plpgsql as $$
begin
  raise sqlstate 'PT402' using message = 'pay first', hint = 'h';
end $$;
create function e_only_using() returns int language plpgsql as $$
begin
  raise using errcode = '22023', message = 'only using';
end $$;
create function e_only_code() returns int language plpgsql as $$ begin raise exception using errcode = '23514'; end $$;
create function e_null_option() returns int language plpgsql as $$
declare t text;
begin
  raise exception 'x' using hint = t;
end $$;
create function e_twice() returns int language plpgsql as $$
begin
  raise exception 'x' using message = 'y';
end $$;
create function e_unknown_code() returns int language plpgsql as $$
begin
  raise exception 'x' using errcode = 'no_such_condition';
end $$;
create function e_notice() returns int language plpgsql as $$
begin
  raise notice 'n %', 1; raise warning 'w'; raise info 'i'; raise log 'l'; raise debug 'd';
  return 1;
end $$;
--> select e_using()
--> select e_named()
--> select e_condition()
--> select e_condition_message()
--> select e_sqlstate()
--> select e_sqlstate_message()
--> select e_only_using()
--> select e_only_code()
--> select e_null_option()
--> select e_twice()
--> select e_unknown_code()
--> select e_notice()

--- handlers
create table e_items (id int primary key, n int check (n > 0), ref int references e_items, name text not null default 'x', u int unique);
create function e_catch(kind text) returns text language plpgsql as $$
declare a int; d date;
begin
  begin
    if kind = 'unique' then insert into e_items values (1); insert into e_items values (1); end if;
    if kind = 'check' then insert into e_items values (2, -1); end if;
    if kind = 'parent' then insert into e_items values (3, 1, 77); end if;
    if kind = 'null' then insert into e_items (id, name) values (4, null); end if;
    if kind = 'zero' then a := 1 / 0; end if;
    if kind = 'text' then a := 'x'; end if;
    if kind = 'date' then d := '2024-99-01'; end if;
    if kind = 'none' then select id into strict a from e_items where id = 1000; end if;
    if kind = 'many' then select 1 into strict a from generate_series(1, 2); end if;
    if kind = 'raise' then raise exception 'mine' using errcode = 'AB123'; end if;
    if kind = 'missing' then perform * from e_nosuch; end if;
    if kind = 'assert' then assert 1 = 2, 'asserted'; end if;
    if kind = 'case' then case a when 1 then null; end case; end if;
    return 'nothing';
  exception
    when unique_violation then return 'unique ' || sqlerrm;
    when check_violation or not_null_violation then return sqlstate || ' ' || sqlerrm;
    when integrity_constraint_violation then return 'integrity ' || sqlstate;
    when division_by_zero then return 'zero';
    when no_data_found then return 'no data ' || sqlerrm;
    when too_many_rows then return 'too many ' || sqlerrm;
    when sqlstate 'AB123' then return 'own ' || sqlerrm;
    when data_exception then return 'data ' || sqlstate || ' ' || sqlerrm;
    when others then return 'others ' || sqlstate || ' ' || sqlerrm;
  end;
end $$;
--> select e_catch('unique')
--> select e_catch('check')
--> select e_catch('parent')
--> select e_catch('null')
--> select e_catch('zero')
--> select e_catch('text')
--> select e_catch('date')
--> select e_catch('none')
--> select e_catch('many')
--> select e_catch('raise')
--> select e_catch('missing')
--> select e_catch('assert')
--> select e_catch('case')
--> select e_catch('fine')
--> select count(*) from e_items

--- what was done before the error is undone, variables are not
create function e_undo() returns text language plpgsql as $$
declare n int := 0;
begin
  insert into e_items values (10, 1);
  begin
    n := 5;
    insert into e_items values (11, 1);
    update e_items set n = 99 where id = 10;
    perform 1 / 0;
  exception when division_by_zero then n := n + 1;
  end;
  return n || ' ' || (select string_agg(id || ':' || e_items.n, ',' order by id) from e_items where id in (10, 11));
end $$;
--> select e_undo()
--> delete from e_items

--- handlers nest, raise again, and have their own errors
create function e_nested() returns text language plpgsql as $$
declare s text := '';
begin
  begin
    begin
      raise exception 'inner' using errcode = 'P0101';
    exception when others then
      s := s || sqlerrm || ',';
      begin
        raise exception 'second';
      exception when others then s := s || sqlerrm || ',';
      end;
      s := s || sqlerrm || ',';
      raise;
    end;
  exception when sqlstate 'P0101' then s := s || 'again ' || sqlerrm;
  end;
  return s;
end $$;
create function e_not_caught() returns text language plpgsql as $$
begin
  begin
    raise exception 'through' using errcode = '22023';
  exception when division_by_zero then return 'no';
  end;
  return 'no';
end $$;
create function e_in_handler() returns text language plpgsql as $$
begin
  perform 1 / 0;
  return 'no';
exception when division_by_zero then
  raise exception 'from the handler: %', sqlerrm using detail = sqlstate;
end $$;
create function e_raise_outside() returns text language plpgsql as $$ begin raise; end $$;
--> select e_nested()
--> select e_not_caught()
--> select e_in_handler()
--> select e_raise_outside()

--- diagnostics of errors
create function e_stacked(kind text) returns text language plpgsql as $$
declare a text; b text; c text; d text; e text; f text; g text;
begin
  if kind = 'raise' then
    raise exception 'm' using errcode = 'P0099', detail = 'dd', hint = 'hh', column = 'cc', constraint = 'kk', table = 'tt', schema = 'ss', datatype = 'yy';
  end if;
  if kind = 'check' then insert into e_items values (1, -5); end if;
  if kind = 'null' then insert into e_items (id, name) values (1, null); end if;
  if kind = 'unique' then insert into e_items (id, u) values (1, 1), (2, 1); end if;
  if kind = 'key' then insert into e_items (id, ref) values (1, 5); end if;
  return 'no';
exception when others then
  get stacked diagnostics a = returned_sqlstate, b = message_text, c = pg_exception_detail, d = pg_exception_hint,
    e = column_name, f = constraint_name, g = table_name;
  return concat_ws('|', a, b, c, d, e, f, g);
end $$;
create function e_stacked_more() returns text language plpgsql as $$
declare a text; b text;
begin
  raise exception 'm' using schema = 'ss', datatype = 'yy';
exception when others then
  get stacked diagnostics a = schema_name, b = pg_datatype_name;
  return a || b;
end $$;
--> select e_stacked('raise')
--> select e_stacked('check')
--> select e_stacked('null')
--> select e_stacked('unique')
--> select e_stacked('key')
--> select e_stacked_more()

--- loops go on after caught errors
create function e_loop(words text[]) returns text language plpgsql as $$
declare w text; good int := 0; bad int := 0;
begin
  foreach w in array words loop
    begin
      good := good + w::int;
    exception when invalid_text_representation then bad := bad + 1;
    end;
  end loop;
  return good || '/' || bad;
end $$;
--> select e_loop('{1,x,3,y,5}')

--- leaving a guarded block keeps its work
create function e_leave() returns int language plpgsql as $$
begin
  for i in 1..3 loop
    begin
      insert into e_items values (i + 20, i);
      continue when i = 1;
      exit when i = 2;
    exception when others then null;
    end;
  end loop;
  begin
    insert into e_items values (30, 1);
    return (select count(*) from e_items where id >= 20);
  exception when others then return -1;
  end;
end $$;
--> select e_leave()
--> select count(*) from e_items where id >= 20
--> delete from e_items

--- assertions
create function e_assert(a boolean) returns int language plpgsql as $$ begin assert a; return 1; end $$;
create function e_assert_message(a int) returns int language plpgsql as $$
begin
  assert a > 0, 'a is ' || a;
  return 1;
exception when others then return -1;
end $$;
create function e_assert_caught() returns text language plpgsql as $$
begin
  assert false;
  return 'no';
exception when assert_failure then return sqlerrm;
end $$;
--> select e_assert(true)
--> select e_assert(false)
--> select e_assert(null)
--> select e_assert_message(-1)
--> select e_assert_caught()

--- a failing statement leaves nothing of a function's work
create function e_all_or_nothing() returns int language plpgsql as $$
begin
  insert into e_items values (40, 1);
  raise exception 'after the insert';
end $$;
--> select e_all_or_nothing()
--> select count(*) from e_items

--- functions without end are stopped
create function e_endless(n int) returns int language plpgsql as $$ begin return e_endless(n + 1); end $$;
--> select e_endless(1)

--- errors inside of queries keep their codes
create function e_div(a int, b int) returns int language plpgsql as $$ begin return a / b; end $$;
create function e_in_query() returns text language plpgsql as $$
declare s text;
begin
  select string_agg(e_div(10, x)::text, ',') into s from generate_series(-1, 1) x;
  return s;
exception when division_by_zero then return 'caught ' || sqlstate;
end $$;
--> select e_div(1, 0)
--> select e_in_query()
--> select e_div(10, x) from generate_series(1, 3) x

--- a syntax error in an expression
create function bad1() returns int language plpgsql as $$ begin return 1 +; end $$;
--- a statement that is none
create function bad2() returns int language plpgsql as $$ begin foo bar; return 1; end $$;
--- an unknown variable
create function bad3() returns int language plpgsql as $$ begin x := 1; return x; end $$;
--- an unknown type
create function bad4() returns int language plpgsql as $$ declare x no_such_type; begin return 1; end $$;
--- a loop without end
create function bad5() returns int language plpgsql as $$ begin loop null; end $$;
--- a condition that nobody knows
create function bad6() returns int language plpgsql as $$ begin return 1; exception when no_such_thing then return 2; end $$;
--- too few values for the places of a message
create function bad7() returns int language plpgsql as $$ begin raise exception '% %', 1; end $$;
--- too many values for the places of a message
create function bad8() returns int language plpgsql as $$ begin raise exception 'x', 1; end $$;
--- a value returned from void
create function bad9() returns void language plpgsql as $$ begin return 1; end $$;
--- no value returned
create function bad10() returns int language plpgsql as $$ begin return; end $$;
--- a value returned beside results
create function bad11(out a int) language plpgsql as $$ begin return 1; end $$;
--- next in a function without a set
create function bad12() returns int language plpgsql as $$ begin return next 1; end $$;
--- query in a function without a set
create function bad13() returns int language plpgsql as $$ begin return query select 1; end $$;
--- a value returned from a set
create function bad14() returns setof int language plpgsql as $$ begin return 1; end $$;
--- exit outside of a loop
create function bad15() returns int language plpgsql as $$ begin exit; end $$;
--- continue outside of a loop
create function bad16() returns int language plpgsql as $$ begin continue; end $$;
--- a label that is not there
create function bad17() returns int language plpgsql as $$ begin loop exit nowhere; end loop; end $$;
--- one name declared twice
create function bad18() returns int language plpgsql as $$ declare a int; a text; begin return 1; end $$;
--- a constant that is changed
create function bad19() returns int language plpgsql as $$ declare a constant int := 1; begin a := 2; return a; end $$;
--- not null without a value
create function bad20() returns int language plpgsql as $$ declare a int not null; begin return a; end $$;
--- a loop over rows without a variable for them
create function bad21() returns int language plpgsql as $$ begin for x in select 1 loop null; end loop; return 1; end $$;
--- an end label that differs
create function bad22() returns int language plpgsql as $$ <<a>> begin return 1; end b; $$;
--- a syntax error in a statement
create function bad23() returns int language plpgsql as $$ begin insert into; return 1; end $$;
--- a string without end
create function bad24() returns int language plpgsql as $$ begin return 'x; end $$;
--- a trigger on nothing
create trigger bad25 after insert on no_such_table for each row execute function f();
--- a trigger function that is not there
create table ref26 (id int); create trigger bad26 after insert on ref26 for each row execute function no_such_function();
--- a trigger function of another type
create table ref27 (id int); create function ref27f() returns int language sql as 'select 1'; create trigger bad27 after insert on ref27 for each row execute function ref27f();
--- old in the condition of an insert
create table ref28 (id int); create function ref28f() returns trigger language plpgsql as $$ begin return new; end $$; create trigger bad28 after insert on ref28 for each row when (old.id > 1) execute function ref28f();
--- instead of on a table
create table ref29 (id int); create function ref29f() returns trigger language plpgsql as $$ begin return new; end $$; create trigger bad29 instead of insert on ref29 for each row execute function ref29f();
--- a row trigger on a view
create view ref30 as select 1 as id; create function ref30f() returns trigger language plpgsql as $$ begin return new; end $$; create trigger bad30 before insert on ref30 for each row execute function ref30f();
--- a trigger that is there already
create table ref31 (id int); create function ref31f() returns trigger language plpgsql as $$ begin return new; end $$; create trigger t after insert on ref31 for each row execute function ref31f(); create trigger t before insert on ref31 for each row execute function ref31f();
--- a function that a trigger needs
create table ref32 (id int); create function ref32f() returns trigger language plpgsql as $$ begin return new; end $$; create trigger t after insert on ref32 for each row execute function ref32f(); drop function ref32f();
--- a column that a trigger needs
create table ref33 (id int, a int); create function ref33f() returns trigger language plpgsql as $$ begin return new; end $$; create trigger t after update of a on ref33 for each row execute function ref33f(); alter table ref33 drop column a;
--- a column of a trigger that is not there
create table ref34 (id int); create function ref34f() returns trigger language plpgsql as $$ begin return new; end $$; create trigger bad34 after update of nowhere on ref34 for each row execute function ref34f();
--- a syntax error in DO
do $$ begin if true then null; end $$;
--- another result for a function that is there
create function ref36() returns int language plpgsql as $$ begin return 1; end $$; create or replace function ref36() returns text language plpgsql as $$ begin return 'x'; end $$;
--- a transition table before the event
create table ref37 (id int); create function ref37f() returns trigger language plpgsql as $$ begin return new; end $$; create trigger t before insert on ref37 referencing new table as x for each statement execute function ref37f();

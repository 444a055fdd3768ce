-- every user gets a personal account on sign up
create or replace function private.run_new_user_setup()
    returns trigger
    language plpgsql
    security definer
    set search_path = public
as
$$
declare
    first_account_id uuid;
    generated_user_name text;
begin
    if new.email IS NOT NULL then
        generated_user_name := split_part(new.email, '@', 1);
    end if;
    insert into public.accounts (name, primary_owner_user_id, slug)
    values (coalesce(new.raw_user_meta_data ->> 'name', generated_user_name), NEW.id, generated_user_name || '-' || left(NEW.id::text, 4))
    returning id into first_account_id;

    insert into public.account_members (account_id, user_id, role)
    values (first_account_id, NEW.id, 'owner')
    on conflict on constraint account_members_pkey do nothing;

    return NEW;
end;
$$;

create trigger on_auth_user_created
    after insert
    on auth.users
    for each row
execute procedure private.run_new_user_setup();

create or replace function public.get_accounts() returns json language sql as $$
  select coalesce(json_agg(
    json_build_object('name', a.name, 'role', m.role, 'members', (select count(*) from account_members x where x.account_id = a.id))
    order by a.name), '[]'::json)
  from account_members m join accounts a on a.id = m.account_id
  where m.user_id = auth.uid();
$$;

alter table accounts add column if not exists public_metadata jsonb default '{}'::jsonb;
grant select (public_metadata), update (public_metadata) on accounts to authenticated;
alter type account_role add value if not exists 'billing' after 'admin';

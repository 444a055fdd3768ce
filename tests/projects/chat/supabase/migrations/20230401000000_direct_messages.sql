create table public.rooms (
  id uuid default gen_random_uuid() not null primary key,
  name text,
  is_group boolean default false not null,
  last_message_at timestamptz,
  message_count int not null default 0
);

create table public.room_participants (
  room_id uuid references public.rooms on delete cascade not null,
  profile_id uuid references public.users on delete cascade not null,
  last_read_at timestamptz,
  primary key (room_id, profile_id)
);
create index on public.room_participants (profile_id);

create table public.direct_messages (
  id uuid default gen_random_uuid() not null primary key,
  room_id uuid references public.rooms on delete cascade not null,
  sender_id uuid default auth.uid() references public.users on delete set null,
  content varchar(500) not null,
  reply_to uuid references public.direct_messages on delete set null,
  seq bigserial,
  created_at timestamptz default timezone('utc' :: TEXT, now()) not null,
  constraint content_not_blank check (length(btrim(content)) > 0)
);
create index direct_messages_room_idx on public.direct_messages (room_id, seq desc);

alter table public.rooms enable row level security;
alter table public.room_participants enable row level security;
alter table public.direct_messages enable row level security;

-- Returns true if the signed in user is a participant of the room
create or replace function is_room_participant(room_id uuid)
returns boolean as $$
  select exists(
    select 1
    from room_participants
    where room_id = is_room_participant.room_id and profile_id = auth.uid()
  );
$$ language sql security definer;

create policy "Users can view rooms that they have joined" on public.rooms for select using (is_room_participant(id));
create policy "Participants of the room can view other participants." on public.room_participants for select using (is_room_participant(room_id));
create policy "Users can mark as read" on public.room_participants for update using (profile_id = auth.uid()) with check (profile_id = auth.uid());
create policy "Users can view messages on rooms they are in." on public.direct_messages for select using (is_room_participant(room_id));
create policy "Users can insert messages on rooms they are in." on public.direct_messages for insert with check (is_room_participant(room_id) and sender_id = auth.uid());

-- Returns a room shared by the caller and the other user, creating one if there is none
create or replace function create_new_room(other_user_id uuid) returns uuid as $$
    declare
        new_room_id uuid;
    begin
        -- Check if room with both participants already exist
        with rooms_with_profiles as (
            select room_id, array_agg(profile_id) as participants
            from room_participants
            group by room_id
        )
        select room_id
        into new_room_id
        from rooms_with_profiles
        where create_new_room.other_user_id=any(participants)
        and auth.uid()=any(participants);

        if not found then
            -- Create a new room
            insert into public.rooms default values
            returning id into new_room_id;

            -- Insert the caller user into the new room
            insert into public.room_participants (profile_id, room_id)
            values (auth.uid(), new_room_id);

            -- Insert the other_user user into the new room
            insert into public.room_participants (profile_id, room_id)
            values (other_user_id, new_room_id);
        end if;

        return new_room_id;
    end
$$ language plpgsql security definer;

create or replace function public.touch_room() returns trigger language plpgsql security definer set search_path = public as $$
begin
  if (tg_op = 'INSERT') then
    update rooms set last_message_at = new.created_at, message_count = message_count + 1 where id = new.room_id;
  elsif (tg_op = 'DELETE') then
    update rooms set message_count = greatest(message_count - 1, 0) where id = old.room_id;
  end if;
  return null;
end $$;
create trigger touch_room after insert or delete on public.direct_messages for each row execute function public.touch_room();

create view public.room_list with (security_invoker = on) as
  select r.id, r.name, r.message_count, m.content as last_message, m.sender_id,
         (select json_agg(json_build_object('id', u.id, 'username', u.username) order by u.username)
            from room_participants rp join users u on u.id = rp.profile_id where rp.room_id = r.id) as participants
  from rooms r
  left join lateral (
    select content, sender_id from direct_messages dm where dm.room_id = r.id order by dm.seq desc limit 1
  ) m on true;

-- unread messages of each of the caller's rooms
create or replace function public.unread_counts()
returns table (room_id uuid, unread bigint)
language sql stable as $$
  select rp.room_id, count(dm.id) filter (where dm.sender_id is distinct from auth.uid())
  from room_participants rp
  left join direct_messages dm on dm.room_id = rp.room_id and dm.created_at > coalesce(rp.last_read_at, '-infinity')
  where rp.profile_id = auth.uid()
  group by rp.room_id
$$;

alter publication supabase_realtime add table public.direct_messages, public.room_participants;

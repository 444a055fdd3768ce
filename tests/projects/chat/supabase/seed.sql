insert into auth.users (id, email) values
  ('8d0fd2b3-9ca7-4d9e-a95f-9e13dded323e', 'supabot+supaadmin@example.com'),
  ('1d0fd2b3-9ca7-4d9e-a95f-9e13dded3231', 'mod+supamod@example.com'),
  ('2d0fd2b3-9ca7-4d9e-a95f-9e13dded3232', 'ann@example.com'),
  ('3d0fd2b3-9ca7-4d9e-a95f-9e13dded3233', 'ben@example.com');

insert into public.channels (slug, created_by) values
  ('public', '8d0fd2b3-9ca7-4d9e-a95f-9e13dded323e'),
  ('random', '2d0fd2b3-9ca7-4d9e-a95f-9e13dded3232');

insert into public.messages (message, channel_id, user_id) values
  ('Hello World 👋', 1, '8d0fd2b3-9ca7-4d9e-a95f-9e13dded323e'),
  ('Perfection is attained, not when there is nothing more to add, but when there is nothing left to take away.', 2, '2d0fd2b3-9ca7-4d9e-a95f-9e13dded3232');

-- role permissions
insert into public.role_permissions (role, permission)
values
    ('admin', 'channels.delete'),
    ('admin', 'messages.delete'),
    ('moderator', 'messages.delete');

insert into rooms (id, name, is_group) values ('5b2f54c8-3a55-4b3c-9f6a-3c9b34f0a001', 'Ann & Ben', false);
insert into room_participants (room_id, profile_id) values
  ('5b2f54c8-3a55-4b3c-9f6a-3c9b34f0a001', '2d0fd2b3-9ca7-4d9e-a95f-9e13dded3232'),
  ('5b2f54c8-3a55-4b3c-9f6a-3c9b34f0a001', '3d0fd2b3-9ca7-4d9e-a95f-9e13dded3233');
insert into direct_messages (id, room_id, sender_id, content) values
  ('5b2f54c8-3a55-4b3c-9f6a-3c9b34f0b001', '5b2f54c8-3a55-4b3c-9f6a-3c9b34f0a001', '2d0fd2b3-9ca7-4d9e-a95f-9e13dded3232', 'hi'),
  ('5b2f54c8-3a55-4b3c-9f6a-3c9b34f0b002', '5b2f54c8-3a55-4b3c-9f6a-3c9b34f0a001', '3d0fd2b3-9ca7-4d9e-a95f-9e13dded3233', 'hi, how are you?');

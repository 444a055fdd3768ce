// Items in SQLite, with WAL and durable commits; statements are prepared once.
import Database from 'better-sqlite3'

const db = new Database(process.env.SQLITE_PATH, { timeout: 20_000 })
for (const pragma of ['journal_mode = wal', 'synchronous = full', 'foreign_keys = on', 'cache_size = -65536']) {
  db.pragma(pragma)
}

db.exec(`
  create table if not exists owners (id text primary key, name text not null) strict;
  create table if not exists items (
    id integer primary key,
    owner_id text not null references owners on delete cascade,
    title text not null check (length(title) <= 200),
    price real not null check (price >= 0),
    state text not null default 'open',
    created_at text not null default (strftime('%Y-%m-%dT%H:%M:%fZ'))
  ) strict;
  create index if not exists items_owner_state_created on items (owner_id, state, created_at desc);
  create table if not exists notes (
    id integer primary key,
    item_id integer not null references items on delete cascade,
    body text not null
  ) strict;
  create index if not exists notes_item on notes (item_id);
`)

const one = db.prepare('select * from items where id = ? and owner_id = ?')
const columns = 'select id, title, price, state, created_at from items where owner_id = ?'
const newest = db.prepare(`${columns} order by created_at desc limit ?`)
const newestIn = db.prepare(`${columns} and state = ? order by created_at desc limit ?`)
const named = 'select i.id, i.title, i.price, o.name from items i join owners o on o.id = i.owner_id where i.owner_id = ?'
const newestNamed = db.prepare(`${named} order by i.created_at desc limit ?`)
const newestNamedIn = db.prepare(`${named} and i.state = ? order by i.created_at desc limit ?`)
const notes = db.prepare(`
  select id, item_id, body from notes where item_id in (select value from json_each(?)) order by id`)
const insertOwner = db.prepare('insert into owners (id, name) values (?, ?)')
const insertItem = db.prepare('insert into items (owner_id, title, price, state) values (?, ?, ?, ?)')
const insertNote = db.prepare('insert into notes (item_id, body) values (?, ?)')
const rename = db.prepare(`
  update items set title = coalesce(?, title), price = coalesce(?, price), state = coalesce(?, state)
  where id = ? and owner_id = ?`)

export const read = (id, owner) => one.get(id, owner)

export const list = (owner, state, limit) =>
  state === undefined ? newest.all(owner, limit) : newestIn.all(owner, state, limit)

export const listWithNotes = (owner, state, limit) => {
  const items = state === undefined ? newestNamed.all(owner, limit) : newestNamedIn.all(owner, state, limit)
  return [items, notes.all(JSON.stringify(items.map((item) => item.id)))]
}

const insertAll = db.transaction((items) => {
  for (const item of items) insertItem.run(item.owner_id, item.title, item.price, item.state ?? 'open')
})
export const insert = (items) => insertAll.immediate(items)

export const update = (id, owner, values) =>
  rename.run(values.title ?? null, values.price ?? null, values.state ?? null, id, owner).changes

export const fill = db.transaction((owners, items, notes) => {
  for (const owner of owners) insertOwner.run(owner.id, owner.name)
  for (const item of items) insertItem.run(item.owner_id, item.title, item.price, item.state)
  for (const note of notes) insertNote.run(note.item_id, note.body)
})

export const close = () => db.close()

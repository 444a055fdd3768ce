// The shop window: categories on the left, goods on the right, a page at a time.

import { element, openAccount } from './account.js';

if (!globalThis.supabase) {
  document.getElementById('status').textContent = 'supabase-js is missing: run "make demo", or "npm ci" and "npm run vendor" in examples/shop.';
}
const project = await (await fetch('backstay.json')).json();
const client = supabase.createClient(location.origin, project.publishableKey, { auth: { flowType: 'pkce' } });

const PAGE = 12;
const euros = new Intl.NumberFormat('en', { style: 'currency', currency: 'EUR' });
const state = { shelf: null, words: '', page: 0 };
const $ = (id) => document.getElementById(id);

async function showShelves() {
  const { data, error } = await client.from('shelves').select('id, name, goods').order('position');
  if (error) return tell(error);
  const all = { id: null, name: 'All goods', goods: data.reduce((sum, shelf) => sum + shelf.goods, 0) };
  $('shelves').replaceChildren(...[all, ...data].map((shelf) => {
    const button = element('button', '');
    button.append(element('span', shelf.name), element('span', shelf.goods, 'small'));
    button.setAttribute('aria-current', String(shelf.id === (state.shelf?.id ?? null)));
    button.onclick = () => { Object.assign(state, { shelf: shelf.id ? shelf : null, page: 0 }); refresh(); };
    const item = document.createElement('li');
    item.append(button);
    return item;
  }));
}

// Each category has a colour of its own, in place of photographs.
const hue = (category) => (category * 47) % 360;

function card(good) {
  const made = document.createElement('li');
  made.style.setProperty('--hue', hue(good.category_id));
  const picture = element('div', good.title.split(' ').at(-1)[0].toUpperCase(), 'picture');
  picture.setAttribute('aria-hidden', 'true');
  const tags = element('div', '', 'tags');
  tags.append(...good.tags.map((tag) => element('span', tag)));
  const offer = element('div', '', 'offer');
  offer.append(
    element('span', euros.format(good.price), 'price'),
    element('span', good.stock > 0 ? `${good.stock} in stock` : 'sold out', 'small'),
  );
  const add = element('button', 'Add to basket', 'add');
  add.type = 'button';
  add.disabled = good.stock === 0;
  add.setAttribute('aria-label', `Add to basket: ${good.title}`);
  add.onclick = () => account.add(good);
  made.append(picture, element('h3', good.title), element('span', good.categories.name, 'small'), tags, offer, add);
  return made;
}

let asked = 0;

async function showGoods() {
  const columns = 'id, title, price, stock, tags, category_id, categories(name)';
  let query = state.words
    ? client.rpc('search_goods', { q: state.words }, { count: 'exact' }).select(columns)
    : client.from('goods').select(columns, { count: 'exact' });
  if (state.shelf) query = query.eq('category_id', state.shelf.id);
  const first = state.page * PAGE;
  const turn = ++asked;
  const { data, count, error } = await query.order('title').order('id').range(first, first + PAGE - 1);
  // Answers may arrive in another order than they were asked for: the last question counts.
  if (turn !== asked) return;
  if (error) return tell(error);
  $('title').textContent = state.shelf?.name ?? 'All goods';
  $('status').textContent = count === 0 ? 'Nothing found.' : '';
  $('where').textContent = count ? `${first + 1} to ${first + data.length} of ${count}` : '';
  $('back').disabled = state.page === 0;
  $('next').disabled = first + data.length >= count;
  $('goods').replaceChildren(...data.map(card));
}

function tell(error) {
  $('status').textContent = `${error.message}${error.hint ? ` (${error.hint})` : ''}`;
}

function refresh() {
  return Promise.all([showShelves(), showGoods()]);
}

$('back').onclick = () => { state.page -= 1; showGoods(); };
$('next').onclick = () => { state.page += 1; showGoods(); };
$('search').onsubmit = (event) => event.preventDefault();
$('words').oninput = (event) => { Object.assign(state, { words: event.target.value.trim(), page: 0 }); showGoods(); };

const account = await openAccount(client, tell);
await refresh();
document.body.dataset.ready = 'true';

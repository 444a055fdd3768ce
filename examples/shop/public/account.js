// Who is there, their basket and their orders. People sign in on the server's own pages.

const euros = new Intl.NumberFormat('en', { style: 'currency', currency: 'EUR' });
const dates = new Intl.DateTimeFormat('en', { dateStyle: 'medium' });
const $ = (id) => document.getElementById(id);

export function element(name, text, className) {
  const made = document.createElement(name);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

function button(text, action, className) {
  const made = element('button', text, className);
  made.type = 'button';
  made.onclick = action;
  return made;
}

export async function openAccount(client, tell) {
  const { data: { session } } = await client.auth.getSession();

  const enter = (page) => client.auth.signInWithOAuth({
    provider: 'backstay',
    options: { redirectTo: location.origin + location.pathname, queryParams: { page } },
  });

  async function leave() {
    await client.auth.signOut();
    location.reload();
  }

  const columns = 'basket_lines(good_id, quantity, goods(title, price))';
  async function lines() {
    const { data, error } = await client.from('baskets').select(columns);
    if (error) tell(error);
    return (data ?? []).flatMap((basket) => basket.basket_lines);
  }

  async function showBar() {
    if (!session) {
      $('account').replaceChildren(
        button('Sign in', () => enter('sign-in')),
        button('Create account', () => enter('sign-up'), 'mark'),
      );
      return;
    }
    const count = (await lines()).reduce((sum, line) => sum + line.quantity, 0);
    $('account').replaceChildren(
      element('span', session.user.email, 'small'),
      button(`Basket (${count})`, showBasket),
      button('Orders', showOrders),
      button('Sign out', leave),
    );
  }

  function showPanel(title, ...content) {
    $('panel-title').textContent = title;
    $('panel-content').replaceChildren(...content);
    if (!$('panel').open) $('panel').showModal();
  }

  function row(text, amount) {
    const made = document.createElement('li');
    made.append(element('span', text), element('span', amount));
    return made;
  }

  async function showBasket() {
    const held = await lines();
    if (!held.length) return showPanel('Basket', element('p', 'Your basket is empty.'));
    const list = document.createElement('ul');
    list.append(...held.map(({ quantity, goods }) => row(`${quantity} × ${goods.title}`, euros.format(quantity * goods.price))));
    const total = held.reduce((sum, { quantity, goods }) => sum + quantity * goods.price, 0);
    const order = button('Order', async () => {
      const { error } = await client.rpc('place_order');
      if (error) return tell(error);
      await showBar();
      await showOrders();
    }, 'mark');
    showPanel('Basket', list, element('p', `Total ${euros.format(total)}`, 'price'), order);
  }

  async function showOrders() {
    const { data, error } = await client.from('orders')
      .select('id, placed_at, state, order_total, order_lines(quantity, goods(title))')
      .eq('customer_id', session.user.id)
      .order('placed_at', { ascending: false });
    if (error) return tell(error);
    if (!data.length) return showPanel('Orders', element('p', 'You have not ordered yet.'));
    showPanel('Orders', ...data.map((order) => {
      const made = element('section', '');
      const list = document.createElement('ul');
      list.append(...order.order_lines.map((line) => row(line.goods?.title ?? 'No longer sold', `× ${line.quantity}`)));
      const about = `${dates.format(new Date(order.placed_at))}, ${order.state}, ${euros.format(order.order_total)}`;
      made.append(element('h3', `Order ${order.id}`), element('p', about, 'small'), list);
      return made;
    }));
  }

  async function add(good) {
    if (!session) return enter('sign-in');
    const { error } = await client.rpc('add_to_basket', { good: good.id });
    if (error) return tell(error);
    await showBar();
  }

  await showBar();
  return { add };
}

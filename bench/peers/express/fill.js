// `fill.js OWNERS ITEMS`: the tables, and the rows that are measured.
import { store } from './store.js'

const [owners, items] = process.argv.slice(2).map(Number)
const upTo = (count) => Array.from({ length: count }, (_, n) => n)
const owner = (n) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`

await store.fill(
  upTo(owners).map((n) => ({ id: owner(n), name: `owner ${n}` })),
  upTo(items).map((n) => n + 1).map((n) => ({
    owner_id: owner(n % owners),
    title: `item ${n}`,
    price: (n % 100) + 0.25,
    state: n % 3 === 0 ? 'done' : 'open',
  })),
  upTo(items * 2).map((n) => ({ item_id: (n >> 1) + 1, body: `note ${n % 2} of ${(n >> 1) + 1}` })),
)
await store.close()

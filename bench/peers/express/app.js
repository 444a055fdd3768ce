// Everybody reads and writes their own items.
import { createSecretKey } from 'node:crypto'

import express from 'express'
import jwt from 'jsonwebtoken'

import { store } from './store.js'

// As a key made once: of a text, the library would try each time whether it is a public key.
const secret = createSecretKey(process.env.JWT_SECRET, 'utf8')

export const app = express()
app.disable('x-powered-by')
app.use((req, res, next) => {
  const [kind, token] = (req.get('authorization') ?? '').split(' ')
  if (kind.toLowerCase() !== 'bearer') return res.sendStatus(401)
  try {
    const options = { algorithms: ['HS256'], audience: 'authenticated' }
    req.user = jwt.verify(token, secret, options).sub
  } catch {
    return res.sendStatus(401)
  }
  next()
})
app.use(express.json({ limit: '10mb' }))

// What is wrong with the values of an item that was sent: a status, or none.
const wrong = (values, owner) => {
  const { owner_id, title, price } = values ?? {}
  if (owner_id !== undefined && owner_id !== owner) return 403
  if (title !== undefined && (typeof title !== 'string' || title.length > 200)) return 400
  if (price !== undefined && !(price >= 0)) return 400
}

// The newest items first, at most `limit`, filtered by `state` if it is given.
app.get('/items', async (req, res) => {
  res.json(await store.list(req.user, req.query.state, Number(req.query.limit ?? 1000)))
})

// The same items with their owners' names and their notes.
app.get('/items/with-notes', async (req, res) => {
  const { state, limit = 1000 } = req.query
  const [items, notes] = await store.listWithNotes(req.user, state, Number(limit))
  const byItem = new Map(items.map((item) => [item.id, []]))
  for (const { item_id, id, body } of notes) byItem.get(item_id).push({ id, body })
  res.json(
    items.map(({ id, title, price, name }) => ({
      id,
      title,
      price,
      owners: { name },
      notes: byItem.get(id),
    })),
  )
})

app.get('/items/:id', async (req, res) => {
  const item = await store.read(Number(req.params.id), req.user)
  return item === undefined ? res.sendStatus(404) : res.json(item)
})

// One item or a list of them, of which all are stored or none.
app.post('/items', async (req, res) => {
  const items = Array.isArray(req.body) ? req.body : [req.body]
  const status = items.map((item) => wrong(item, req.user)).find(Boolean)
  if (status) return res.sendStatus(status)
  await store.insert(items)
  res.status(201).end()
})

app.patch('/items/:id', async (req, res) => {
  const status = wrong(req.body, req.user)
  if (status) return res.sendStatus(status)
  const changed = await store.update(Number(req.params.id), req.user, req.body)
  res.status(changed === 0 ? 404 : 204).end()
})

// The page: a list of what the key may use, one relation or function at a time, and a form that
// calls it. Everything is put in as text, never as markup. Keys stay in this module.

import { credentials, load } from '/docs/model.js'
import { callsOf, examplesOf, requestOf, write } from '/docs/examples.js'
import { pretty } from '/docs/json.js'

const LANGUAGES = [['curl', 'curl'], ['javascript', 'supabase-js'], ['python', 'Python']]
const find = (id) => document.getElementById(id)

const state = { publishable: '', key: '', schema: '', schemas: [], api: null, shown: null, language: 'curl' }

/** An element with attributes and children; texts are texts. */
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value)
    else if (value !== false && value !== undefined) element.setAttribute(key, value === true ? '' : value)
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== ''))
  return element
}

const named = (name) => make('bdi', {}, name)
const addressOf = (one) => `#/${one.kind === 'function' ? 'function' : 'relation'}/${encodeURIComponent(one.name)}`
const otherSchema = () => (state.schema && state.schema !== state.schemas[0] ? state.schema : '')

function say(text, bad = false) {
  find('status').textContent = text
  find('status').className = bad ? 'bad' : ''
}

async function start() {
  const project = await fetch('/backstay.json').then((response) => response.json()).catch(() => ({}))
  state.publishable = project.publishableKey || ''
  state.schemas = project.schemas || []
  state.schema = state.schemas[0] || ''
  state.key = state.publishable
  find('key').value = state.key
  if (project.project) {
    find('project').textContent = project.project
    document.title = `${project.project}: API documentation`
  }
  find('schema').replaceChildren(...state.schemas.map((schema) => make('option', {}, schema)))
  find('access').addEventListener('submit', (event) => {
    event.preventDefault()
    state.key = find('key').value.trim()
    reload()
  })
  find('schema').addEventListener('change', () => {
    state.schema = find('schema').value
    reload()
  })
  find('find').addEventListener('input', list)
  find('call').addEventListener('submit', send)
  window.addEventListener('hashchange', () => show(true))
  await reload()
}

async function reload() {
  say('Loading…')
  try {
    state.api = await load(credentials(state.key, state.publishable), state.schema)
    const { relations, functions } = state.api
    say(relations.length + functions.length ? '' : 'This key may use nothing in this schema.')
  } catch (error) {
    state.api = { title: '', relations: [], functions: [] }
    say(error.message, true)
  }
  list()
  show(false)
  find('try').hidden = false
  document.body.dataset.ready = 'true'
}

function list() {
  const wanted = find('find').value.trim().toLowerCase()
  const { relations, functions } = state.api
  const groups = [
    ['Tables', relations.filter((one) => one.kind === 'table')],
    ['Views', relations.filter((one) => one.kind !== 'table')],
    ['Functions', functions],
  ]
  const parts = groups.flatMap(([title, all]) => {
    const found = all.filter((one) => one.name.toLowerCase().includes(wanted))
    if (!found.length) return []
    return [make('h2', {}, title), make('ul', {}, ...found.map((one) => make('li', {}, link(one))))]
  })
  find('list').replaceChildren(...parts)
}

function link(one) {
  const comment = one.comment.split('\n')[0]
  const current = one === state.shown ? 'page' : undefined
  return make('a', { href: addressOf(one), 'aria-current': current }, named(one.name), comment ? make('small', { dir: 'auto' }, comment) : '')
}

function chosen() {
  const [, kind, name] = window.location.hash.split('/')
  if (!name) return null
  const among = kind === 'function' ? state.api.functions : state.api.relations
  let wanted
  try {
    wanted = decodeURIComponent(name)
  } catch {
    return null
  }
  return among.find((one) => one.name === wanted) || null
}

/** Shows what the address names. `moved`: the reader followed a link. */
function show(moved) {
  state.shown = chosen()
  list()
  const one = state.shown
  find('answer').hidden = true
  if (!one) {
    find('content').replaceChildren(overview())
    fill({ method: 'GET', path: '/rest/v1/', headers: [], body: '' })
  } else {
    const examples = one.kind === 'function' ? callsOf(one) : examplesOf(one)
    const kind = make('span', { class: 'kind' }, one.kind)
    const comment = one.comment ? make('p', { class: 'comment', dir: 'auto' }, one.comment) : ''
    const details = one.kind === 'function' ? argumentsOf(one) : columnsOf(one)
    const parts = [make('h1', {}, named(one.name), ' ', kind), comment, details, samples(examples)]
    find('content').replaceChildren(...parts.filter(Boolean))
    if (examples.length) fill(requestOf(examples[0], otherSchema()))
  }
  if (moved) find('main').focus()
}

function overview() {
  const { title, description, relations, functions } = state.api
  const counted = `${relations.length} tables and views and ${functions.length} functions can be used with this key.`
  return make('div', {},
    make('h1', { dir: 'auto' }, title || 'API'),
    description ? make('p', { class: 'comment', dir: 'auto' }, description) : '',
    make('p', {}, counted, ' Choose one to see its columns, examples, and to try it.'),
    make('p', {}, 'The description itself: ', make('code', {}, 'GET /rest/v1/'), ' (Swagger 2.0, and OpenAPI 3.1 with ',
      make('code', {}, 'Accept: application/vnd.oai.openapi+json;version=3.1'), ').'))
}

function table(caption, titles, rows) {
  return make('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': caption },
    make('table', {}, make('caption', {}, caption),
      make('thead', {}, make('tr', {}, ...titles.map((title) => make('th', { scope: 'col' }, title)))),
      make('tbody', {}, ...rows)))
}

function columnsOf(relation) {
  const rows = relation.columns.map((column) => make('tr', {},
    make('th', { scope: 'row' }, named(column.name)),
    make('td', {}, make('code', {}, column.type), column.labels.length ? make('div', { class: 'note' }, column.labels.join(', ')) : ''),
    make('td', {}, column.nullable ? 'yes' : 'no'),
    make('td', {}, column.default === undefined ? '' : make('code', {}, column.default)),
    make('td', {}, ...keysOf(column)),
    make('td', { dir: 'auto' }, column.comment)))
  return table('Columns', ['Name', 'Type', 'Null', 'Default', 'Keys', 'Comment'], rows)
}

function keysOf(column) {
  const parts = []
  if (column.primary) parts.push(make('span', { class: 'tag' }, 'primary key'), ' ')
  if (column.references) {
    const { table: name, column: other } = column.references
    parts.push(make('a', { href: addressOf({ kind: 'table', name }) }, '→ ', named(`${name}.${other}`)), ' ')
  }
  if (column.generated) parts.push(make('span', { class: 'tag' }, 'generated'), ' ')
  if (!column.readable) parts.push(make('span', { class: 'tag' }, 'write only'))
  return parts
}

function argumentsOf(callable) {
  const result = make('p', {}, 'Returns ', make('code', {}, (callable.set ? 'setof ' : '') + callable.returns), '.')
  if (callable.whole) return make('div', {}, make('p', {}, 'The whole body is its argument.'), result)
  if (!callable.arguments.length) return make('div', {}, make('p', {}, 'It takes no arguments.'), result)
  const rows = callable.arguments.map((one) => make('tr', {},
    make('th', { scope: 'row' }, named(one.name)),
    make('td', {}, make('code', {}, one.type)),
    make('td', {}, one.required ? 'yes' : 'no')))
  return make('div', {}, table('Arguments', ['Name', 'Type', 'Needed'], rows), result)
}

function samples(examples) {
  const section = make('section', { 'aria-labelledby': 'examples' }, make('h2', { id: 'examples' }, 'Examples'))
  if (!examples.length) {
    section.append(make('p', {}, 'With this key nothing can be done here.'))
    return section
  }
  const choices = LANGUAGES.map(([value, label]) => make('label', {},
    make('input', { type: 'radio', name: 'language', value, checked: value === state.language, onchange: () => {
      state.language = value
      retell()
    } }), ' ', label))
  const texts = []
  const retell = () => texts.forEach(([element, example]) => {
    element.textContent = write(example, state.language, { origin: window.location.origin, key: shownKey(), schema: otherSchema() })
  })
  section.append(make('fieldset', { class: 'languages' }, make('legend', {}, 'Language'), ...choices))
  for (const example of examples) {
    const text = make('pre', { tabindex: '0', 'aria-label': example.title })
    texts.push([text, example])
    const use = () => {
      fill(requestOf(example, otherSchema()))
      find('path').focus()
    }
    const title = make('h3', {}, named(example.title))
    const button = make('button', { type: 'button', class: 'quiet', onclick: use, 'aria-label': `Try: ${example.title}` }, 'Try')
    section.append(make('div', { class: 'example' }, make('div', {}, title, button), text))
  }
  retell()
  return section
}

/** Examples are copied around: they hold the publishable key or none. */
const shownKey = () => (state.key && state.key === state.publishable ? state.key : 'YOUR_KEY')

function fill({ method, path, headers, body }) {
  find('method').value = method
  find('path').value = path
  find('headers').value = headers.map(([name, value]) => `${name}: ${value}`).join('\n')
  find('body').value = body
}

function written() {
  const headers = new Headers(credentials(state.key, state.publishable))
  for (const line of find('headers').value.split('\n')) {
    const at = line.indexOf(':')
    if (at > 0) headers.set(line.slice(0, at).trim(), line.slice(at + 1).trim())
  }
  const method = find('method').value
  const body = method === 'GET' || method === 'HEAD' ? undefined : find('body').value || undefined
  if (body !== undefined && !headers.has('Content-Type')) headers.set('Content-Type', 'application/json')
  return { method, headers, body }
}

async function send(event) {
  event.preventDefault()
  const started = performance.now()
  const answer = { status: '', time: '', headers: '', body: '' }
  try {
    const url = new URL(find('path').value, window.location.origin)
    if (url.origin !== window.location.origin) throw new Error('The path must be on this server.')
    const response = await fetch(url, written())
    const text = await response.text()
    answer.status = `${response.status} ${response.statusText}`.trim()
    answer.time = `${Math.round(performance.now() - started)} ms`
    answer.headers = [...response.headers].map(([name, value]) => `${name}: ${value}`).join('\n')
    answer.body = pretty(text)
  } catch (error) {
    answer.status = 'Not sent'
    answer.body = error.message
  }
  for (const [part, text] of Object.entries(answer)) find(`answer-${part}`).textContent = text
  find('answer-body').hidden = answer.body === ''
  find('answer').hidden = false
}

start()

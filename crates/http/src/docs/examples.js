// Examples of calls, each as curl, supabase-js and Python.

const OPERATORS = { number: 'gte', date: 'gte', text: 'like', boolean: 'is', exact: 'eq' }

/** A plausible value of a column. */
export function sample(column) {
  const type = column.type
  if (column.labels.length) return column.labels[0]
  if (type.endsWith('[]')) return []
  if (/^(smallint|integer|bigint)/.test(type)) return 1
  if (/^(numeric|real|double)/.test(type)) return 9.5
  if (type.startsWith('boolean')) return true
  if (type === 'uuid') return '00000000-0000-4000-8000-000000000001'
  if (type === 'date') return '2026-01-31'
  if (type.startsWith('timestamp')) return type.includes('without') ? '2026-01-31T12:00:00' : '2026-01-31T12:00:00Z'
  if (type.startsWith('time')) return '12:00:00'
  if (type.startsWith('json')) return {}
  if (column.schema.type === 'object') return {}
  return 'text'
}

function family(column) {
  if (column.labels.length || column.type === 'uuid') return 'exact'
  if (/^(smallint|integer|bigint|numeric|real|double)/.test(column.type)) return 'number'
  if (/^(date|timestamp)/.test(column.type)) return 'date'
  if (column.type.startsWith('boolean')) return 'boolean'
  if (/^(text|character|citext)/.test(column.type)) return 'text'
  return 'exact'
}

/** The filter that the example uses for a column: operator and value. */
function filterOf(column) {
  const operator = OPERATORS[family(column)]
  const value = operator === 'like' ? '%a%' : sample(column)
  return { name: column.name, operator, value }
}

const plainName = (name) => /^[\p{L}\p{N}_$]+$/u.test(name)
const quotedName = (name) => (plainName(name) ? name : `"${name.replace(/[\\"]/g, '\\$&')}"`)
const literal = (value) => (typeof value === 'object' ? JSON.stringify(value) : String(value))

/** All examples of a relation. */
export function examplesOf(relation) {
  const examples = []
  const readable = relation.columns.filter((column) => column.readable)
  const scalar = readable.filter((column) => !column.type.endsWith('[]') && !column.type.startsWith('json'))
  const key = readable.find((column) => column.primary) || scalar[0]
  const own = scalar.filter((column) => !column.primary && !column.references)
  // What people would look for, rather than an id.
  const plain = own.find((column) => family(column) !== 'exact') || own[0] || scalar[0]
  const one = key && { name: key.name, operator: 'eq', value: sample(key) }
  const order = plain && { name: plain.name, descending: false }
  if (relation.read) {
    examples.push({ title: 'Read rows', kind: 'read', relation, select: '*', filters: [], order, limit: 10 })
    if (plain) {
      const select = readable.slice(0, 4).map((column) => quotedName(column.name)).join(',')
      examples.push({ title: 'Filter and choose columns', kind: 'read', relation, select, filters: [filterOf(plain)], order: null, limit: 10 })
    }
    for (const embed of relation.embeds.slice(0, 2)) {
      const target = quotedName(embed.name) + (embed.hint ? `!${quotedName(embed.hint)}` : '')
      examples.push({ title: `Read with ${embed.name}`, kind: 'read', relation, select: `*,${target}(*)`, filters: [], order: null, limit: 10 })
    }
  }
  if (relation.insert.length) {
    const required = relation.insert.filter((column) => column.required)
    const others = relation.insert.filter((column) => column.default === undefined && !column.required)
    const given = required.length ? required : others.length ? others.slice(0, 2) : relation.insert.slice(0, 2)
    examples.push({ title: 'Insert a row', kind: 'insert', relation, values: valuesOf(given) })
  }
  if (relation.update.length && one) {
    const changed = relation.update.find((column) => !column.primary && !column.references) || relation.update[0]
    examples.push({ title: 'Change rows', kind: 'update', relation, values: valuesOf([changed]), filters: [one] })
  }
  if (relation.remove && one) examples.push({ title: 'Delete rows', kind: 'delete', relation, filters: [one] })
  return examples
}

/** All examples of a function. */
export function callsOf(callable) {
  const values = callable.whole ? {} : valuesOf(callable.arguments.filter((one) => one.required))
  const call = { title: 'Call it', kind: 'call', relation: callable, values, method: 'POST' }
  if (!callable.reads) return [call]
  return [call, { ...call, title: 'Call it with GET', method: 'GET' }]
}

const valuesOf = (columns) => Object.fromEntries(columns.map((column) => [column.name, sample(column)]))

/** The HTTP request of an example. */
export function requestOf(example, schema) {
  const parameters = []
  const add = (name, value) => parameters.push(`${encode(name)}=${encode(value)}`)
  if (example.kind === 'read') add('select', example.select)
  for (const { name, operator, value } of example.filters || []) {
    add(quotedName(name), `${operator}.${literal(value).replace(/%/g, operator === 'like' ? '*' : '%')}`)
  }
  if (example.order) add('order', quotedName(example.order.name))
  if (example.limit) add('limit', example.limit)
  const byGet = example.kind === 'call' && example.method === 'GET'
  if (byGet) for (const [name, value] of Object.entries(example.values)) add(name, argument(value))
  const method = { read: 'GET', insert: 'POST', update: 'PATCH', delete: 'DELETE', call: example.method }[example.kind]
  const headers = []
  if (schema) headers.push([method === 'GET' ? 'Accept-Profile' : 'Content-Profile', schema])
  if (example.kind === 'insert' || example.kind === 'update') headers.push(['Prefer', 'return=representation'])
  const query = parameters.length ? `?${parameters.join('&')}` : ''
  const body = example.values && !byGet ? JSON.stringify(example.values, null, 2) : ''
  return { method, path: `/rest/v1${example.relation.path}${query}`, headers, body }
}

const argument = (value) => (Array.isArray(value) ? `{${value.join(',')}}` : literal(value))

/** Percent-encoding that leaves what is harmless in a query readable. */
const encode = (text) => encodeURIComponent(text).replace(/%2C/g, ',').replace(/%3A/g, ':').replace(/%24/g, '$')

const shell = (text) => `'${text.replace(/'/g, `'\\''`)}'`
const script = (value) => JSON.stringify(value).replace(/[\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16)}`)

/** A value as Python writes it. */
function python(value) {
  if (value === null) return 'None'
  if (value === true) return 'True'
  if (value === false) return 'False'
  if (Array.isArray(value)) return `[${value.map(python).join(', ')}]`
  if (typeof value === 'object') {
    return `{${Object.entries(value).map(([key, inner]) => `${script(key)}: ${python(inner)}`).join(', ')}}`
  }
  return script(value)
}

/** The text of an example in a language. */
export function write(example, language, { origin, key, schema }) {
  if (language === 'curl') return curl(requestOf(example, schema), origin, key)
  return language === 'python' ? client(example, PYTHON, origin, key, schema) : client(example, JAVASCRIPT, origin, key, schema)
}

function curl({ method, path, headers, body }, origin, key) {
  const lines = [`curl -X ${method} ${shell(new URL(path, origin).href)}`, `  -H ${shell(`apikey: ${key}`)}`]
  for (const [name, value] of headers) lines.push(`  -H ${shell(`${name}: ${value}`)}`)
  if (body) lines.push(`  -H 'Content-Type: application/json'`, `  -d ${shell(JSON.stringify(JSON.parse(body)))}`)
  return lines.join(' \\\n')
}

const JAVASCRIPT = {
  value: script,
  from: 'from',
  head: (origin, key) =>
    `import { createClient } from '@supabase/supabase-js'\n\nconst supabase = createClient(${script(origin)}, ${script(key)})\n`,
  body: (calls) => `const { data, error } = await supabase\n${calls.map((call) => `  .${call}`).join('\n')}`,
  returning: 'select()',
  byGet: ', { get: true }',
}

const PYTHON = {
  value: python,
  from: 'table',
  head: (origin, key) => `from supabase import create_client\n\nsupabase = create_client(${script(origin)}, ${script(key)})\n`,
  body: (calls) => `answer = (\n    supabase\n${[...calls, 'execute()'].map((call) => `    .${call}`).join('\n')}\n)\nprint(answer.data)`,
  returning: null,
  byGet: ', get=True',
}

function client(example, language, origin, key, schema) {
  const { value } = language
  const calls = schema ? [`schema(${value(schema)})`] : []
  const name = value(example.relation.name)
  if (example.kind === 'call') {
    const options = example.method === 'GET' ? language.byGet : ''
    calls.push(`rpc(${name}, ${value(example.values)}${options})`)
    return `${language.head(origin, key)}\n${language.body(calls)}`
  }
  calls.push(`${language.from}(${name})`)
  if (example.kind === 'read') calls.push(`select(${value(example.select)})`)
  if (example.kind === 'insert') calls.push(`insert(${value(example.values)})`)
  if (example.kind === 'update') calls.push(`update(${value(example.values)})`)
  if (example.kind === 'delete') calls.push('delete()')
  for (const filter of example.filters || []) {
    const operator = filter.operator === 'is' && language === PYTHON ? 'is_' : filter.operator
    calls.push(`${operator}(${value(quotedName(filter.name))}, ${value(filter.value)})`)
  }
  if (example.kind === 'insert' || example.kind === 'update') {
    if (language.returning) calls.push(language.returning)
  }
  if (example.order) calls.push(`order(${value(quotedName(example.order.name))})`)
  if (example.limit) calls.push(`limit(${example.limit})`)
  return `${language.head(origin, key)}\n${language.body(calls)}`
}

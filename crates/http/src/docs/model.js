// From the OpenAPI document to what the page shows: relations and functions.

const OPENAPI = 'application/vnd.oai.openapi+json;version=3.1'

/** The headers that say who is calling. A token has three parts and needs a key beside it. */
export function credentials(key, publishable) {
  if (!key) return {}
  if (key.split('.').length === 3 && !key.startsWith('sb_')) {
    return publishable ? { apikey: publishable, Authorization: `Bearer ${key}` } : { apikey: key }
  }
  return { apikey: key }
}

/** Reads the description of a schema with a key. */
export async function load(headers, schema) {
  const asked = schema ? { 'Accept-Profile': schema } : {}
  const response = await fetch('/rest/v1/', { headers: { ...headers, ...asked, Accept: OPENAPI } })
  const document = await response.json().catch(() => ({}))
  if (!response.ok) throw new Error(document.message || `The server answered ${response.status}.`)
  return understand(document)
}

function understand(document) {
  const schemas = document.components.schemas
  const relations = []
  const functions = []
  for (const [path, item] of Object.entries(document.paths)) {
    const comment = commentOf(item)
    if (item['x-relation']) relations.push(relation(path, item, comment, schemas))
    if (item['x-function']) functions.push(callable(path, item, comment, schemas))
  }
  for (const one of relations) {
    one.embeds = relations.flatMap((other) => embeds(one, other))
  }
  return { title: document.info.title, description: document.info.description, relations, functions }
}

function commentOf(item) {
  const { summary, description } = item.get || item.post || item.patch || item.delete || {}
  return [summary, description].filter(Boolean).join('\n')
}

function columns(schema) {
  if (!schema) return []
  const required = new Set(schema.required)
  return Object.entries(schema.properties).map(([name, property]) => ({
    name,
    type: property['x-sql-type'] || 'any',
    nullable: [property.type].flat().includes('null') || Boolean(property.anyOf) || !property.type,
    required: required.has(name),
    default: property['x-default'] ?? (property.default === undefined ? undefined : JSON.stringify(property.default)),
    comment: property.description || '',
    primary: Boolean(property['x-primary-key']),
    references: property['x-references'],
    generated: Boolean(property.readOnly),
    readable: !property.writeOnly,
    labels: (property.enum || []).filter((label) => label !== null),
    schema: property,
  }))
}

function relation(path, item, comment, schemas) {
  const { name, kind, row, insert, update } = item['x-relation']
  const all = columns(schemas[row])
  const known = new Set(schemas[row].required)
  for (const column of all) column.nullable = column.nullable && !known.has(column.name)
  return {
    name, kind, path, comment, columns: all,
    read: Boolean(item.get), insert: columns(schemas[insert]), update: columns(schemas[update]),
    remove: Boolean(item.delete),
  }
}

function callable(path, item, comment, schemas) {
  const { name, returns, set, arguments: key } = item['x-function']
  return { name, kind: 'function', path, comment, returns, set, reads: Boolean(item.get), whole: !key, arguments: columns(schemas[key]) }
}

/** How rows of `other` can be embedded in rows of `one`. */
function embeds(one, other) {
  if (!other.read) return []
  const up = one.columns.filter((column) => column.references?.table === other.name)
  const down = other.columns.filter((column) => column.references?.table === one.name)
  if (one === other) return up.map((column) => ({ name: other.name, hint: column.name, to: other }))
  const hint = up.length + down.length > 1
  return [...up, ...down].map((column) => ({ name: other.name, hint: hint ? column.name : null, to: other }))
}

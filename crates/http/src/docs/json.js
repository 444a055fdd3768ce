// JSON for people, without touching numbers: 1.50 stays 1.50, and 2^60 keeps all its digits.

/** The text indented; texts that are no JSON come back as they are. */
export function pretty(text) {
  try {
    JSON.parse(text)
  } catch {
    return text
  }
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[[\]{},:]|[^\s[\]{},:"]+/g) || []
  let out = ''
  let depth = 0
  const line = () => `\n${'  '.repeat(depth)}`
  tokens.forEach((token, index) => {
    const next = tokens[index + 1]
    if (token === '{' || token === '[') {
      const closed = next === '}' || next === ']'
      out += token
      if (!closed) {
        depth += 1
        out += line()
      }
    } else if (token === '}' || token === ']') {
      const before = tokens[index - 1]
      if (before !== '{' && before !== '[') {
        depth -= 1
        out += line()
      }
      out += token
    } else if (token === ',') {
      out += `,${line()}`
    } else {
      out += token === ':' ? ': ' : token
    }
  })
  return out
}

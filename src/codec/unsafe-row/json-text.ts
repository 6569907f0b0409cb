// Pieces of JSON text as Spark's JSON library writes them.

// oxlint-disable-next-line no-control-regex -- control characters are what must be escaped
const ESCAPED = /["\\\u0000-\u001f]/g

const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\f': '\\f',
  '\r': '\\r',
}

/** `text` in quotes. SPARK: hex digits are capitals, where JSON.stringify has small ones; all but control characters stand as they are. */
export function quoteJson(text: string): string {
  return `"${text.replace(ESCAPED, escapeOf)}"`
}

function escapeOf(char: string): string {
  const hex = char.charCodeAt(0).toString(16).toUpperCase()
  return SHORT_ESCAPES[char] ?? `\\u${hex.padStart(4, '0')}`
}

/** A printed floating-point number: JSON has no word for those that are none, so they are strings. */
export function jsonOfFloat(text: string): string {
  return /[NI]/.test(text) ? `"${text}"` : text
}

export function base64Of(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64')
}

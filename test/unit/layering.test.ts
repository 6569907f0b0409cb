// Who may import whom. Imports go only downward; siblings never meet; a deliberate exception is a line here, with its reason.

import { globSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { expect, test } from 'vitest'

const SRC = join(import.meta.dirname, '../../src')

/** The rooms from the bottom up; those on one line are siblings. */
const LAYERS: readonly (readonly string[])[] = [
  ['base', 'errors'],
  ['map', 'codec', 'files'],
  ['format'],
  ['store'],
  ['maintenance'],
  ['coordinator'],
  ['checkpoint'],
  ['cli', 'index', 'testing'],
]
// The table of errors and the base room may see each other: assert.ts throws one.
const EXCEPTIONS = new Set(['base -> errors'])
/** format does not know where bytes live: it consumes and yields chunks. */
const FORBIDDEN = new Set(['format -> files', 'format -> map'])

/** Only these may reach the disk, the network, time and chance, or write a store folder other than through LeasedDirectory. */
const RESERVED: readonly {
  what: RegExp
  only: RegExp
  except: Readonly<Record<string, string>>
}[] = [
  { what: /from 'node:(fs|net|http|https|tls|dgram)\b/, only: /^files\//, except: {} },
  {
    what: /\bDate\.now|\bnew Date\(\)|\bperformance\.|Math\.random|\bset(Timeout|Interval)\b|node:timers|node:crypto'/,
    only: /^base\/clock\.ts$/,
    except: {
      'format/commit-id.ts': 'SHA-256',
    },
  },
  {
    what: /\.(moveIfAbsent|moveReplacing|deleteFile|createFile)\(/,
    only: /^files\/|^store\/claims\.ts$/,
    except: {},
  },
]

const sources = globSync('**/*.ts', { cwd: SRC }).map((path) => ({
  path,
  // Comments may speak of anything.
  code: readFileSync(join(SRC, path), 'utf8').replace(/\/\*[^]*?\*\/|^\s*\/\/.*$/gm, ''),
}))

const roomOf = (path: string) => path.replace(/\.ts$/, '').split('/')[0]
const layerOf = (room: string) => LAYERS.findIndex((rooms) => rooms.includes(room))

function importsOf(code: string): string[] {
  return [...code.matchAll(/(?:from|import|import\()\s*'([^']+)'/g)].map((match) => match[1])
}

test('every room has its layer, and the imports are seen', () => {
  expect(sources.length).toBeGreaterThan(50)
  expect(sources.flatMap(({ code }) => importsOf(code)).length).toBeGreaterThan(200)
  expect(sources.filter(({ path }) => layerOf(roomOf(path)) < 0)).toEqual([])
})

test('imports go only downward, and to real files by their full name', () => {
  const wrong: string[] = []
  for (const { path, code } of sources) {
    for (const specifier of importsOf(code).filter((name) => name.startsWith('.'))) {
      const target = posix.join(posix.dirname(path), specifier)
      const [from, to] = [roomOf(path), roomOf(target)]
      if (!sources.some((other) => other.path === target)) wrong.push(`${path}: ${specifier}?`)
      if (to === 'index') wrong.push(`${path} imports the index`)
      const edge = `${from} -> ${to}`
      const downward = from === to || layerOf(to) < layerOf(from) || EXCEPTIONS.has(edge)
      if (!downward || FORBIDDEN.has(edge)) wrong.push(`${path} -> ${target}`)
    }
  }
  expect(wrong).toEqual([])
})

test('disk and network, time and chance, and writes to a store folder are each in one place', () => {
  const wrong: string[] = []
  for (const { what, only, except } of RESERVED) {
    // The published suites play what others do to a storage.
    for (const { path, code } of sources.filter((each) => roomOf(each.path) !== 'testing')) {
      const found = what.exec(code)
      if (found !== null && !only.test(path) && !(path in except))
        wrong.push(`${path}: ${found[0]}`)
    }
  }
  expect(wrong).toEqual([])
})

test('the index holds names only, and nothing in src exports a default', () => {
  const index = sources.find(({ path }) => path === 'index.ts')!
  expect(index.code.replace(/export (type )?\{[^}]*\} from '[^']+'/g, '').trim()).toBe('')
  expect(sources.filter(({ code }) => /export default/.test(code)).map(({ path }) => path)).toEqual(
    [],
  )
})

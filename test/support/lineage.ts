// Histories that describe themselves. Each commit has a tag, a text nobody else uses (`A7`), and keeps as its progress the lineage: its own tag
// behind those of all the versions it stands on. Its changes follow from version and tag alone, so whoever reads a version can tell whose
// commits it is made of and what its rows must be, without being told anything by the writers.

import type { StateReader, StateStore, StateStoreProvider } from '../../src/index.ts'

/** The tags of a version and of all below it, oldest first; its length is the version. */
export type Lineage = readonly string[]

/** A put, or with value undefined a removal. */
export type Change = readonly [key: string, value: string | undefined]

/** What the commit of `tag` as `version` changes. */
export type Workload = (version: number, tag: string) => Iterable<Change>

/** A handful of rows: some overwritten, some removed, one that stays for good. */
export function* fewRows(version: number, tag: string): Iterable<Change> {
  for (let row = 0; row < 4; row++) {
    yield [`key-${(version * 3 + row * 7) % 20}`, `${tag} wrote row ${row} of version ${version}`]
  }
  yield [`key-${(version * 5 + 1) % 20}`, undefined]
  yield [`tag-${tag}`, String(version)]
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** Puts the changes of `tag` into an open store; they come to `commitTagged`'s lineage. */
export function applyTagged(store: StateStore, tag: string, workload: Workload = fewRows): void {
  for (const [key, value] of workload(store.version + 1, tag)) {
    if (value === undefined) store.remove(encoder.encode(key))
    else store.put(encoder.encode(key), encoder.encode(value))
  }
}

/** Applies the changes of `tag` and commits them. Resolves to the new version. */
export async function commitTagged(
  store: StateStore,
  tag: string,
  workload: Workload = fewRows,
): Promise<number> {
  applyTagged(store, tag, workload)
  return await store.commit({ progress: { lineage: [...lineageOf(store), tag] } })
}

/** Opens the newest version, or `version`, and commits `tag` on it. */
export async function commitNext(
  provider: StateStoreProvider,
  tag: string,
  version?: number,
  workload: Workload = fewRows,
): Promise<number> {
  return await commitTagged(await provider.getStore(version, { rewind: 'allow' }), tag, workload)
}

export function lineageOf(store: StateReader): Lineage {
  return store.version === 0 ? [] : (store.progress as { lineage: Lineage }).lineage
}

export function rowsOf(store: StateReader): Map<string, string> {
  const rows = new Map<string, string>()
  for (const [key, value] of store.entries()) rows.set(decoder.decode(key), decoder.decode(value))
  return rows
}

/** The rows that a version of this lineage must have. */
export function expectedRows(lineage: Lineage, workload: Workload = fewRows): Map<string, string> {
  const rows = new Map<string, string>()
  lineage.forEach((tag, index) => {
    for (const [key, value] of workload(index + 1, tag)) {
      if (value === undefined) rows.delete(key)
      else rows.set(key, value)
    }
  })
  return rows
}

/** Throws unless the rows of `store` are those its lineage calls for. Returns the lineage. */
export function checkRows(store: StateReader, workload: Workload = fewRows): Lineage {
  const lineage = lineageOf(store)
  if (lineage.length !== store.version) {
    throw new Error(
      `Version ${store.version} should stand on as many commits, has the lineage ${lineage.join(' ')}`,
    )
  }
  const found = rowsOf(store)
  const expected = expectedRows(lineage, workload)
  for (const key of new Set([...found.keys(), ...expected.keys()])) {
    if (found.get(key) === expected.get(key)) continue
    throw new Error(
      `Version ${store.version} (${lineage.join(' ')}): expected ${key} to be ${expected.get(key)}, found ${found.get(key)}`,
    )
  }
  return lineage
}

/** Reads `version` and checks its rows. Returns its lineage. */
export async function checkVersion(
  provider: StateStoreProvider,
  version: number,
  workload: Workload = fewRows,
): Promise<Lineage> {
  const store = await provider.getReadStore(version)
  try {
    return checkRows(store, workload)
  } finally {
    await store.release()
  }
}

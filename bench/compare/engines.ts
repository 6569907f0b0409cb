// The engines that run in Node, by name. Real Spark runs on the JVM and is started by spark.ts.
//
// Loaded on demand: an engine's process holds that engine alone.

import type { Engine } from '../harness/engine.ts'

const ENGINES: Readonly<Record<string, () => Promise<Engine>>> = {
  tidemark: async () => new (await import('./tidemark.ts')).TidemarkEngine(),
  'tidemark-maintained': async () =>
    new (await import('./tidemark.ts')).TidemarkEngine({}, 'default'),
  'js-map': async () => new (await import('./js-map.ts')).JsMapEngine('one'),
  'js-map-copied': async () => new (await import('./js-map.ts')).JsMapEngine('copied'),
  lmdb: async () => new (await import('./lmdb.ts')).LmdbEngine(),
  'lmdb-defaults': async () => new (await import('./lmdb.ts')).LmdbEngine('default'),
  'classic-level': async () => new (await import('./classic-level.ts')).ClassicLevelEngine(),
  'lmdb-delta': () => withDelta('lmdb'),
  'classic-level-delta': () => withDelta('classic-level'),
  sqlite: async () => new (await import('./sqlite.ts')).SqliteEngine(),
  slatedb: async () => new (await import('./slatedb.ts')).SlateDbEngine(),
}

export async function engineByName(name: string): Promise<Engine> {
  if (!Object.hasOwn(ENGINES, name)) {
    throw new RangeError(`Expected one of ${Object.keys(ENGINES).join(', ')}, got ${name}`)
  }
  return await ENGINES[name]()
}

async function withDelta(name: string): Promise<Engine> {
  const { EngineWithDelta } = await import('./with-delta.ts')
  return new EngineWithDelta(await engineByName(name))
}

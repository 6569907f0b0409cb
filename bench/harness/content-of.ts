import type { Engine, EngineOptions } from './engine.ts'
import { type Content, ContentSum } from './workload.ts'

/** Everything an engine holds, read by the engine itself. */
export async function contentOf(engine: Engine): Promise<Content> {
  const sum = new ContentSum()
  await engine.begin()
  await engine.scan((key, value) => sum.add(key, value))
  await engine.commit()
  return sum.content()
}

/** What a restart would find: the engine is closed, and opened again on the files it has left. It stays open. */
export async function committedContentOf(engine: Engine, options: EngineOptions): Promise<Content> {
  await engine.close()
  await engine.open(options)
  return await contentOf(engine)
}

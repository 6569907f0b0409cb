import type { Engine } from './engine.ts'
import { type Content, ContentSum } from './workload.ts'

/** Everything an engine holds, read by the engine itself. */
export async function contentOf(engine: Engine): Promise<Content> {
  const sum = new ContentSum()
  await engine.begin()
  await engine.scan((key, value) => sum.add(key, value))
  await engine.commit()
  return sum.content()
}

// Which partition a key belongs to. Every run must give the same answer for the same key, on any machine: FNV-1a over the key's bytes, its halves
// folded together, because the low bits of FNV-1a alone depend on the low bits of the input alone.

export const PARTITIONS = 4

const FNV_OFFSET = 0x811c9dc5
const FNV_PRIME = 0x01000193

export function partitionOf(key: Uint8Array): number {
  let hash = FNV_OFFSET
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key[i], FNV_PRIME)
  return ((hash ^ (hash >>> 16)) >>> 0) % PARTITIONS
}

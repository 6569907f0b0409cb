// What a storage of one's own is tested with: the suites that every backend here passes. They run on Vitest, which the caller has installed.

export { conditionalWritesContract } from './conditional-writes-contract.ts'
export type {
  ConditionalWritesContractOptions,
  ConditionalWritesHarness,
} from './conditional-writes-contract.ts'
export { fileManagerContract } from './file-manager-contract.ts'
export type { FileManagerContractOptions, FileManagerHarness } from './file-manager-contract.ts'
export { leasedDirectoryContract } from './leased-directory-contract.ts'
export type {
  LeasedDirectoryContractOptions,
  LeasedDirectoryHarness,
} from './leased-directory-contract.ts'
export { writerLeaseContract } from './writer-lease-contract.ts'
export type { WriterLeaseContractOptions, WriterLeaseHarness } from './writer-lease-contract.ts'

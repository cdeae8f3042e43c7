/** Contracts as nodes put them into the registry, by hash; what was read once stays. */
import { MAX_CONTRACT_BYTES } from './node-value.ts'

type ContractListener = (service: string, hash: string, document: unknown) => void

export interface ContractShelf {
  get(hash: string): unknown
  /** Takes a contract in; `path` is `<service>/<hash>`. Returns false for what cannot be one. */
  put(path: string, text: string): boolean
  /** Takes in one that was read elsewhere. */
  add(service: string, hash: string, document: unknown): void
  /** Calls back for each that was not known before. Returns how to stop. */
  subscribe(listener: ContractListener): () => void
}

/** `guard` runs listeners, so that one that throws harms nobody. */
export function createContractShelf(guard: (run: () => void) => void): ContractShelf {
  const documents = new Map<string, unknown>()
  const listeners = new Set<ContractListener>()

  function add(service: string, hash: string, document: unknown): void {
    if (documents.has(hash)) return
    documents.set(hash, document)
    for (const listener of [...listeners]) guard(() => listener(service, hash, document))
  }

  return {
    add,
    get: (hash) => documents.get(hash),
    put(path, text) {
      const [service = '', hash = '', ...rest] = path.split('/')
      // A hash names one document for ever.
      if (documents.has(hash)) return true
      const document = service && hash && rest.length === 0 ? parse(text) : undefined
      if (document === undefined) return false
      add(service, hash, document)
      return true
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

function parse(text: string): unknown {
  if (text.length > MAX_CONTRACT_BYTES) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

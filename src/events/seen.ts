/** What has been handled already, by id: the memory of `once`. */
export interface SeenStore {
  /** Claims an id for `claimMs`. `new`: it is the caller's to handle; `busy`: somebody else has the claim; `done`: it was handled. */
  claim(id: string, claimMs: number): Promise<'new' | 'busy' | 'done'>
  /** It was handled: remembered for `keepMs`. */
  done(id: string, keepMs: number): Promise<void>
  /** It was not: others may claim it. */
  release(id: string): Promise<void>
}

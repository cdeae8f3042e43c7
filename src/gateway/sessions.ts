/** The sessions of a gateway: upgraded connections and event streams, counted apart from calls, told to end when it leaves. */

export interface Session {
  /** Says goodbye in the session's own way; bounded. */
  end(): void
}

export interface Sessions {
  readonly size: number
  add(session: Session): void
  remove(session: Session): void
  /** Ends all, and from now on each new one at once. */
  end(): void
}

export function createSessions(): Sessions {
  const open = new Set<Session>()
  let ending = false
  return {
    get size() {
      return open.size
    },
    add(session) {
      open.add(session)
      if (ending) session.end()
    },
    remove(session) {
      open.delete(session)
    },
    end() {
      ending = true
      for (const session of [...open]) session.end()
    },
  }
}

/** Which names of fields, parameters and headers stand for secrets. Rather one too many: what is hidden does no harm. */

export type IsSecret = (name: string) => boolean

/** Anywhere in a name. */
const PARTS: readonly string[] = [
  ...['passw', 'passphrase', 'passcode', 'pwd', 'secret', 'token', 'credential', 'cookie', 'session'],
  ...['authorization', 'authentication', 'oauth', 'bearer', 'jwt', 'csrf', 'xsrf', 'signature', 'captcha'],
  ...['apikey', 'callkey', 'servicekey', 'accesskey', 'privatekey', 'authkey', 'signingkey', 'encryptionkey'],
  ...['cardnumber', 'cvv', 'cvc', '密码', '口令', '令牌', '密钥', '验证码'],
]
/** At the beginning or the end of a name, or as a word in it: within words they mean other things. */
const WORDS: readonly string[] = ['pin', 'pass', 'auth', 'sid', 'pw', 'ssn']
/** Anywhere in one word; across two it is an accident: `rootPath`. */
const PART_OF_WORD = 'otp'
/** Words at the beginning that make no secret of what they begin: `author`, `passenger`. */
const HARMLESS = /^(?:pass(?:enger|age|ed|ing|ive)|auth(?:or(?!i[sz])|entic)|ping$|pink|pinned|sid(?:e|ing))/
/** Longer ones are nobody's, and not looked into. */
const MAX_NAME_CHARS = 256
const MAX_KNOWN = 1000

/**
 * Tells names that stand for secrets, in any case and with any separators: `X-Api-Key`, `api_key`, `apiKey`, `user[password]`.
 * @param redact further names
 */
export function createSecretNames(redact: readonly string[]): IsSecret {
  const more = new Set(redact.map(lettersOf).filter((name) => name !== ''))
  const known = new Map<string, boolean>()
  return (name) => {
    if (name.length > MAX_NAME_CHARS) return true
    let secret = known.get(name)
    if (secret === undefined) {
      secret = isSecret(name, more)
      if (known.size >= MAX_KNOWN) known.clear()
      known.set(name, secret)
    }
    return secret
  }
}

function isSecret(name: string, more: ReadonlySet<string>): boolean {
  const letters = lettersOf(name)
  if (more.has(letters) || PARTS.some((part) => letters.includes(part))) return true
  const words = wordsOf(name)
  if (words.some((word) => WORDS.includes(word) || word.includes(PART_OF_WORD))) return true
  if (more.size > 0 && someRun(words, more)) return true
  return WORDS.some((word) => letters.endsWith(word) || (letters.startsWith(word) && !HARMLESS.test(letters)))
}

/** Letters and digits, in one form and case: wide letters and invisible characters are a way around otherwise. */
function lettersOf(name: string): string {
  return name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, '')
}

/** Whether words that follow each other make one of the names: `user[custom-field]`, `the custom field`. */
function someRun(words: readonly string[], names: ReadonlySet<string>): boolean {
  for (let start = 0; start < words.length; start++) {
    let run = ''
    for (let end = start; end < words.length; end++) {
      run += words[end]
      if (names.has(run)) return true
    }
  }
  return false
}

function wordsOf(name: string): string[] {
  const apart = name.normalize('NFKD').replace(/(\p{Ll}|\p{N})(\p{Lu})/gu, '$1 $2')
  return apart.toLowerCase().split(/[^\p{L}\p{N}]+/u)
}

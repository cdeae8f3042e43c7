/** What must hold of the addresses of servers: said with their place in the files, not when a server is first needed. */
import { GomsError } from '../core/errors.ts'
import { type AddressForm, expectedAddress, toExporterUrl, withoutSecrets } from '../telemetry/exporter-address.ts'
import { originOf, type Tree } from './tree.ts'

/** Where spans are posted: found wrong when the process starts, and not when the first of them is lost. */
export function checkExporter(tree: Tree, path: readonly string[], given: string | undefined, form: AddressForm): void {
  if (given === undefined || toExporterUrl(given, form) !== undefined) return
  const origin = originOf(tree, path)
  tree.mistakes.push({
    code: origin?.kind === 'flag' ? 'GOMS_USAGE' : 'GOMS_CONFIG_INVALID',
    message: `expected \`${form.setting}\` to be ${expectedAddress(form)}, got \`${JSON.stringify(withoutSecrets(given))}\``,
    origin,
    fix: [
      'a port and a path are added where the address has none; `https://` and a path of your own are taken as well',
    ],
  })
}

/** The same of an address that somebody else reads, who throws with what was found and expected. */
export function checkReadable(
  tree: Tree,
  key: string,
  given: string | undefined,
  read: (text: string) => unknown,
): void {
  if (given === undefined) return
  try {
    read(given)
  } catch (thrown) {
    if (!(thrown instanceof GomsError)) throw thrown
    const { found, expected, fix } = thrown.detail ?? {}
    const origin = originOf(tree, [key])
    tree.mistakes.push({
      code: origin?.kind === 'flag' ? 'GOMS_USAGE' : 'GOMS_CONFIG_INVALID',
      message: `expected \`${key}\` to be ${expected}, got \`${found}\``,
      origin,
      fix: [String(fix)],
    })
  }
}

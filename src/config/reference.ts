/** The tables of the reference pages, made from the schema and the flags: `docs/configuration.md` and its translation. */
import type * as v from 'valibot'
import { BALANCERS } from '../core/options.ts'
import { type FieldMeta, metaOf } from './fields.ts'
import { CONFIG_FLAGS } from './flags.ts'
import { blockAt } from './introspect.ts'
import { configSchema } from './schema.ts'

export type Language = 'en' | 'zh'

type Schema = v.GenericSchema

/** The tables stand between these two lines of a page. */
export const REFERENCE_MARKS: readonly [string, string] = ['<!-- reference: generated -->', '<!-- /reference -->']

/** All tables in one language, as Markdown. */
export function renderReference(language: Language): string {
  return [...sections(configSchema, '', language), flagsTable(language)].join('\n\n')
}

/** A page with its tables renewed. @throws Error when the page has no place for them */
export function withReference(page: string, language: Language): string {
  const [start, end] = REFERENCE_MARKS
  const from = page.indexOf(start)
  const to = page.indexOf(end)
  if (from === -1 || to < from) throw new Error(`the page lacks "${start}" and "${end}"`)
  return `${page.slice(0, from + start.length)}\n\n${renderReference(language)}\n\n${page.slice(to)}`
}

/** The table of a block, then those of the blocks in it. */
function sections(schema: Schema, path: string, language: Language): string[] {
  const block = blockAt(schema, [])
  if (block === undefined || 'item' in block) return []
  const rows: string[] = []
  const inner: string[] = []
  for (const [name, field] of Object.entries(block.entries)) {
    const meta = metaOf(field)
    if (meta !== undefined) rows.push(fieldRow(name, meta, language))
    const child = path === '' ? name : `${path}.${name}`
    inner.push(
      ...(child === 'services'
        ? sections(routeOf(field), 'services.<service>.<action>', language)
        : sections(field, child, language)),
    )
  }
  const title = path === '' ? (language === 'en' ? 'Keys' : '配置项') : `\`${path}\``
  const head = language === 'en' ? '| Key | Value | Default | Meaning |' : '| 配置项 | 取值 | 默认值 | 说明 |'
  return [`### ${title}\n\n${head}\n| --- | --- | --- | --- |\n${rows.join('\n')}`, ...inner]
}

/** From `services` down to the block of one route. */
function routeOf(services: Schema): Schema {
  let schema = services
  for (let depth = 0; depth < 2; depth++) {
    const block = blockAt(schema, [])
    if (block !== undefined && 'item' in block) schema = block.item
  }
  return schema
}

function fieldRow(name: string, meta: FieldMeta, language: Language): string {
  const others = (meta.aliases ?? []).map((alias) => `\`${alias}\``).join(', ')
  const key = others === '' ? `\`${name}\`` : `\`${name}\` (${others})`
  const expected = meta.expected.replace(/^a text of 1 to \d+ characters$/, 'text')
  const value = language === 'en' ? expected : inChinese(expected)
  const fallback = language === 'en' ? (meta.default ?? '') : inChinese(meta.default ?? '')
  return `| ${[key, value, fallback, meta[language]].map(cell).join(' | ')} |`
}

function flagsTable(language: Language): string {
  const title = language === 'en' ? 'Flags and environment' : '命令行参数与环境变量'
  const head = language === 'en' ? '| Flag | Environment | Key | Meaning |' : '| 参数 | 环境变量 | 配置项 | 说明 |'
  const rows = CONFIG_FLAGS.map((flag) => {
    const name = flag.secret === true ? '–' : `\`-${flag.name.replaceAll('-', '_')}\``
    const key = flag.key === undefined ? '–' : `\`${flag.key.join('.')}\``
    return `| ${[name, `\`${flag.env}\``, key, flag[language]].map(cell).join(' | ')} |`
  })
  return `### ${title}\n\n${head}\n| --- | --- | --- | --- |\n${rows.join('\n')}`
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}

const RANGES: readonly (readonly [RegExp, string])[] = [
  [/^an integer from (\d+) to (\d+)$/, '$1 到 $2 的整数'],
  [/^milliseconds from (\d+) to (\d+)$/, '$1 到 $2 毫秒'],
  [/^a port from (\d+) to (\d+)$/, '$1 到 $2 的端口'],
  [/^an integer from (\d+) to (\d+) or "auto"$/, '$1 到 $2 的整数,或 auto'],
  [/^a port from (\d+) to (\d+) or "off"$/, '$1 到 $2 的端口,或 off'],
  [/^a number from (\d+) to (\d+)$/, '$1 到 $2 的数'],
  [/^a list of (.*)$/, '$1 组成的列表'],
  [/^one of (.*)$/, '$1 之一'],
]

const PHRASES: Readonly<Record<string, string>> = {
  text: '文本',
  'true or false': 'true 或 false',
  'a block of keys': '配置块',
  'a text or a list of texts': '文本或列表',
  'host:port or a list of them': '主机:端口,或其列表',
  'seconds/count such as 5/100': '秒/次数,如 5/100',
  'seconds/count such as 5/100, or a block with calls and per': '秒/次数,如 5/100,或含 calls 与 per 的配置块',
  'services, each with its actions': '服务及其动作',
  'shares from 0 to 1 by service or service/action': '服务或 服务/动作 到 0 至 1 的比例',
  'w3c, b3': 'w3c、b3',
  'a path that starts with "/", without spaces, "?" and "#"': '以 / 开头的路径,不含空格、? 与 #',
  'HTTP methods such as POST or [GET, POST]': 'HTTP 方法,如 POST 或 [GET, POST]',
  'waits in milliseconds such as 100/200/200, at most 10 of at most 99999':
    '毫秒数,如 100/200/200,最多 10 个,每个不超过 99999',
  'true, origins, or a block with origins': 'true、来源,或含 origins 的配置块',
  [`${BALANCERS.join(', ')}, or { hash: { header | cookie | query: name } }`]: `${BALANCERS.join('、')},或 { hash: { header | cookie | query: 名称 } }`,
  none: '无',
  off: '关闭',
  'no limit': '不限',
  'found out': '自动获取',
  'none is written': '不写文件',
  'none; with `embedded` a random one': '无;`embedded` 时随机生成',
  'embedded; etcd where etcdAddr is given': 'embedded;填写 etcdAddr 时为 etcd',
  'the system’s': '系统 CA',
  'the host of the address': '地址中的主机名',
  'goms; go-garden for its files': 'goms;使用 go-garden 配置文件时为 go-garden',
  'gateway 8080, services 0': '网关 8080,服务 0',
  'gateway 8180, services 0': '网关 8180,服务 0',
  'all with etcd, else 127.0.0.1': '使用 etcd 时为全部地址,否则 127.0.0.1',
  'rpcPort + 10000, or a free one': 'rpcPort + 10000,或空闲端口',
  '1; 2 with `compat: goms`': '1;`compat: goms` 时为 2',
  'none; `100/200` with `compat: goms`': '无;`compat: goms` 时为 `100/200`',
  'the contract’s, else ANY': '契约中的方法,否则 ANY',
  'by the method: GET, HEAD, OPTIONS, TRACE': '按方法:GET、HEAD、OPTIONS、TRACE',
  'those of the route': '路由允许的方法',
  'those asked for': '请求所询问的头',
}

/** @throws Error for a phrase that nobody has translated yet, so that the page stays whole */
function inChinese(text: string): string {
  for (const [pattern, chinese] of RANGES) if (pattern.test(text)) return text.replace(pattern, chinese)
  const phrase = PHRASES[text]
  if (phrase !== undefined) return phrase
  // Values and names are the same in both languages.
  if (/^[\w.-]*$/.test(text)) return text
  throw new Error(`no Chinese for ${JSON.stringify(text)}`)
}

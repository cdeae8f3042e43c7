import { expect, it } from 'vitest'
import type { GomsError } from '../core/errors.ts'
import { exporterUrl, OTLP_ADDRESS, toExporterUrl, withoutSecrets, ZIPKIN_ADDRESS } from './exporter-address.ts'

it.each([
  ['http://192.168.125.183:9411/api/v2/spans', 'http://192.168.125.183:9411/api/v2/spans'],
  ['http://zipkin:9411', 'http://zipkin:9411/api/v2/spans'],
  ['http://zipkin:9411/', 'http://zipkin:9411/api/v2/spans'],
  ['zipkin:9411', 'http://zipkin:9411/api/v2/spans'],
  ['zipkin', 'http://zipkin:9411/api/v2/spans'],
  ['127.0.0.1:80', 'http://127.0.0.1/api/v2/spans'],
  ['[::1]:9411', 'http://[::1]:9411/api/v2/spans'],
  ['[::1]', 'http://[::1]:9411/api/v2/spans'],
  ['zipkin:9411/prefix/api/v2/spans', 'http://zipkin:9411/prefix/api/v2/spans'],
  // With a scheme it is an URL, and its port that of the scheme.
  ['https://collector.example', 'https://collector.example/api/v2/spans'],
  ['https://me:secret@collector.example/in', 'https://me:secret@collector.example/in'],
])('takes %s', (address, url) => {
  expect(exporterUrl(address, ZIPKIN_ADDRESS).href).toBe(url)
})

it('has a path and a port for each kind', () => {
  expect(exporterUrl('collector', OTLP_ADDRESS).href).toBe('http://collector:4318/v1/traces')
})

it.each([
  '',
  ' ',
  'ftp://zipkin:9411',
  'http://',
  'http://zip kin:9411',
  'zipkin:port',
  'zipkin:99999',
  'zipkin:0',
  '::1:9411',
  'http://zipkin:9411/#x',
  'http:\\\\zipkin',
])('refuses %j', (address) => {
  expect(toExporterUrl(address, ZIPKIN_ADDRESS)).toBeUndefined()
  expect(() => exporterUrl(address, ZIPKIN_ADDRESS)).toThrow(
    /^expected `zipkinAddr` to be an address such as http.*, got `".*"`$/,
  )
})

it('says what was found without its password, and what was expected', () => {
  let error: GomsError | undefined
  try {
    exporterUrl('ftp://me:hunter2@zipkin/?token=hunter2', ZIPKIN_ADDRESS)
  } catch (thrown) {
    error = thrown as GomsError
  }
  expect(error?.code).toBe('GOMS_CONFIG_INVALID')
  expect(error?.detail).toEqual({
    found: '"ftp://zipkin/"',
    expected: 'an address such as http://host:9411/api/v2/spans, http://host:9411 or host:9411',
    fix: 'write `zipkinAddr` in one of these forms',
  })
  expect(withoutSecrets('me:p@ss@host:9411/x')).toBe('host:9411/x')
})

/** go-garden's `service:` block, so that its files load as they are. `garden.ts` moves the values to our keys. */
import * as v from 'valibot'
import { list, port, text, toggle } from './fields.ts'

/** Shown in the reference: what each of go-garden's keys became. */
export const gardenSchema: v.GenericSchema<Record<string, unknown>> = v.strictObject({
  serviceName: text({ en: 'Not needed: a service file names its service.', zh: '无需填写:由服务文件决定名称。' }),
  serviceIp: text({ en: 'Is `advertise.host`.', zh: '即 `advertise.host`。' }),
  httpPort: port({ en: 'Is `httpPort`.', zh: '即 `httpPort`。', aliases: ['listenPort'] }),
  rpcPort: port({ en: 'Is `rpcPort`.', zh: '即 `rpcPort`。' }),
  httpOut: toggle({
    en: '`true` is `host: 0.0.0.0`; so is `rpcOut`.',
    zh: '`true` 即 `host: 0.0.0.0`,`rpcOut` 相同。',
    aliases: ['listenOut'],
  }),
  rpcOut: toggle({ en: 'As `httpOut`.', zh: '同 `httpOut`。' }),
  allowCors: toggle({ en: '`true` is `gateway.cors: true`.', zh: '`true` 即 `gateway.cors: true`。' }),
  callKey: text({ en: 'Is `callServiceKey`.', zh: '即 `callServiceKey`。' }),
  callRetry: text({ en: 'Is `callRetry`.', zh: '即 `callRetry`。' }),
  etcdKey: text({ en: 'Is `projectName`.', zh: '即 `projectName`。' }),
  etcdAddress: list({ en: 'Is `etcdAddr`.', zh: '即 `etcdAddr`。' }),
  zipkinAddress: text({ en: 'Is `zipkinAddr`.', zh: '即 `zipkinAddr`。' }),
  amqpAddress: text({ en: 'Is `amqpAddr`.', zh: '即 `amqpAddr`。' }),
  debug: toggle({ en: 'Is `debug`.', zh: '即 `debug`。' }),
  tracerDrive: text({ en: '`zipkin`; `jaeger` is warned of and ignored.', zh: '`zipkin`;`jaeger` 会提示并忽略。' }),
  jaegerAddress: text({ en: 'Warned of and ignored.', zh: '提示并忽略。' }),
  pushGatewayAddress: text({ en: 'Warned of and ignored.', zh: '提示并忽略。' }),
}) as v.GenericSchema<Record<string, unknown>>

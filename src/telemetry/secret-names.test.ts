import { expect, it } from 'vitest'
import { createSecretNames } from './secret-names.ts'

const isSecret = createSecretNames(['Custom-Field', 'card'])

it.each([
  ...['password', 'PASSWORD', 'new_password', 'pass-word', 'userPassword', 'user[password]', 'p.a.s.s.w.o.r.d'],
  ...['passwd', 'pwd', 'DB_PWD', 'token', 'accessToken', 'x-csrf-token', 'refresh_token', 'secret', 'clientSecret'],
  ...['api key', 'X-Api-Key', 'apiKey', 'api_key', 'credential', 'credentials', 'Authorization', 'proxy-authorization'],
  ...['Cookie', 'set-cookie', 'session', 'sessionId', 'PHPSESSID_SESSION', 'connect.sid', 'otp', 'totpCode', 'pin'],
  ...['smsOtp', 'otpCode', 'sms_otp_code', 'userotp', 'OTPVALUE'],
  ...[
    'PIN',
    'user_pin',
    'userPin',
    'userpin',
    'pin_code',
    'auth',
    'x-auth',
    'authKey',
    'Call-Service-Key',
    'Call-Key',
    'Passwort',
    'service_key',
  ],
  ...[
    'callServiceKey',
    'jwt',
    '密码',
    'ｐａｓｓｗｏｒｄ',
    'pass\u200bword',
    'pässword',
    'custom_field',
    'customField',
    'user.custom-field',
  ],
  ...['Card', 'my-card', 'x'.repeat(300)],
])('hides %s', (name) => {
  expect(isSecret(name)).toBe(true)
})

it.each([
  ...[
    'username',
    'shipping',
    'spinner',
    'author',
    'Authority',
    'passenger',
    'ping',
    'side',
    'key',
    'id',
    'page',
    'cards',
    'rootPath',
    'spotPrice',
    'slot_position',
  ],
  ...['User-Agent', 'Content-Type', 'traceparent', 'x-b3-traceid', 'x-request-id', 'if-none-match', 'field', ''],
])('shows %j', (name) => {
  expect(isSecret(name)).toBe(false)
})

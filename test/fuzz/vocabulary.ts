/** What messages are made of: what is usual, and what some parser once took for something else. */

/** Words, with a dot between any two. */
function words(...lines: string[]): string[] {
  return lines.flatMap((line) => line.split('·'))
}

/** For what ends a line. */
export const ODD_BREAKS: readonly string[] = words('\n·\r·\r\r\n·\n\r·\r\n\r\n·\r\n ·\0\r\n·')

export const METHODS: readonly string[] = words('GET·GET·POST·POST·PUT·HEAD·DELETE·OPTIONS·PATCH·QUERY·TRACE·M-SEARCH')
export const ODD_METHODS: readonly string[] = words(
  'get·FOO·CONNECT·PRI·SOURCE·DESCRIBE·G ET·GET\t· GET··GETT',
  `${'A'.repeat(40)}`,
)
export const TARGETS: readonly string[] = words(
  '/·/a·/a/b?c=d·/%41?x=%2f·http://h.test/x?y·https://h:8443·/a;b=c/{d}·/?x={y}|^`"<>',
)
export const ODD_TARGETS: readonly string[] = words(
  '*·a··//·/a b·/a#b·/\t·/\xe9·http://·http:///x·ftp://h/·h:443·/\\·?·/\0·http://u@h/·HTTP://H/',
  'http://h\\x/·/..·http:/x·http://h?x·http://[::1]/',
  `/${'a'.repeat(300)}`,
)
export const ODD_VERSIONS: readonly string[] = words(
  'HTTP/1.0·HTTP/1.0·HTTP/1.0·HTTP/0.9·HTTP/1.2·HTTP/2.0·http/1.1·HTTP/1.1 · HTTP/1.1·HTTP/1··HTTP/11',
  'HTTP/01.1·HTTP/1.01·HTTPS/1.1·RTSP/1.0·ICE/1.0·HTTP /1.1·HTTP/1,1',
)
export const FIELDS: readonly string[] = words(
  'Accept: */*·X-A: b·Cookie: a=b; c=d·Empty:·X:\t y \t·User-Agent: caf\xe9·X_Y: 1·goms-a: 1',
  `x-long: ${'a'.repeat(44)}`,
  "!#$%&'*+-.^_`|~: v·Date: x·Set-Cookie: a·Set-Cookie: b",
)
export const CONNECTIONS: readonly string[] = words(
  'close·keep-alive·Keep-Alive·CLOSE·keep-alive, close·x, close·close, x·X-A· close ·closed·close;x',
  'keep-alive,·,close·"close"·clo\tse·upgrade·',
)
export const ODD_FIELDS: readonly string[] = words(
  ' X: y·\tX: y·X : y·X\t: y·: y·X·X;Y: z·X\0: y·X: \0·X: a\rb·X: a\nb·X: \x7f·X: \x01·X\xe9: y',
  'Expect: 100-continue·Expect: 200-ok·Expect: 100-continue, x·Upgrade: websocket·Upgrade: h2c',
  'TE: trailers·Host: other·Host: a, b·Host:·Host: a:b·Content-Length: 0·Content-Length: 3',
  'Transfer-Encoding: chunked·Proxy-Connection: keep-alive·Proxy-Connection: close·Content-Lengt: 1',
  'Content-Lengthh: 1·Transfer-Encodin: x',
)
export const ODD_LENGTHS: readonly string[] = words(
  '+3·-1·0x3·3 · 3·3,3·3, 3·03·003·3.0·3e0·· ·\t3·3\t·3 3·9007199254740993·1e1·18446744073709551616',
  '18446744073709551619·000000000000000003·0000000000000000·\x0b3·3\x0c·\xb3·\uff13',
)
export const ODD_CODINGS: readonly string[] = words(
  'Chunked·CHUNKED·chunked · chunked·\tchunked·chunked,·,chunked·chunked, chunked·gzip, chunked',
  'chunked, gzip·identity·x··chunked;q=1·chunked\x0b·"chunked"·chunkedx·xchunked·chunke',
  'chunked, identity·chun\0ked',
)
export const ODD_SIZES: readonly string[] = words(
  '+5·-5·0x5· 5·5 ·05·0000000000000005·00000000000000000000005··g·ffffffffffffffff·5\t·\t5·5\0',
  'fffffffffffff·10000000000000·5g·5_0·5.0·5,5',
)
export const ODD_EXTENSIONS: readonly string[] = words(
  ';·;a·;a=b·;a="b"·;a="b·;a="\\"b"·;a=·;=b·; a· ;a·;a ;b·;a;b=c·;a="\r\n"·;a\n·;\xe9·;a=\xe9·;a="\xe9"',
  ';a="\t"·;a="\0"·;a="\\\0"·;a=b"·;a="b"c·;a="b";c·;a;·;a="\\\\"',
  `;${'a'.repeat(200)}`,
)

export const STATUSES: readonly string[] = words('200·200·201·404·500·204·304·302·205·206')
export const REASONS: readonly string[] = words(' OK· ·· Not Found· caf\xe9· a\tb')
export const ODD_REASONS: readonly string[] = words('  · \0· \x7f·\tOK· a\rb· a\nb', ` ${'r'.repeat(200)}`)
export const ODD_STATUSES: readonly string[] = words('100·101·103·99·600·999·20·2000·abc··0200·1xx·+20·199·299')
export const ODD_OCTETS: readonly string[] = words(
  '\0·\t·\n·\r· ·"·#·%·,·:·;·=·_·\\·\x7f·\x80·\xff·\x0b·\x0c·\x85·\xa0',
)
/** Bodies that are messages, or parts of one, when they are framed wrongly. */
export const BODIES: readonly string[] = words(
  'abc··GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n·0\r\n\r\n·\r\n·a\0b·5\r\nhello\r\n',
  'x'.repeat(300),
)

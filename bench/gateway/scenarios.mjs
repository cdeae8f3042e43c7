/** What is asked for, and what the nodes behind every gateway answer. */

/** 150 bytes of JSON: an object, so that the envelope of goms has something to do. */
export const SMALL = JSON.stringify({
  code: 0,
  msg: 'success',
  data: { id: 12345, name: 'bob', roles: ['admin', 'editor'], note: 'x'.repeat(54) },
})

/** 100 KB of JSON. */
export const LARGE = JSON.stringify({
  items: Array.from({ length: 1000 }, (_, i) => ({
    id: 100_000 + i,
    title: 'a book of some kind',
    note: 'x'.repeat(46),
  })),
})

/** 1 KB of JSON. */
const POSTED = JSON.stringify({ username: 'bob', text: 'y'.repeat(1024 - 28) })

/** What Chrome sends with every request. */
const BROWSER = {
  'sec-ch-ua': '"Chromium";v="130", "Google Chrome";v="130", "Not?A_Brand";v="99"',
  'sec-ch-ua-platform': '"Linux"',
  'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36',
  accept: 'application/json, text/plain, */*',
  'sec-fetch-site': 'same-origin',
  'sec-fetch-mode': 'cors',
  referer: 'http://127.0.0.1/shop/books?page=2',
  'accept-encoding': 'gzip, deflate, br, zstd',
  'accept-language': 'en-GB,en;q=0.9,zh-CN;q=0.8',
}

/** `path` is that of the gateway. */
export const SCENARIOS = {
  get: { title: 'GET, 150 B', method: 'GET', path: '/api/bench/small' },
  browser: { title: 'GET, nine headers', method: 'GET', path: '/api/bench/small', headers: BROWSER },
  post: {
    title: 'POST, 1 KB',
    method: 'POST',
    path: '/api/bench/post',
    headers: { 'content-type': 'application/json' },
    body: POSTED,
  },
  large: { title: 'GET, 100 KB', method: 'GET', path: '/api/bench/large' },
}

/** The action of each route, and its path at the nodes. */
export const ROUTES = {
  small: '/small',
  post: '/post',
  large: '/large',
  count: '/count',
  echo: '/echo',
  source: '/source',
  sink: '/sink',
}

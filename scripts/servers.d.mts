/** Types of servers.mjs for the tests. */
export declare const SERVERS: Readonly<
  Record<'etcd' | 'etcdctl' | 'rabbitmq-server' | 'redis-server' | 'nginx' | 'haproxy' | 'prometheus', string>
>
export declare function hasGo(): boolean
export declare function missingServers(): (keyof typeof SERVERS)[]

/** nginx, one worker: connections to the nodes are kept, bodies and answers pass as they come, nothing is logged. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

export function command({ port, nodes, dir }) {
  const file = join(dir, 'nginx.conf')
  writeFileSync(file, configOf(port, nodes, dir))
  return ['nginx', '-c', file, '-p', dir, '-e', join(dir, 'nginx.log')]
}

const configOf = (port, nodes, dir) => `
worker_processes 1;
daemon off;
pid ${dir}/nginx.pid;
error_log ${dir}/nginx.log;
events { worker_connections 19000; }
http {
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 3600s;
  tcp_nodelay on;
  client_max_body_size 0;
  client_body_temp_path ${dir}/nginx-body;
  proxy_temp_path ${dir}/nginx-proxy;
  fastcgi_temp_path ${dir}/nginx-fastcgi;
  uwsgi_temp_path ${dir}/nginx-uwsgi;
  scgi_temp_path ${dir}/nginx-scgi;
  upstream nodes {
    ${nodes.map((node) => `server 127.0.0.1:${node};`).join(' ')}
    keepalive 256;
    keepalive_requests 1000000000;
    keepalive_timeout 3600s;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location /api/bench/ {
      proxy_pass http://nodes/;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_buffers 8 32k;
      proxy_max_temp_file_size 0;
      proxy_request_buffering off;
      proxy_read_timeout 600s;
    }
  }
}
`

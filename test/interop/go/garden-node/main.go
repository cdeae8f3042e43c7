// A node as the Go originals of goms write them, on the packages that they are made of: the key in etcd, the parsers
// (which trust every key), HTTP behind a call key, and RPC without one. Prints joins and leaves in their words.
//
//	-dialect go-garden   <key>_<service>_<ip>:<http>:<rpc>, HTTP and RPC
//	-dialect goms        <key>_<service>_<ip>:<rpc>_<ip>:<http>, HTTP only: the RPC address leads nowhere
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sort"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/smallnest/rpcx/client"
	"github.com/smallnest/rpcx/server"
	"github.com/smallnest/rpcx/share"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// Theirs, in seconds: keys of the dead are gone this soon.
const leaseSeconds = 2

type ExistsArgs struct {
	Username string `msgpack:"username"`
}

type ExistsReply struct {
	Exists bool `msgpack:"exists"`
}

type RoutesArgs struct {
	Yml []byte
}

type RoutesReply struct {
	Result bool
}

// Rpc is what the node serves.
type Rpc struct{}

func (*Rpc) Exists(_ context.Context, args *ExistsArgs, reply *ExistsReply) error {
	fmt.Println("rpc Exists")
	reply.Exists = args.Username == "bob"
	return nil
}

type node struct {
	project, service, dialect, callKey string
	httpAddr, rpcAddr                  string
	etcd                               *clientv3.Client

	lock  sync.Mutex
	nodes map[string]map[string]bool
}

func main() {
	n := &node{nodes: map[string]map[string]bool{}}
	endpoints := flag.String("etcd", "", "endpoints of etcd, separated by |")
	flag.StringVar(&n.project, "key", "goms", "prefix of all keys")
	flag.StringVar(&n.service, "service", "user", "name of the service")
	flag.StringVar(&n.dialect, "dialect", "go-garden", "how keys are written: goms or go-garden")
	flag.StringVar(&n.callKey, "call-key", "", "what HTTP requests must carry")
	flag.Parse()

	var err error
	n.etcd, err = clientv3.New(clientv3.Config{
		Endpoints: strings.Split(*endpoints, "|"), DialTimeout: 3 * time.Second,
	})
	must(err)
	httpListener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	n.httpAddr = httpListener.Addr().String()
	rpcListener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	n.rpcAddr = rpcListener.Addr().String()
	if n.dialect == "goms" {
		must(rpcListener.Close())
	} else {
		s := server.NewServer()
		must(s.RegisterName(n.service, new(Rpc), ""))
		go func() { must(s.ServeListener("tcp", rpcListener)) }()
	}
	go func() { must(http.Serve(httpListener, n.routes())) }()

	n.register()
	// As theirs: what changed between the listing and the watch is not seen until the next listing.
	go n.watch()
	go func() {
		for {
			n.list()
			time.Sleep(5 * time.Second)
		}
	}()
	fmt.Printf("registered %s\n", n.id())

	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, os.Interrupt)
	<-stop
	// Theirs leave nothing behind but a key, until its lease is over.
	os.Exit(0)
}

func (n *node) id() string {
	name := n.project + "_" + n.service + "_"
	if n.dialect == "goms" {
		return name + n.rpcAddr + "_" + n.httpAddr
	}
	_, rpcPort, _ := net.SplitHostPort(n.rpcAddr)
	return name + n.httpAddr + ":" + rpcPort
}

func (n *node) register() {
	ctx := context.Background()
	lease, err := n.etcd.Grant(ctx, leaseSeconds)
	must(err)
	_, err = n.etcd.Put(ctx, n.id(), "0", clientv3.WithLease(lease.ID))
	must(err)
	alive, err := n.etcd.KeepAlive(ctx, lease.ID)
	must(err)
	go func() {
		for range alive {
		}
	}()
}

func (n *node) watch() {
	for answer := range n.etcd.Watch(context.Background(), n.project+"_", clientv3.WithPrefix()) {
		for _, event := range answer.Events {
			service, addr := parse(string(event.Kv.Key))
			if event.Type == clientv3.EventTypeDelete {
				n.remove(service, addr)
				fmt.Printf("%s node %s leave\n", service, addr)
			} else {
				n.add(service, addr)
				fmt.Printf("%s node %s join\n", service, addr)
			}
		}
	}
}

func (n *node) list() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	answer, err := n.etcd.Get(ctx, n.project+"_", clientv3.WithPrefix())
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, kv := range answer.Kvs {
		n.add(parse(string(kv.Key)))
	}
}

// As trusting as theirs: a key with fewer parts ends the process.
func parse(key string) (service, addr string) {
	parts := strings.Split(key, "_")
	return parts[1], strings.Join(parts[2:], "_")
}

func (n *node) add(service, addr string) {
	// Theirs is taken apart when it is called; here at once, so that a key they cannot use is seen.
	_ = n.rpcOf(addr)
	n.lock.Lock()
	defer n.lock.Unlock()
	if n.nodes[service] == nil {
		n.nodes[service] = map[string]bool{}
	}
	n.nodes[service][addr] = true
}

func (n *node) remove(service, addr string) {
	n.lock.Lock()
	defer n.lock.Unlock()
	delete(n.nodes[service], addr)
}

func (n *node) rpcOf(addr string) string {
	if n.dialect == "goms" {
		return strings.Split(addr, "_")[0]
	}
	parts := strings.Split(addr, ":")
	return parts[0] + ":" + parts[2]
}

func (n *node) httpOf(addr string) string {
	if n.dialect == "goms" {
		return strings.Split(addr, "_")[1]
	}
	parts := strings.Split(addr, ":")
	return parts[0] + ":" + parts[1]
}

func (n *node) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/exists", n.guarded(n.exists))
	mux.HandleFunc("/-test/nodes", n.showNodes)
	mux.HandleFunc("/-test/call", n.callRpc)
	mux.HandleFunc("/-test/get", n.callHttp)
	mux.HandleFunc("/-test/routes", n.syncRoutes)
	return mux
}

func (n *node) guarded(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		name, refused := "Call-Key", http.StatusNotFound
		if n.dialect == "goms" {
			name, refused = "Call-Service-Key", http.StatusForbidden
		}
		if r.Header.Get(name) != n.callKey {
			answer(w, refused, map[string]any{"status": false, "msg": "No access permission"})
			return
		}
		next(w, r)
	}
}

func (n *node) exists(w http.ResponseWriter, r *http.Request) {
	username := r.URL.Query().Get("username")
	var body struct{ Username string }
	if username == "" && json.NewDecoder(r.Body).Decode(&body) == nil {
		username = body.Username
	}
	answer(w, http.StatusOK, map[string]any{
		"code": 0, "msg": "success", "data": map[string]any{"exists": username == "bob", "node": n.id()},
	})
}

func (n *node) showNodes(w http.ResponseWriter, _ *http.Request) {
	n.lock.Lock()
	defer n.lock.Unlock()
	shown := map[string][]string{}
	for service, addrs := range n.nodes {
		list := []string{}
		for addr := range addrs {
			list = append(list, addr)
		}
		sort.Strings(list)
		shown[service] = list
	}
	answer(w, http.StatusOK, shown)
}

func (n *node) pick(service string) string {
	n.lock.Lock()
	defer n.lock.Unlock()
	for addr := range n.nodes[service] {
		return addr
	}
	return ""
}

// Calls a method of another service as theirs does: trace and deadline in the metadata, and no key.
func (n *node) callRpc(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	addr := n.pick(query.Get("service"))
	if addr == "" {
		answer(w, http.StatusNotFound, map[string]any{"error": "service node not found"})
		return
	}
	reply := map[string]any{}
	err := call(n.rpcOf(addr), query.Get("service"), query.Get("method"), &ExistsArgs{query.Get("username")}, &reply)
	answer(w, http.StatusOK, map[string]any{"reply": reply, "error": text(err)})
}

// Calls a route of another service as their gateway does.
func (n *node) callHttp(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	request, err := http.NewRequest(http.MethodGet, "http://"+n.httpOf(n.pick(query.Get("service")))+query.Get("path"), nil)
	must(err)
	request.Header.Set("Call-Key", n.callKey)
	request.Header.Set("Call-Service-Key", n.callKey)
	got, err := http.DefaultClient.Do(request)
	if err != nil {
		answer(w, http.StatusBadGateway, map[string]any{"error": err.Error()})
		return
	}
	defer got.Body.Close()
	var body any
	_ = json.NewDecoder(got.Body).Decode(&body)
	answer(w, http.StatusOK, map[string]any{"status": got.StatusCode, "body": body})
}

// Sends routes to every node, as their SyncRoutes does: the first error ends the round. Tells how many were asked.
func (n *node) syncRoutes(w http.ResponseWriter, _ *http.Request) {
	n.lock.Lock()
	defer n.lock.Unlock()
	asked, refused := 0, 0
	for service, addrs := range n.nodes {
		for addr := range addrs {
			if addr == strings.TrimPrefix(n.id(), n.project+"_"+n.service+"_") {
				continue
			}
			reply := RoutesReply{}
			err := call(n.rpcOf(addr), service, "SyncRoutes", &RoutesArgs{Yml: []byte("routes:\n")}, &reply)
			if err != nil {
				answer(w, http.StatusOK, map[string]any{"asked": asked, "refused": refused, "error": err.Error()})
				return
			}
			asked++
			if !reply.Result {
				refused++
			}
		}
	}
	answer(w, http.StatusOK, map[string]any{"asked": asked, "refused": refused, "error": ""})
}

func call(addr, service, method string, args, reply any) error {
	discovery, err := client.NewPeer2PeerDiscovery("tcp@"+addr, "")
	if err != nil {
		return err
	}
	x := client.NewXClient(service, client.Failtry, client.RandomSelect, discovery, client.DefaultOption)
	defer x.Close()
	metadata := map[string]string{
		"x-b3-traceid": "463ac35c9f6413ad48485a3953bb6124", "x-b3-spanid": "a2fb4a1d1a96d312", "x-b3-sampled": "1",
	}
	ctx, cancel := context.WithTimeout(context.WithValue(context.Background(), share.ReqMetaDataKey, metadata), 3*time.Second)
	defer cancel()
	return x.Call(ctx, method, args, reply)
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

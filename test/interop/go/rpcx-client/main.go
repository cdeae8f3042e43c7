// A caller on smallnest/rpcx for the tests of TypeScript nodes: makes one call of every kind to a service `user` and
// prints what came back, one JSON line a call: {"case", "reply", "error"}.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/smallnest/rpcx/client"
	"github.com/smallnest/rpcx/protocol"
	"github.com/smallnest/rpcx/share"
)

type ExistsArgs struct {
	Username string `msgpack:"username"`
}

type ExistsReply struct {
	Exists bool `msgpack:"exists"`
}

type TextArgs struct {
	Text string `msgpack:"text"`
}

type SlowArgs struct {
	DelayMs int `msgpack:"delayMs"`
}

type SlowReply struct {
	LeftMs float64 `msgpack:"leftMs"`
}

type CountReply struct {
	Count int `msgpack:"count"`
}

type CallerReply struct {
	TraceId  string `msgpack:"traceId"`
	Caller   string `msgpack:"caller"`
	Identity any    `msgpack:"identity"`
}

type Nothing struct{}

// Values has the kinds that Go is strict about when it reads.
type Values struct {
	Small   int               `msgpack:"small"`
	Int64   int64             `msgpack:"int64"`
	Uint64  uint64            `msgpack:"uint64"`
	Int8    int8              `msgpack:"int8"`
	Float64 float64           `msgpack:"float64"`
	Text    string            `msgpack:"text"`
	Bytes   []byte            `msgpack:"bytes"`
	Numbers []int             `msgpack:"numbers"`
	Counts  map[string]int64  `msgpack:"counts"`
	Inner   *ExistsArgs       `msgpack:"inner"`
	At      time.Time         `msgpack:"at"`
	Any     any               `msgpack:"any"`
	Names   map[string]string `msgpack:"names"`
	Wait    time.Duration     `msgpack:"wait"`
	Yes     bool              `msgpack:"yes"`
}

var values = Values{
	Small: 5, Int64: 1_234_567_890_123, Uint64: 1<<64 - 1, Int8: -7, Float64: 99.5,
	Text: "héllo 世界", Bytes: []byte{0, 1, 254, 255}, Numbers: []int{1, 300, -70_000},
	Counts: map[string]int64{"a": 5}, Inner: &ExistsArgs{Username: "bob"},
	At: time.UnixMilli(1_700_000_000_123).UTC(), Any: "x", Names: map[string]string{"k": "v"},
	Wait: 1500 * time.Millisecond, Yes: true,
}

type line struct {
	Case  string `json:"case"`
	Reply any    `json:"reply"`
	Error string `json:"error"`
	Code  string `json:"code"`
}

func main() {
	addr := flag.String("addr", "", "the RPC port to call")
	token := flag.String("auth", "", "the key to send")
	only := flag.String("only", "", "the cases to run, separated by commas")
	flag.Parse()

	wanted := func(name string) bool {
		return *only == "" || strings.Contains(","+*only+",", ","+name+",")
	}
	option := client.DefaultOption
	option.SerializeType = protocol.MsgPack
	x := open(*addr, *token, option)

	run := func(name, method string, args, reply any, metadata map[string]string, timeout time.Duration) map[string]string {
		if !wanted(name) {
			return nil
		}
		back := map[string]string{}
		ctx := context.WithValue(context.Background(), share.ResMetaDataKey, back)
		if metadata != nil {
			ctx = context.WithValue(ctx, share.ReqMetaDataKey, metadata)
		}
		if timeout > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, timeout)
			defer cancel()
		}
		err := x.Call(ctx, method, args, reply)
		print(name, reply, err, back)
		return back
	}

	run("exists", "Exists", &ExistsArgs{"bob"}, &ExistsReply{}, nil, 0)
	run("as-written", "exists", &ExistsArgs{"eve"}, &ExistsReply{}, nil, 0)
	run("values", "Values", &values, &Values{}, nil, 0)
	// What Go leaves empty is nil, and a time of the year 1.
	run("empty", "Values", &Values{}, &Values{}, nil, 0)
	run("found", "Found", &TextArgs{"eve"}, &Nothing{}, nil, 0)
	run("broken", "Broken", &Nothing{}, &Nothing{}, nil, 0)
	run("invalid", "Exists", &TextArgs{"no such field"}, &ExistsReply{}, nil, 0)
	run("missing", "NoSuch", &Nothing{}, &Nothing{}, nil, 0)
	run("deadline", "Slow", &SlowArgs{0}, &SlowReply{}, nil, 3*time.Second)
	run("late", "Slow", &SlowArgs{2000}, &SlowReply{}, nil, 150*time.Millisecond)
	run("trace", "Who", &Nothing{}, &CallerReply{}, map[string]string{
		"x-b3-traceid": "463ac35c9f6413ad48485a3953bb6124", "x-b3-spanid": "a2fb4a1d1a96d312", "x-b3-sampled": "1",
	}, 0)
	run("forged", "Who", &Nothing{}, &CallerReply{}, map[string]string{
		"goms-caller": "gateway", "goms-identity": "eyJpZCI6MX0",
	}, 0)

	if wanted("oneway") {
		// A client without a reply asks for none. Another call behind it on the same connection finds it done.
		err := x.Call(context.Background(), "Note", &TextArgs{"x"}, nil)
		if err == nil {
			err = x.Call(context.Background(), "NoSuch", &TextArgs{"x"}, nil)
		}
		reply := &CountReply{}
		if err == nil {
			err = x.Call(context.Background(), "Noted", &Nothing{}, reply)
		}
		print("oneway", reply, err, nil)
	}
	if wanted("wrong-service") {
		y := openService("other", *addr, *token, option)
		print("wrong-service", nil, y.Call(context.Background(), "Exists", &ExistsArgs{"bob"}, &ExistsReply{}), nil)
		y.Close()
	}
	if wanted("gzip") {
		packed := option
		packed.CompressType = protocol.Gzip
		y := open(*addr, *token, packed)
		reply := &TextArgs{}
		err := y.Call(context.Background(), "Echo", &TextArgs{strings.Repeat("héllo ", 20_000)}, reply)
		right := reply.Text == strings.Repeat("héllo ", 20_000)
		print("gzip", map[string]bool{"same": right}, err, nil)
		y.Close()
	}
	if wanted("large") {
		reply := &TextArgs{}
		err := x.Call(context.Background(), "Echo", &TextArgs{strings.Repeat("x", 2_000_000)}, reply)
		print("large", map[string]int{"length": len(reply.Text)}, err, nil)
	}
	if wanted("json") {
		other := option
		other.SerializeType = protocol.JSON
		y := open(*addr, *token, other)
		reply := &struct {
			Exists bool `json:"exists"`
		}{}
		err := y.Call(context.Background(), "Exists", map[string]string{"username": "bob"}, reply)
		print("json", reply, err, nil)
		y.Close()
	}
	if wanted("heartbeat") {
		alive := option
		alive.Heartbeat = true
		alive.HeartbeatInterval = 50 * time.Millisecond
		alive.MaxWaitForHeartbeat = 500 * time.Millisecond
		y := open(*addr, *token, alive)
		reply := &SlowReply{}
		err := y.Call(context.Background(), "Slow", &SlowArgs{400}, reply)
		print("heartbeat", nil, err, nil)
		y.Close()
	}
	if wanted("many") {
		right := 0
		results := make(chan bool, 500)
		for i := range 500 {
			go func() {
				reply := &TextArgs{}
				text := fmt.Sprintf("%d %s", i, strings.Repeat("y", i*10))
				err := x.Call(context.Background(), "Echo", &TextArgs{text}, reply)
				results <- err == nil && reply.Text == text
			}()
		}
		for range 500 {
			if <-results {
				right++
			}
		}
		print("many", map[string]int{"right": right}, nil, nil)
	}
	x.Close()
}

func open(addr, token string, option client.Option) client.XClient {
	return openService("user", addr, token, option)
}

func openService(service, addr, token string, option client.Option) client.XClient {
	d, err := client.NewPeer2PeerDiscovery("tcp@"+addr, "")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	x := client.NewXClient(service, client.Failfast, client.RandomSelect, d, option)
	if token != "" {
		x.Auth(token)
	}
	return x
}

func print(name string, reply any, err error, metadata map[string]string) {
	out := line{Case: name, Reply: reply}
	if err != nil {
		out.Error = err.Error()
	}
	out.Code = metadata["goms-code"]
	text, failed := json.Marshal(out)
	if failed != nil {
		text = []byte(fmt.Sprintf(`{"case":%q,"error":%q}`, name, failed.Error()))
	}
	fmt.Println(string(text))
}

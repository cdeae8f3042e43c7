// A node on smallnest/rpcx for the tests of TypeScript callers: one service of plain methods, one whose values show
// every MessagePack case, and what goes wrong. Prints `listening <host>:<port>` once it serves.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/smallnest/rpcx/protocol"
	"github.com/smallnest/rpcx/server"
	"github.com/smallnest/rpcx/share"
)

type Args struct {
	A int
	B int
}

type Reply struct {
	C int
}

type Arith struct{}

func (*Arith) Mul(_ context.Context, args *Args, reply *Reply) error {
	reply.C = args.A * args.B
	return nil
}

type ExistsArgs struct {
	Username string `msgpack:"username"`
}

type ExistsReply struct {
	Exists bool `msgpack:"exists"`
}

// Values holds one field of each kind whose MessagePack form is Go's own.
type Values struct {
	Small   int              `msgpack:"small"`
	Int64   int64            `msgpack:"int64"`
	Uint64  uint64           `msgpack:"uint64"`
	Int8    int8             `msgpack:"int8"`
	Float64 float64          `msgpack:"float64"`
	Float32 float32          `msgpack:"float32"`
	Text    string           `msgpack:"text"`
	Bytes   []byte           `msgpack:"bytes"`
	Numbers []int            `msgpack:"numbers"`
	Counts  map[string]int64 `msgpack:"counts"`
	Inner   *ExistsArgs      `msgpack:"inner"`
	At      time.Time        `msgpack:"at"`
	Any     any              `msgpack:"any"`
	Yes     bool             `msgpack:"yes"`
}

type SlowArgs struct {
	DelayMs int `msgpack:"delayMs"`
}

type SlowReply struct {
	// LeftMs is what the caller's deadline left on arrival, -1 without one.
	LeftMs int64 `msgpack:"leftMs"`
}

type Nothing struct{}

type TextArgs struct {
	Text string `msgpack:"text"`
}

type CountReply struct {
	Count int64 `msgpack:"count"`
}

type User struct {
	noted atomic.Int64
	ran   atomic.Int64
}

func (*User) Exists(_ context.Context, args *ExistsArgs, reply *ExistsReply) error {
	reply.Exists = args.Username == "bob"
	return nil
}

// Values answers with what it got.
func (*User) Values(_ context.Context, args *Values, reply *Values) error {
	*reply = *args
	return nil
}

// Kinds answers with what Go made of each value, for the caller to compare with what it sent.
func (*User) Kinds(_ context.Context, args *Values, reply *map[string]string) error {
	*reply = map[string]string{
		"int64":   strconv.FormatInt(args.Int64, 10),
		"uint64":  strconv.FormatUint(args.Uint64, 10),
		"float64": strconv.FormatFloat(args.Float64, 'g', -1, 64),
		"float32": strconv.FormatFloat(float64(args.Float32), 'g', -1, 32),
		"bytes":   fmt.Sprintf("%x", args.Bytes),
		"at":      args.At.UTC().Format(time.RFC3339Nano),
		"any":     fmt.Sprintf("%T %v", args.Any, args.Any),
		"inner":   fmt.Sprintf("%v", args.Inner != nil),
		"numbers": fmt.Sprintf("%v", args.Numbers),
	}
	return nil
}

// Ready answers with values that only Go writes this way, nil slices and pointers among them.
func (*User) Ready(_ context.Context, _ *Nothing, reply *Values) error {
	*reply = Values{
		Small: 5, Int64: 5, Uint64: 1 << 63, Int8: -7, Float64: 99.5, Float32: 0.5, Text: "héllo 世界",
		At: time.Unix(1_700_000_000, 123_000_000).UTC(), Any: int64(7), Yes: true,
	}
	return nil
}

func (u *User) Slow(ctx context.Context, args *SlowArgs, reply *SlowReply) error {
	u.ran.Add(1)
	reply.LeftMs = -1
	if until, ok := ctx.Deadline(); ok {
		reply.LeftMs = time.Until(until).Milliseconds()
	}
	time.Sleep(time.Duration(args.DelayMs) * time.Millisecond)
	return nil
}

func (*User) Fail(_ context.Context, args *TextArgs, _ *Nothing) error {
	return errors.New(args.Text)
}

func (*User) Panic(_ context.Context, _ *Nothing, _ *Nothing) error {
	panic("a mistake in Go")
}

// Note is for requests that want no answer.
func (u *User) Note(_ context.Context, _ *TextArgs, _ *Nothing) error {
	u.noted.Add(1)
	return nil
}

func (u *User) Noted(_ context.Context, _ *Nothing, reply *CountReply) error {
	reply.Count = u.noted.Load()
	return nil
}

// Ran tells how often Slow ran.
func (u *User) Ran(_ context.Context, _ *Nothing, reply *CountReply) error {
	reply.Count = u.ran.Load()
	return nil
}

// Metadata answers with what came along, without the token.
func (*User) Metadata(ctx context.Context, _ *Nothing, reply *map[string]string) error {
	*reply = map[string]string{}
	came, _ := ctx.Value(share.ReqMetaDataKey).(map[string]string)
	for name, value := range came {
		if name != share.AuthKey {
			(*reply)[name] = value
		}
	}
	return nil
}

// Repeat answers with a text of that many characters.
func (*User) Repeat(_ context.Context, args *SlowArgs, reply *TextArgs) error {
	reply.Text = strings.Repeat("ab", args.DelayMs/2)
	return nil
}

// A function that is registered by a name without a capital.
func lower(_ context.Context, args *TextArgs, reply *TextArgs) error {
	reply.Text = strings.ToLower(args.Text)
	return nil
}

func main() {
	addr := flag.String("addr", "127.0.0.1:0", "where to listen")
	token := flag.String("auth", "", "the token that requests must carry")
	flag.Parse()

	s := server.NewServer()
	if *token != "" {
		s.AuthFunc = func(_ context.Context, _ *protocol.Message, given string) error {
			if given != *token {
				return errors.New("invalid token")
			}
			return nil
		}
	}
	must(s.RegisterName("Arith", new(Arith), ""))
	must(s.RegisterName("user", new(User), ""))
	must(s.RegisterFunctionName("text", "lower", lower, ""))

	listener, err := net.Listen("tcp", *addr)
	must(err)
	fmt.Printf("listening %s\n", listener.Addr())
	go func() {
		stop := make(chan os.Signal, 1)
		signal.Notify(stop, syscall.SIGTERM, os.Interrupt)
		<-stop
		os.Exit(0)
	}()
	must(s.ServeListener("tcp", listener))
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

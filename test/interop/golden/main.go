// Writes src/rpcx/golden.json: frames and payloads as the real Go packages write them.
// Run in this folder: go run . > ../../../src/rpcx/golden.json
package main

import (
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"strings"
	"time"

	"github.com/smallnest/rpcx/codec"
	"github.com/smallnest/rpcx/protocol"
)

type frame struct {
	Name      string            `json:"name"`
	Hex       string            `json:"hex"`
	Flags     byte              `json:"flags"`
	Serialize byte              `json:"serialize"`
	Seq       string            `json:"seq"`
	Path      string            `json:"path"`
	Method    string            `json:"method"`
	Metadata  map[string]string `json:"metadata"`
	Payload   string            `json:"payload"`
}

type payload struct {
	Name string `json:"name"`
	Hex  string `json:"hex"`
}

func encodeFrame(name string, m *protocol.Message) frame {
	uncompressed := hex.EncodeToString(m.Payload)
	bytes := m.Encode()
	return frame{
		Name: name, Hex: hex.EncodeToString(bytes), Flags: bytes[2], Serialize: bytes[3],
		Seq:  hex.EncodeToString(bytes[4:12]),
		Path: m.ServicePath, Method: m.ServiceMethod, Metadata: m.Metadata, Payload: uncompressed,
	}
}

func request(seq uint64, path, method string, value any) *protocol.Message {
	m := protocol.NewMessage()
	m.SetMessageType(protocol.Request)
	m.SetSerializeType(protocol.MsgPack)
	m.SetSeq(seq)
	m.ServicePath = path
	m.ServiceMethod = method
	m.Metadata = map[string]string{}
	m.Payload = pack(value)
	return m
}

func pack(value any) []byte {
	bytes, err := (&codec.MsgpackCodec{}).Encode(value)
	if err != nil {
		panic(err)
	}
	return bytes
}

func frames() []frame {
	vector := request(0x0102030405060708, "Arith", "Mul", nil)
	vector.Metadata["k"] = "vv"

	unicode := request(1, "benutzer-ü", "存在", "héllo")
	unicode.Metadata["naïve"] = "日本語"

	zipped := request(math.MaxUint64, "Arith", "Mul", strings.Repeat("goms ", 1000))
	zipped.SetCompressType(protocol.Gzip)

	oneway := request(3, "Arith", "Mul", 5)
	oneway.SetOneway(true)

	heartbeat := request(4, "", "", int64(1628564881000000000))
	heartbeat.SetHeartbeat(true)

	reply := request(5, "Arith", "Mul", 6).Clone()
	reply.SetMessageType(protocol.Response)
	reply.Payload = pack(6)

	fault := request(6, "Arith", "Mul", nil).Clone()
	fault.SetMessageType(protocol.Response)
	fault.SetMessageStatusType(protocol.Error)
	fault.Metadata = map[string]string{protocol.ServiceError: "rpcx: can't find method Mul"}

	raw := request(7, "Arith", "Push", nil)
	raw.SetSerializeType(protocol.SerializeNone)
	raw.Payload = []byte("raw")

	return []frame{
		encodeFrame("vector", vector), encodeFrame("unicode", unicode), encodeFrame("gzip", zipped),
		encodeFrame("oneway", oneway), encodeFrame("heartbeat", heartbeat), encodeFrame("reply", reply),
		encodeFrame("fault", fault), encodeFrame("raw", raw),
	}
}

type message struct {
	ID    int64    `msgpack:"id"`
	Name  string   `msgpack:"name"`
	Age   int      `msgpack:"age"`
	Score float64  `msgpack:"score"`
	Tags  []string `msgpack:"tags"`
	Nums  []int    `msgpack:"nums"`
	Data  []byte   `msgpack:"data"`
}

type untagged struct {
	A, B   int
	Name   string `json:"name"`
	hidden int
}

func payloads() []payload {
	at := time.Unix(1628564881, 0).UTC()
	values := []struct {
		name  string
		value any
	}{
		{"message", message{ID: 1234567890123, Name: "Ada", Age: 36, Score: 99.5, Tags: []string{"a"}, Nums: []int{1, 300}}},
		{"untagged", untagged{A: 1, B: -2, Name: "x", hidden: 3}},
		{"int small", 5}, {"int -1", -1}, {"int -33", -33}, {"int 255", 255}, {"int 65536", 65536},
		{"int ms", 1628564881000}, {"int -ms", -1628564881000},
		{"int8", int8(5)}, {"int16", int16(-5)}, {"int32", int32(5)}, {"int64", int64(5)}, {"int64 -5", int64(-5)},
		{"uint8", uint8(5)}, {"uint16", uint16(5)}, {"uint32", uint32(4294967295)}, {"uint64", uint64(5)},
		{"int64 max", int64(math.MaxInt64)}, {"int64 min", int64(math.MinInt64)}, {"uint64 max", uint64(math.MaxUint64)},
		{"int64 max safe", int64(9007199254740991)}, {"int64 beyond safe", int64(9007199254740992)},
		{"float64", 1.5}, {"float64 whole", float64(3)}, {"float32", float32(1.5)},
		{"inf", math.Inf(1)}, {"nan", math.NaN()},
		{"true", true}, {"nil", nil}, {"empty string", ""}, {"string 31", strings.Repeat("x", 31)},
		{"string 32", strings.Repeat("x", 32)}, {"string 256", strings.Repeat("x", 256)}, {"unicode", "héllo 日本語 😀"},
		{"bytes", []byte{0, 1, 255}}, {"bytes 256", make([]byte, 256)}, {"nil bytes", []byte(nil)},
		{"time", at}, {"time ms", at.Add(250 * time.Millisecond)}, {"time 1969", time.Unix(-1, 500_000_000).UTC()},
		{"time far", time.Date(2600, 1, 1, 0, 0, 0, 0, time.UTC)}, {"time zero", time.Time{}},
		{"array 16", make([]int, 16)}, {"nil slice", []string(nil)}, {"map", map[string]any{"k": int64(7)}},
		{"map of int", map[int]string{7: "seven"}}, {"duration", 3 * time.Second},
	}
	all := make([]payload, 0, len(values))
	for _, v := range values {
		all = append(all, payload{v.name, hex.EncodeToString(pack(v.value))})
	}
	return all
}

func main() {
	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", "  ")
	if err := out.Encode(map[string]any{"frames": frames(), "payloads": payloads()}); err != nil {
		panic(err)
	}
}

// Takes spans by OTLP over HTTP as a collector does, with the collector's own decoder, and prints each batch in a plain
// form: one line of JSON. Tests read those lines.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"

	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

type line struct {
	Resource map[string]any `json:"resource"`
	Scope    string         `json:"scope"`
	TraceID  string         `json:"traceId"`
	SpanID   string         `json:"spanId"`
	ParentID string         `json:"parentId"`
	State    string         `json:"state"`
	Name     string         `json:"name"`
	Kind     string         `json:"kind"`
	Start    string         `json:"start"`
	End      string         `json:"end"`
	Tags     map[string]any `json:"tags"`
	Events   []string       `json:"events"`
	Status   string         `json:"status"`
	Message  string         `json:"message"`
}

func lines(traces ptrace.Traces) []line {
	out := []line{}
	for i := 0; i < traces.ResourceSpans().Len(); i++ {
		resource := traces.ResourceSpans().At(i)
		for j := 0; j < resource.ScopeSpans().Len(); j++ {
			scope := resource.ScopeSpans().At(j)
			for k := 0; k < scope.Spans().Len(); k++ {
				span := scope.Spans().At(k)
				it := line{
					Resource: resource.Resource().Attributes().AsRaw(),
					Scope:    scope.Scope().Name(),
					TraceID:  span.TraceID().String(),
					SpanID:   span.SpanID().String(),
					ParentID: span.ParentSpanID().String(),
					State:    span.TraceState().AsRaw(),
					Name:     span.Name(),
					Kind:     span.Kind().String(),
					Start:    fmt.Sprint(uint64(span.StartTimestamp())),
					End:      fmt.Sprint(uint64(span.EndTimestamp())),
					Tags:     span.Attributes().AsRaw(),
					Events:   []string{},
					Status:   span.Status().Code().String(),
					Message:  span.Status().Message(),
				}
				for e := 0; e < span.Events().Len(); e++ {
					event := span.Events().At(e)
					it.Events = append(it.Events, fmt.Sprintf("%d %s", uint64(event.Timestamp()), event.Name()))
				}
				out = append(out, it)
			}
		}
	}
	return out
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	out := json.NewEncoder(os.Stdout)
	http.HandleFunc("POST /v1/traces", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		request := ptraceotlp.NewExportRequest()
		if err == nil {
			err = request.UnmarshalJSON(body)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		spans := lines(request.Traces())
		response := ptraceotlp.NewExportResponse()
		// A span of this name is what a collector has no use for.
		rejected := int64(0)
		for _, span := range spans {
			if span.Name == "reject me" {
				rejected++
			}
		}
		if rejected > 0 {
			response.PartialSuccess().SetRejectedSpans(rejected)
			response.PartialSuccess().SetErrorMessage("not these")
		}
		_ = out.Encode(map[string]any{"contentType": r.Header.Get("Content-Type"), "spans": spans})
		answer, _ := response.MarshalJSON()
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer)
	})
	_ = out.Encode(map[string]any{"port": listener.Addr().(*net.TCPAddr).Port})
	panic(http.Serve(listener, nil))
}

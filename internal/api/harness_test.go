package api

import (
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) {
	// winio has one goroutine for the completions of the whole process.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/Microsoft/go-winio.ioCompletionProcessor"))
}

// reply is a finished answer.
type reply struct {
	*http.Response
	body string
}

// ask sends one request to a handler, as a client on this machine would.
func ask(t *testing.T, h http.Handler, method, path string, change ...func(*http.Request)) reply {
	t.Helper()
	r := httptest.NewRequest(method, "http://localhost:9180"+path, nil)
	for _, c := range change {
		c(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	resp := w.Result()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{resp, string(body)}
}

func withHeader(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func withHost(host string) func(*http.Request) {
	return func(r *http.Request) { r.Host = host }
}

func withBody(body string) func(*http.Request) {
	return func(r *http.Request) {
		r.Body = io.NopCloser(strings.NewReader(body))
		r.ContentLength = int64(len(body))
	}
}

// decode reads a JSON answer.
func decode[T any](t *testing.T, r reply) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(r.body), &v); err != nil {
		t.Fatalf("body %q: %v", r.body, err)
	}
	return v
}

// wantProblem checks the form of an error and returns it.
func wantProblem(t *testing.T, r reply, httpStatus int, code Code) Problem {
	t.Helper()
	if r.StatusCode != httpStatus {
		t.Fatalf("status %d, want %d; body %s", r.StatusCode, httpStatus, r.body)
	}
	if got := r.Header.Get("Content-Type"); got != problemJSON {
		t.Errorf("Content-Type %q, want %q", got, problemJSON)
	}
	p := decode[Problem](t, r)
	if p.Status != httpStatus || p.Code != code || p.Title == "" || p.Detail == "" || p.Type != "about:blank" {
		t.Errorf("problem %+v, want status %d and code %s", p, httpStatus, code)
	}
	if p.RequestID == "" || p.RequestID != r.Header.Get("X-Request-Id") {
		t.Errorf("request_id %q and X-Request-Id %q, want the same", p.RequestID, r.Header.Get("X-Request-Id"))
	}
	return p
}

// golden compares got with a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := "testdata/" + name
	if *update {
		if err := os.MkdirAll("testdata", 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != string(got) {
		t.Errorf("%s differs; look at the difference after: go test ./internal/api -update", path)
	}
}

package api

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func readAll(r io.Reader) (got []message, err error) {
	for m, e := range readEvents(r) {
		if e != nil {
			return got, e
		}
		got = append(got, m)
	}
	return got, nil
}

func TestReadEvents(t *testing.T) {
	for _, test := range []struct {
		name, in string
		want     []message
	}{
		{"nothing", "", nil},
		{"comment", ": connected\n\n", nil},
		{"plain", "data: a\n\n", []message{{name: "message", data: []byte("a")}}},
		{"named with id", "event: line\nid: x/1\ndata: {}\n\n", []message{{"x/1", "line", []byte("{}")}}},
		{"several lines of data", "data: a\ndata: b\ndata\n\n", []message{{name: "message", data: []byte("a\nb\n")}}},
		{"CR and CRLF", "data: a\r\rdata: b\r\n\r\n", []message{{name: "message", data: []byte("a")}, {name: "message", data: []byte("b")}}},
		{"one space is cut off", "data:  a\n\ndata:b\n\n", []message{{name: "message", data: []byte(" a")}, {name: "message", data: []byte("b")}}},
		{"id stays", "id: 1\ndata: a\n\ndata: b\n\n", []message{{"1", "message", []byte("a")}, {"1", "message", []byte("b")}}},
		{"id is emptied", "id: 1\ndata: a\n\nid\ndata: b\n\n", []message{{"1", "message", []byte("a")}, {"", "message", []byte("b")}}},
		{"id with NUL", "id: 1\x00\ndata: a\n\n", []message{{"", "message", []byte("a")}}},
		{"event without data is none", "event: line\nid: 1\n\ndata: a\n\n", []message{{"1", "message", []byte("a")}}},
		{"unfinished event", "data: a\n\ndata: b\n", []message{{name: "message", data: []byte("a")}}},
		{"unknown fields", "retry: 5\nfoo: bar\ndata: a\n\n", []message{{name: "message", data: []byte("a")}}},
		{"byte order mark", "\uFEFFdata: a\n\n", []message{{name: "message", data: []byte("a")}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for name, r := range map[string]io.Reader{"whole": strings.NewReader(test.in), "byte by byte": iotest.OneByteReader(strings.NewReader(test.in))} {
				got, err := readAll(r)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(message{})); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
			}
		})
	}
}

func TestReadEventsIsBounded(t *testing.T) {
	long := strings.Repeat("a", maxMessage)
	for name, in := range map[string]string{
		"line":  "data: " + long + "\n\n",
		"event": strings.Repeat("data: "+long[:maxMessage/4]+"\n", 5) + "\n",
	} {
		if _, err := readAll(strings.NewReader(in)); err == nil || !strings.Contains(err.Error(), "larger than") {
			t.Errorf("%s: error %v, want one about its size", name, err)
		}
	}
}

func TestReadEventsTellsWhatBroke(t *testing.T) {
	broken := errors.New("broken")
	got, err := readAll(io.MultiReader(strings.NewReader("data: a\n\n"), iotest.ErrReader(broken)))
	if len(got) != 1 || !errors.Is(err, broken) {
		t.Errorf("got %d events, error %v", len(got), err)
	}
	if _, err := readAll(io.MultiReader(strings.NewReader("data: a\n"), iotest.ErrReader(io.ErrUnexpectedEOF))); err != nil {
		t.Errorf("an end in the middle is an end, got %v", err)
	}
}

func FuzzReadEvents(f *testing.F) {
	for _, seed := range []string{"", ": connected\n\n", "event: line\nid: x/1\ndata: {}\n\n", "data: a\r\rdata: b\r\n\r\n", "id: 1\x00\n\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		whole, err := readAll(bytes.NewReader(in))
		if err != nil && len(in) < maxMessage {
			t.Fatalf("%q: %v", in, err)
		}
		bytewise, _ := readAll(iotest.OneByteReader(bytes.NewReader(in)))
		if diff := cmp.Diff(whole, bytewise, cmp.AllowUnexported(message{})); diff != "" {
			t.Errorf("%q is read differently byte by byte:\n%s", in, diff)
		}
		for _, m := range whole {
			if m.name == "" || strings.ContainsAny(m.id+m.name, "\r\n") {
				t.Errorf("%q gives %+v", in, m)
			}
			if entry, known, err := decodeEntry[Gap]("line", m); err == nil && known && m.name == "gap" && entry.Gap == nil {
				t.Errorf("%q: a gap without its data", in)
			}
		}
	})
}

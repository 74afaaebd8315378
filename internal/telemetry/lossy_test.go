package telemetry

import (
	"bytes"
	"encoding/json"
	"errors"
	"syscall"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap/zapcore"
)

// fullDisk is a file on a disk with room for so many more bytes.
type fullDisk struct {
	bytes.Buffer
	room int
}

func (d *fullDisk) Write(p []byte) (int, error) {
	n := min(len(p), d.room)
	d.room -= n
	d.Buffer.Write(p[:n])
	if n < len(p) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

func TestLogGoesOnAfterAFullDisk(t *testing.T) {
	disk := &fullDisk{room: 13}
	dropped := prometheus.NewCounter(prometheus.CounterOpts{Name: "x", Help: "x"})
	registry := prometheus.NewRegistry()
	registry.MustRegister(dropped)
	told := 0
	l := &lossy{file: disk, service: "Shop", dropped: dropped, failed: func(err error) {
		told++
		if !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("told %v", err)
		}
	}}
	// The buffer of the access log, which keeps the first error for good.
	buffered := &zapcore.BufferedWriteSyncer{WS: zapcore.AddSync(l)}
	write := func(text string) {
		t.Helper()
		if _, err := buffered.Write([]byte(text)); err != nil {
			t.Error(err)
		}
		if err := buffered.Sync(); err != nil {
			t.Error(err)
		}
	}
	write("{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n") // the second one is torn
	write("{\"a\":4}\n")
	disk.room = 1 << 20
	write("{\"a\":5}\n")
	write("{\"a\":6}\n")
	if err := buffered.Stop(); err != nil {
		t.Error(err)
	}

	got := bytes.Split(bytes.TrimSpace(disk.Bytes()), []byte("\n"))
	if len(got) != 5 || string(got[0]) != `{"a":1}` || string(got[1]) != `{"a":` || string(got[3]) != `{"a":5}` || string(got[4]) != `{"a":6}` {
		t.Fatalf("file:\n%s", disk.Bytes())
	}
	var note struct {
		Level   string `json:"level"`
		Service string `json:"service"`
		Dropped int    `json:"dropped"`
	}
	if err := json.Unmarshal(got[2], &note); err != nil || note.Level != "warn" || note.Service != "Shop" || note.Dropped != 3 {
		t.Errorf("note %s: %v", got[2], err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if n := families[0].GetMetric()[0].GetCounter().GetValue(); n != 3 {
		t.Errorf("counted %v lines, want 3", n)
	}
	if told != 1 {
		t.Errorf("told %d times, want once", told)
	}
}

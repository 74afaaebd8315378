package daemon

import (
	"context"
	"encoding/binary"
	"io/fs"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"unicode/utf16"

	"holdfast/internal/config"
	"holdfast/internal/event"
)

const policyKey = `SOFTWARE\Policies\Test`

// oneValue is a registry with one text in the policy key.
type oneValue struct {
	mu         sync.Mutex
	name, text string
	changed    chan struct{}
	reads      int
}

func (r *oneValue) set(name, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.name, r.text = name, text
	select {
	case r.changed <- struct{}{}:
	default:
	}
}

func (r *oneValue) Read(key string) (config.RegistryKey, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reads++
	if key != policyKey || r.name == "" {
		return config.RegistryKey{}, fs.ErrNotExist
	}
	var data []byte
	for _, unit := range utf16.Encode([]rune(r.text)) {
		data = binary.LittleEndian.AppendUint16(data, unit)
	}
	return config.RegistryKey{Values: []config.RegistryValue{{Name: r.name, Type: 1, Data: data}}}, nil
}

func (r *oneValue) looked() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reads
}

func (r *oneValue) Watch(ctx context.Context, _ []string, changed func()) error {
	for {
		changed()
		select {
		case <-ctx.Done():
			return nil
		case <-r.changed:
		}
	}
}

// TestPolicy starts under a policy with an error, which counts as little as it can, and follows the
// policy from then on: a good one is applied, a bad one leaves the last good configuration.
func TestPolicy(t *testing.T) {
	registry := &oneValue{name: "LogLevel", text: "loud", changed: make(chan struct{}, 1)}
	r := startWith(t, listeners, func(o *Options) {
		o.Config.PolicyKey, o.Config.Registry = policyKey, registry
	})
	metric := func(value string) {
		t.Helper()
		eventually(t, "holdfast_config_last_reload_successful "+value, func() bool {
			code, body := r.get("management", "/metrics")
			return code == http.StatusOK && strings.Contains(body, "holdfast_config_last_reload_successful "+value)
		})
	}
	told := func(kind event.Type, n int) []event.Event {
		t.Helper()
		eventually(t, string(kind), func() bool { return len(r.published(kind)) >= n })
		events := r.published(kind)
		if len(events) != n {
			t.Fatalf("%d events %s, want %d: %v", len(events), kind, n, events)
		}
		return events
	}
	level := func(want config.LogLevel) {
		t.Helper()
		if got := r.d.current().snapshot.Config.Logging.Level; got != want {
			t.Errorf("the level is %s, want %s", got, want)
		}
	}
	rejected := told("config.rejected", 1)
	if want := `Group Policy HKLM\` + policyKey + `\LogLevel`; !strings.Contains(rejected[0].Message, want) {
		t.Errorf("the event does not name the value: %s", rejected[0].Message)
	}
	metric("0")
	level(config.LevelInfo)

	registry.set("LogLevel", "warn")
	reloaded := told("config.reloaded", 1)
	if data, ok := reloaded[0].Data.(event.ConfigReloaded); !ok || data.Trigger != "policy" {
		t.Errorf("the event is %+v", reloaded[0].Data)
	}
	metric("1")
	level(config.LevelWarn)

	registry.set("LogLvel", "info")
	told("config.rejected", 2)
	metric("0")
	level(config.LevelWarn)

	// Somebody asks and is told; the watch, which sees the same, is not told of once more.
	registry.set("LogLevel", "louder")
	if err := r.d.Reload(t.Context()); err == nil {
		t.Error("a bad policy is accepted")
	}
	looked := registry.looked()
	eventually(t, "a look and a load by the watch", func() bool { return registry.looked() >= looked+2 })
	func() {
		r.d.reloading.Lock() // that load has been told by now, or not
		defer r.d.reloading.Unlock()
		told("config.rejected", 3)
	}()
	registry.set("", "")
	told("config.reloaded", 2)
	told("config.rejected", 3)
	level(config.LevelInfo)
}

// TestLoggingThatWaits tells what of a changed configuration counts from the next start.
func TestLoggingThatWaits(t *testing.T) {
	r := start(t, listeners)
	waits := func() bool {
		for _, p := range r.d.current().last.Problems {
			if p.Code == config.CodeNextStart && p.Pointer == "/logging" {
				return true
			}
		}
		return false
	}
	file := filepath.Join(r.dir, "holdfast.yaml")
	for i, text := range []string{"{level: debug}", "{level: debug, access: {enabled: false}}"} {
		want := i == 1
		write(t, file, listeners+"logging: "+text+"\n")
		if err := r.d.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := waits(); got != want {
			t.Errorf("logging: %s: waits %v, want %v", text, got, want)
		}
	}
}

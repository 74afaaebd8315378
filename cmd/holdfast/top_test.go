package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"holdfast/internal/status"
)

// busy is a machine with something to see in each column.
func busy() topSample {
	at := func(id string, s status.State, u *status.Usage, up time.Duration, restarts int) status.Instance {
		i := status.Instance{ID: id, State: s, Ready: s == status.Running, Usage: u, Restarts: restarts}
		if u != nil {
			i.PID, i.StartedAt = 4000+restarts, now().Add(-up)
		}
		return i
	}
	surge := at("shop-3", status.Starting, &status.Usage{CPU: 1.2, Memory: 20 << 20, Handles: 9, Threads: 30}, time.Second, 0)
	surge.Role = status.Surge
	return topSample{Time: now(), Apps: []status.App{
		{ID: "shop", Ready: 2, Instances: []status.Instance{
			at("shop-1", status.Running, &status.Usage{CPU: 0.03, Memory: 182 << 20, Handles: 40, Threads: 9}, time.Hour, 3),
			at("shop-2", status.Running, &status.Usage{CPU: 0.5, Memory: 90 << 20, Handles: 400, Threads: 8}, time.Minute, 1),
			surge,
		}},
		{ID: "worker", Instances: []status.Instance{at("worker-1", status.CrashLoop, nil, 0, 12)}},
	}}
}

func TestTopOrders(t *testing.T) {
	for order, want := range map[string]string{
		"cpu":      "shop-3 shop-2 shop-1 worker-1",
		"memory":   "shop-1 shop-2 shop-3 worker-1",
		"handles":  "shop-2 shop-1 shop-3 worker-1",
		"threads":  "shop-3 shop-1 shop-2 worker-1",
		"uptime":   "shop-1 shop-2 shop-3 worker-1",
		"restarts": "worker-1 shop-1 shop-2 shop-3",
		"name":     "shop-1 shop-2 shop-3 worker-1",
	} {
		var got []string
		for _, i := range topRows(busy(), order) {
			got = append(got, i.ID)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", order, got, want)
		}
		if err := (topOptions{sort: order, every: time.Second}).check(); err != nil {
			t.Error(err)
		}
	}
}

func TestTopForms(t *testing.T) {
	plain := style{unicode: true, now: now(), zone: time.UTC}
	color := plain
	color.color = true
	o := topOptions{sort: "cpu", every: 2 * time.Second}
	var b bytes.Buffer
	if err := (&console{}).writeTop(&b, plain, busy(), o); err != nil {
		t.Fatal(err)
	}
	golden(t, "top.txt", b.String())
	golden(t, "top_screen.txt", seen(topScreen(plain, busy(), o, window{80, 24}, nil)))
	golden(t, "top_screen_color.txt", seen(topScreen(color, busy(), o, window{80, 24}, nil)))
	golden(t, "top_screen_small.txt", seen(topScreen(plain, busy(), o, window{40, 5}, nil)))
	golden(t, "top_screen_trouble.txt", seen(topScreen(plain, busy(), o, window{80, 24}, errors.New("Holdfast is not running:\nstart\x1b[2J it"))))
}

// seen shows control sequences.
func seen(screen string) string {
	return strings.NewReplacer("\x1b", "ESC", "\r\n", "\n").Replace(screen) + "\n"
}

// TestTopFits draws into windows of every size.
func TestTopFits(t *testing.T) {
	plain := style{unicode: true, now: now(), zone: time.UTC}
	for width := range 100 {
		for height := range 12 {
			screen := topScreen(plain, busy(), topOptions{sort: "cpu", every: time.Second}, window{width, height}, nil)
			lines := strings.Split(strings.NewReplacer(toTop, "", clearLine, "", clearBelow, "").Replace(screen), "\r\n")
			if len(lines) > max(height, 3) {
				t.Fatalf("%d lines in a window of %d", len(lines), height)
			}
			for _, l := range lines {
				if utf8.RuneCountInString(l) > width {
					t.Fatalf("%q is wider than %d", l, width)
				}
			}
		}
	}
}

func TestTopOnce(t *testing.T) {
	_, data := newFakeHoldfast(t)
	for _, test := range []struct {
		args     []string
		code     int
		contains []string
	}{
		{[]string{"top"}, exitOK, []string{"3 instances of 2 apps, 2 ready; CPU 3%, memory 182MiB\n", "INSTANCE ", "\nshop-1 ", "\nworker-1 "}},
		{[]string{"top", "worker"}, exitOK, []string{"1 instance of 1 app, 1 ready", "\nworker-1 "}},
		{[]string{"top", "--once", "-o", "yaml"}, exitOK, []string{"apps:\n  - id: shop\n"}},
		{[]string{"top", "nope"}, exitFailed, []string{"not found"}},
		{[]string{"top", "--sort", "size"}, exitUsage, []string{"--sort size: write one of cpu, memory"}},
		{[]string{"top", "--interval", "10ms"}, exitUsage, []string{"write 1s or more"}},
	} {
		code, stdout, stderr := runCommand(t, "", append(slices.Clone(test.args), "--data", data)...)
		if code != test.code {
			t.Errorf("%v: exit code %d, want %d", test.args, code, test.code)
		}
		for _, want := range test.contains {
			if !strings.Contains(stdout+stderr, want) {
				t.Errorf("%v: output\n%s%s\nlacks %q", test.args, stdout, stderr, want)
			}
		}
	}
}

// TestTopStream ends with Holdfast, because nobody presses Ctrl-C here.
func TestTopStream(t *testing.T) {
	f, _ := newFakeHoldfast(t)
	data := t.TempDir()
	stop := f.serve(t, data)
	var out, errs syncBuffer
	done := make(chan int, 1)
	go func() {
		done <- run([]string{"top", "-o", "json", "--interval", "1s", "--data", data}, strings.NewReader(""), &out, &errs)
	}()
	out.waitFor(t, "}\n{")
	stop()
	if code := <-done; code != exitUnreachable || !strings.Contains(errs.String(), "Holdfast is not running") {
		t.Errorf("exit code %d, %s", code, errs.String())
	}
	for l := range strings.Lines(out.String()) {
		var sample topSample
		if err := json.Unmarshal([]byte(l), &sample); err != nil || len(sample.Apps) != 2 || sample.Time.IsZero() {
			t.Errorf("line %s: %v", l, err)
		}
	}
}

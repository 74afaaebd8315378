package certs

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/internal/config"
)

func selfSignedFor(names ...string) map[string]config.Certificate {
	return map[string]config.Certificate{"shop": {SelfSigned: &config.SelfSigned{Names: names}}}
}

func TestSelfSigned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := scratch(t)
		open := func() (*Store, *told) {
			heard := &told{}
			return New(Options{DataDir: dir, Notify: heard.hear}), heard
		}
		s, _ := open()
		if err := s.Apply(selfSignedFor("localhost", "127.0.0.1", "::1")); err != nil {
			t.Fatal(err)
		}
		first := shown(t, s)
		for _, host := range []string{"localhost", "127.0.0.1", "::1"} {
			if err := verify(t, first, host, first.Leaf); err != nil {
				t.Errorf("%s: %v", host, err)
			}
		}
		file := filepath.Join(dir, "self-signed", "shop.pem")
		if info, err := os.Stat(file); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("kept in %v, %v", info, err)
		}
		s, heard := open()
		if err := s.Apply(selfSignedFor("127.0.0.1", "LOCALHOST", "::1")); err != nil || !shown(t, s).Leaf.Equal(first.Leaf) {
			t.Errorf("another one after a restart: %v", err)
		}
		// A month before its end it is renewed, and nobody was warned.
		time.Sleep(selfSignedLife - selfSignedRenew - time.Hour)
		s.refresh(wall())
		if !shown(t, s).Leaf.Equal(first.Leaf) {
			t.Error("renewed before its time")
		}
		time.Sleep(time.Hour)
		s.refresh(wall())
		second := shown(t, s)
		if second.Leaf.Equal(first.Leaf) || heard.count(Renewed, "shop") != 1 || heard.count(Expiring, "shop") != 0 {
			t.Errorf("not renewed: %+v", heard.all)
		}
		s.refresh(wall().Add(time.Second))
		if got := heard.count(Renewed, "shop"); got != 1 {
			t.Errorf("renewal told %d times", got)
		}
		s.Renew("shop")
		s.refresh(wall())
		s.refresh(wall().Add(time.Second))
		third := shown(t, s)
		if third.Leaf.Equal(second.Leaf) || heard.count(Renewed, "shop") != 2 {
			t.Errorf("not renewed on request, or told %d times", heard.count(Renewed, "shop"))
		}
		if err := s.Apply(selfSignedFor("other.test")); err != nil || verify(t, shown(t, s), "other.test", shown(t, s).Leaf) != nil {
			t.Errorf("other names: %v", err)
		}
		// What cannot be read is told, and not overwritten.
		write(t, file, []byte("nonsense"))
		s, _ = open()
		if err := s.Apply(selfSignedFor("other.test")); err == nil || !strings.Contains(err.Error(), "remove the file") {
			t.Errorf("nonsense in the file: %v", err)
		}
	})
}

// A folder that cannot be written is told once, and tried again.
func TestRenewalFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := scratch(t)
		heard := &told{}
		s := New(Options{DataDir: dir, Notify: heard.hear})
		if err := s.Apply(selfSignedFor("localhost")); err != nil {
			t.Fatal(err)
		}
		first := shown(t, s)
		// A folder in the place of the temporary file: nobody, not even root, can create it.
		if err := os.MkdirAll(filepath.Join(dir, "self-signed", "shop.pem.new", "x"), 0o700); err != nil {
			t.Fatal(err)
		}
		s.Renew("shop")
		for range 3 {
			s.refresh(wall())
			time.Sleep(time.Minute)
		}
		if got := heard.count(Failed, "shop"); got != 1 || shown(t, s) != first {
			t.Errorf("told %d times: %+v", got, heard.all)
		}
		if i := s.List()[0]; i.Err == nil || i.Renewal.IsZero() || i.State != Valid {
			t.Errorf("%+v", i)
		}
		// Its end comes near.
		time.Sleep(time.Until(first.Leaf.NotAfter) - soon + time.Second)
		s.refresh(wall())
		s.refresh(wall())
		if got := heard.count(Expiring, "shop"); got != 1 || s.List()[0].State != Ending {
			t.Errorf("warned %d times, %+v", got, s.List()[0])
		}
		for _, name := range []string{"shop.pem.new/x", "shop.pem.new"} { // not os.RemoveAll: see scratch
			if err := os.Remove(filepath.Join(dir, "self-signed", name)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		s.refresh(wall())
		if i := s.List()[0]; i.Err != nil || i.State != Valid || heard.count(Renewed, "shop") != 1 {
			t.Errorf("not renewed in the end: %+v", i)
		}
	})
}

// TestWarnings: 14 days, or a third of a short life, once per certificate.
func TestWarnings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, heard, _ := newStore(t)
		dir, now := scratch(t), time.Now()
		put(t, dir, "day", ".crt", made{names: []string{"day.test"}, before: now, after: now.Add(24 * time.Hour)})
		put(t, dir, "year", ".crt", made{names: []string{"year.test"}, before: now, after: now.Add(365 * 24 * time.Hour)})
		if err := s.Apply(map[string]config.Certificate{"many": {Folder: dir}}); err != nil {
			t.Fatal(err)
		}
		states := func() (out []State) {
			for _, i := range s.List() {
				out = append(out, i.State)
			}
			return out
		}
		for _, tt := range []struct {
			at        time.Duration
			told      int
			day, year State
		}{
			{16*time.Hour - time.Second, 0, Valid, Valid},
			{16 * time.Hour, 1, Ending, Valid},
			{25 * time.Hour, 1, Expired, Valid},
			{351*24*time.Hour - time.Second, 1, Expired, Valid},
			{351 * 24 * time.Hour, 2, Expired, Ending},
			{366 * 24 * time.Hour, 2, Expired, Expired},
		} {
			time.Sleep(time.Until(now.Add(tt.at)))
			s.refresh(wall())
			s.refresh(wall())
			if got := states(); heard.count(Expiring, "many") != tt.told || got[0] != tt.day || got[1] != tt.year {
				t.Errorf("after %v: told %d times, want %d; %v", tt.at, heard.count(Expiring, "many"), tt.told, got)
			}
		}
	})
}

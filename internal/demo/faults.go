package demo

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

// crashNow answers first, so that whoever asked sees who is about to go, and ends the program as a
// crash would: a stack on stderr and a non-zero exit code.
func (p *Program) crashNow(w http.ResponseWriter, r *http.Request) {
	p.did(w, r, "crash", fmt.Sprintf("%s (pid %d) exits with code %d now", p.opts.Instance, p.pid, CrashCode))
	_ = http.NewResponseController(w).Flush()
	_, _ = fmt.Fprintf(p.opts.Stderr, "fatal: crash asked for by %s\n\n%s\n", r.RemoteAddr, debug.Stack())
	select {
	case p.crash <- struct{}{}:
	default: // another request was first
	}
}

// hang makes every later request wait, the probes' included. The port still accepts connections,
// as it does when a real program is stuck.
func (p *Program) hang(w http.ResponseWriter, r *http.Request) {
	limit := int(maxHang / time.Second)
	seconds, ok := number(r, "seconds", limit, limit)
	if !ok {
		badNumber(w, "seconds", limit)
		return
	}
	p.hungUntil.Store(time.Now().Add(time.Duration(seconds) * time.Second).UnixNano())
	p.did(w, r, "hang", fmt.Sprintf("%s (pid %d) answers nothing for %d s, probes included", p.opts.Instance, p.pid, seconds))
}

// slow answers after ms milliseconds (default 1000).
func (p *Program) slow(w http.ResponseWriter, r *http.Request) {
	limit := int(maxSlow / time.Millisecond)
	ms, ok := number(r, "ms", 1000, limit)
	if !ok {
		badNumber(w, "ms", limit)
		return
	}
	if !p.finish(r, time.Duration(ms)*time.Millisecond) {
		http.Error(w, "too many requests are waiting", http.StatusServiceUnavailable)
		return
	}
	_, _ = fmt.Fprintf(w, "%s answered after %d ms\n", p.opts.Instance, ms) //nolint:gosec // a number and our own name
}

// finish waits like wait, but a stop lets it finish within the drain time.
func (p *Program) finish(r *http.Request, d time.Duration) bool { return p.waitUnless(r, d, nil) }

// leak takes mb MiB (default 64) and keeps them, up to 512 MiB in all.
func (p *Program) leak(w http.ResponseWriter, r *http.Request) {
	mb, ok := number(r, "mb", 64, maxLeakMB)
	if !ok {
		badNumber(w, "mb", maxLeakMB)
		return
	}
	total, ok := p.take(mb)
	if !ok {
		http.Error(w, fmt.Sprintf("that would make more than %d MiB; %d MiB are held", maxLeakMB, total), http.StatusConflict)
		return
	}
	p.did(w, r, "leak", fmt.Sprintf("%s (pid %d) holds %d MiB more, %d MiB in all", p.opts.Instance, p.pid, mb, total))
}

// take allocates mb MiB, and reports what is held in all and whether the bound allowed it.
func (p *Program) take(mb int) (total int, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.leaked)+mb > maxLeakMB {
		return len(p.leaked), false
	}
	for range mb {
		block := make([]byte, 1<<20)
		for i := 0; i < len(block); i += 4096 {
			block[i] = 1 // an untouched page costs nothing
		}
		p.leaked = append(p.leaked, block)
	}
	return len(p.leaked), true
}

// spew writes mb MB (default 10) of lines to stdout as fast as it is read, and answers with the
// speed.
func (p *Program) spew(w http.ResponseWriter, r *http.Request) {
	mb, ok := number(r, "mb", 10, maxSpewMB)
	if !ok {
		badNumber(w, "mb", maxSpewMB)
		return
	}
	if !p.spewing.TryLock() {
		http.Error(w, "already writing", http.StatusConflict)
		return
	}
	defer p.spewing.Unlock()
	begin := time.Now()
	written, err := p.flood(r.Context(), int64(mb)*1e6)
	took := time.Since(begin)
	if err != nil {
		http.Error(w, fmt.Sprintf("stopped after %d bytes: %v", written, err), http.StatusInternalServerError)
		return
	}
	rate := float64(written) / 1e6 / max(took.Seconds(), 1e-9)
	p.did(w, r, "spew", fmt.Sprintf("%s (pid %d) wrote %d MB to stdout in %s (%.0f MB/s)",
		p.opts.Instance, p.pid, mb, took.Round(time.Millisecond), rate))
}

// floodBlock is how many bytes, in whole lines of 100, are written at once.
const floodBlock = 50_000

// flood writes blocks of lines, which carry the number of their block, until there are size bytes.
func (p *Program) flood(ctx context.Context, size int64) (int64, error) {
	line := "spew 0000000000 " + strings.Repeat("=", 83) + "\n"
	block := bytes.Repeat([]byte(line), floodBlock/len(line))
	var written int64
	for n := 0; written < size; n++ {
		select {
		case <-p.stop:
			return written, context.Canceled
		case <-ctx.Done():
			return written, context.Cause(ctx)
		default:
		}
		number := fmt.Appendf(nil, "%010d", n)
		for at := len("spew "); at < len(block); at += len(line) {
			copy(block[at:], number)
		}
		k, err := p.opts.Stdout.Write(block)
		written += int64(k)
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// fork starts a grandchild that leaves the process group and session, keeps stdout open and stays
// after this program has ended: what a careless program leaves behind.
func (p *Program) fork(w http.ResponseWriter, r *http.Request) {
	if len(p.opts.Child) == 0 {
		http.Error(w, "this program was not told how to start a child", http.StatusNotImplemented)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.children >= maxChildren {
		http.Error(w, fmt.Sprintf("%d children are running; that is the bound", p.children), http.StatusConflict)
		return
	}
	// It is meant to outlive the request and the program, so neither's context may end it.
	child := exec.Command(p.opts.Child[0], p.opts.Child[1:]...) //nolint:gosec,noctx // our own executable, see above
	child.Stdout, child.Stderr = p.opts.Stdout, p.opts.Stderr
	detach(child)
	if err := child.Start(); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	p.children++
	go func() {
		_ = child.Wait()
		p.mu.Lock()
		p.children--
		p.mu.Unlock()
	}()
	p.did(w, r, "fork", fmt.Sprintf("%s (pid %d) started grandchild pid %d in a session of its own",
		p.opts.Instance, p.pid, child.Process.Pid))
}

// stubborn switches whether the program ignores being asked to stop, for at most ten minutes.
func (p *Program) stubborn(w http.ResponseWriter, r *http.Request) {
	if until := p.stubbornUntil.Load(); until == 0 {
		p.stubbornUntil.Store(time.Now().Add(maxStubborn).UnixNano())
		p.did(w, r, "stubborn", fmt.Sprintf("%s (pid %d) now ignores every request to stop", p.opts.Instance, p.pid))
		return
	}
	p.stubbornUntil.Store(0)
	p.did(w, r, "stubborn", fmt.Sprintf("%s (pid %d) stops again when asked", p.opts.Instance, p.pid))
}

// did answers an act: a line of text for a program, the index page again for a browser. The answer
// states its length, so that it is whole once it is flushed: a crash may follow at once.
func (p *Program) did(w http.ResponseWriter, r *http.Request, act, text string) {
	header := w.Header()
	if !strings.Contains(r.Header.Get("Accept"), "text/html") {
		header.Set("Content-Type", "text/plain; charset=utf-8")
		header.Set("Content-Length", strconv.Itoa(len(text)+1))
		_, _ = io.WriteString(w, text+"\n") //nolint:gosec // plain text of numbers and our own name
		return
	}
	header.Set("Content-Length", "0")
	// Relative, so that it works behind a gateway that cut a prefix off the path.
	header.Set("Location", "./?did="+act+"&by="+url.QueryEscape(p.opts.Instance))
	w.WriteHeader(http.StatusSeeOther)
}

// Linger is the grandchild's whole life: it does nothing until ctx ends or ten minutes are over.
func Linger(ctx context.Context, out io.Writer) {
	_, _ = fmt.Fprintln(out, "grandchild: holding stdout")
	timer := time.NewTimer(maxHang)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"

	"holdfast/internal/api"
	"holdfast/internal/status"
)

// Control sequences of a terminal (ECMA-48 and xterm's second screen).
const (
	secondScreen = "\x1b[?1049h\x1b[?25l"
	firstScreen  = "\x1b[?25h\x1b[?1049l"
	toTop        = "\x1b[H"
	clearLine    = "\x1b[K"
	clearBelow   = "\x1b[J"
)

// resizeEvery is how often the window's size is looked at: not every system tells about it.
const resizeEvery = 200 * time.Millisecond

// window is how many characters fit.
type window struct{ width, height int }

func windowOf(screen *os.File) window {
	if width, height, err := term.GetSize(int(screen.Fd())); err == nil && width > 0 && height > 0 {
		return window{width, height}
	}
	return window{80, 24}
}

// topLive refreshes the table on the terminal's second screen until somebody ends it.
func (c *console) topLive(ctx context.Context, client *api.Client, o topOptions, screen *os.File, sample topSample) error {
	keys, restore := keysOf(c)
	defer restore()
	_, _ = screen.WriteString(secondScreen)
	defer func() { _, _ = screen.WriteString(firstScreen) }()
	refresh := time.NewTicker(o.every)
	defer refresh.Stop()
	resize := time.NewTicker(resizeEvery)
	defer resize.Stop()
	s := c.style()
	var trouble error
	shown := window{}
	for {
		if now := windowOf(screen); now != shown {
			shown = now
			s.now = time.Now()
			if _, err := screen.WriteString(topScreen(s, sample, o, shown, c.callError(trouble))); err != nil {
				return &exitError{exitFailed, fmt.Errorf("write: %w", err)}
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case key, ok := <-keys:
			if !ok {
				keys = nil // nobody types any more
			}
			if ok && endsTop(key) {
				return nil
			}
		case <-resize.C:
		case <-refresh.C:
			// Holdfast may be started anew meanwhile: what was last seen stays on the screen.
			var next topSample
			if next, trouble = topMeasure(ctx, client, o.names); trouble == nil {
				sample = next
			}
			shown = window{}
		}
	}
}

// endsTop is true for q, Ctrl-C and Ctrl-D: in raw mode the terminal makes no signals of them.
func endsTop(key byte) bool { return key == 'q' || key == 'Q' || key == 3 || key == 4 }

// keysOf delivers what is typed, without waiting for Enter. Its goroutine ends with the program: a
// read from a terminal cannot be broken off.
func keysOf(c *console) (keys <-chan byte, restore func()) {
	in, ok := c.in.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return nil, func() {}
	}
	before, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return nil, func() {}
	}
	typed := make(chan byte, 16)
	go func() {
		defer close(typed)
		var one [1]byte
		for {
			if n, err := in.Read(one[:]); n == 0 || err != nil {
				return
			}
			select {
			case typed <- one[0]:
			default: // held down
			}
		}
	}()
	return typed, func() { _ = term.Restore(int(in.Fd()), before) }
}

// topScreen draws everything, with no more lines and characters than fit.
func topScreen(s style, sample topSample, o topOptions, fits window, trouble error) string {
	all := topRows(sample, o.sort)
	top := topSummary(s, sample)
	bottom := fmt.Sprintf("sorted by %s, every %v; q ends", o.sort, o.every)
	if trouble != nil {
		bottom = printable(strings.ReplaceAll(trouble.Error(), "\n", " ")) + "; q ends"
	}
	room := max(fits.height-3, 0) // besides the summary, the heading and the last line
	if hidden := len(all) - room; hidden > 0 {
		bottom = fmt.Sprintf("%d more below; ", hidden) + bottom
	}
	// Laid out with all rows, so that the columns stay where they are when the order changes.
	lines := strings.Split(strings.TrimSuffix(columns("", topTable(s, sample, all)), "\n"), "\n")
	var b strings.Builder
	b.WriteString(toTop)
	draw := func(color, text string) {
		text = fit(text, fits.width)
		if color != "" {
			text = s.paint(color, text)
		}
		// Before the text: behind a full line the cursor still stands on its last character.
		b.WriteString(clearLine + text)
	}
	draw("", top)
	for n, text := range lines[:min(len(lines), room+1)] {
		b.WriteString("\r\n")
		color := grey
		if n > 0 {
			color = stateColor(all[n-1])
		}
		draw(color, text)
	}
	b.WriteString("\r\n")
	draw(grey, bottom)
	b.WriteString(clearBelow)
	return b.String()
}

// stateColor makes what needs a look stand out.
func stateColor(i status.Instance) string {
	switch {
	case i.State == status.CrashLoop:
		return red
	case i.State == status.Backoff, i.State == status.Running && !i.Ready:
		return yellow
	default:
		return ""
	}
}

// fit cuts text off so that it takes no second line.
func fit(text string, width int) string {
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	return string([]rune(text)[:max(width, 0)])
}

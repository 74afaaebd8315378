package service

import (
	"context"
	"sync"
)

// work is the program's one run, seen from the loop that hosts it: channels to listen on, and
// functions that never block.
type work struct {
	stages  chan string   // the newest stage of the start that was not read yet
	ready   chan struct{} // closed by Ready
	done    chan error    // what Program.Run returned, once
	carried chan error    // how the control that carry began went

	// carry begins a reload, pause or resume; its result comes on carried. One at a time.
	carry func(control)
	// end asks the program to end.
	end context.CancelFunc

	startID string
	once    sync.Once
}

// begin starts p. The end of ctx is not passed on: the loop hears it like any other wish to stop,
// so that a program that ends is never ahead of the reason why.
func begin(ctx context.Context, p Program, startID string) *work {
	ctx, end := context.WithCancel(context.WithoutCancel(ctx))
	w := &work{
		stages:  make(chan string, 1),
		ready:   make(chan struct{}),
		done:    make(chan error, 1),
		carried: make(chan error, 1),
		end:     end,
		startID: startID,
	}
	w.carry = func(c control) {
		go func() { w.carried <- obey(ctx, p, c) }()
	}
	go func() { w.done <- p.Run(ctx, w) }()
	return w
}

// obey lets p do what c asks for.
func obey(ctx context.Context, p Program, c control) error {
	switch c {
	case reload:
		return p.Reload(ctx)
	case pause:
		return p.Pause(ctx)
	case resume:
		return p.Resume(ctx)
	case ignored, stop, force, interrogate: // are not the program's to carry out
	}
	return nil
}

// Progress keeps the newest stage and drops an older one that nobody has read.
func (w *work) Progress(stage string) {
	for {
		select {
		case w.stages <- stage:
			return
		default:
		}
		select {
		case <-w.stages:
		default:
		}
	}
}

// StartID implements Starting.
func (w *work) StartID() string { return w.startID }

// Ready may be called more than once.
func (w *work) Ready() { w.once.Do(func() { close(w.ready) }) }

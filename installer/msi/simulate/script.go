package simulate

import "slices"

// failure is an installation that ends without success.
type failure struct {
	code int
	text string
}

func (f *failure) Error() string { return f.text }

// fatal is the code of a failed installation
// (learn.microsoft.com/windows/win32/msi/error-codes).
const fatal = 1603

// operation is one entry of a script.
type operation struct {
	product string
	action  string
	kind    Kind
	command string
	fails   bool // the chosen one fails after its work
	apply   func()
	undo    func()
}

// transaction is what InstallInitialize begins: the script that is being written, what has been
// carried out, and what waits for the commit. A product that is removed inside of it shares it.
type transaction struct {
	pending  []operation
	done     []operation
	commits  []operation
	executed []Execution
	owner    *session // whose InstallInitialize began it; nil: it has not begun
	failedAt bool
}

func (t *transaction) write(o operation) { t.pending = append(t.pending, o) }

// execute carries out what the script holds so far.
func (t *transaction) execute() error {
	script := t.pending
	t.pending = nil
	for _, o := range script {
		switch o.kind {
		case OnlyBack:
			t.done = append(t.done, o) // now the way back knows it
			continue
		case OnlyEnd:
			t.commits = append(t.commits, o)
			continue
		case Standard, Deferred, Dialog, Immediate:
		}
		t.record(Forward, o, o.fails)
		t.done = append(t.done, o)
		if o.apply != nil {
			o.apply()
		}
		if o.fails {
			t.failedAt = true
			return &failure{fatal, o.action + " fails"}
		}
	}
	return nil
}

// commit ends the transaction: the commit actions run, and there is no way back.
func (t *transaction) commit() error {
	for _, o := range t.commits {
		t.record(End, o, o.fails)
		if o.fails {
			t.failedAt = true
			return &failure{fatal, o.action + " fails"}
		}
	}
	t.pending, t.done, t.commits = nil, nil, nil
	return nil
}

// rollback undoes what has been carried out after the first operations, the last first. Standard
// actions are undone by the installer itself, custom ones by the rollback actions before them.
func (t *transaction) rollback(first int) {
	for _, o := range slices.Backward(t.done[first:]) {
		if o.kind == OnlyBack || o.undo != nil {
			t.record(Back, o, false)
		}
		if o.undo != nil {
			o.undo()
		}
	}
	t.pending, t.done = nil, t.done[:first]
}

func (t *transaction) record(phase Phase, o operation, failed bool) {
	t.executed = append(t.executed, Execution{phase, o.product, o.action, o.kind, o.command, failed})
}

// deferred are the actions of the package itself that have been carried out by the script.
func (t *transaction) deferred() []string {
	var names []string
	for _, e := range t.executed {
		if e.Phase != Back && e.Product == "" && (e.Kind == Deferred || e.Kind == OnlyEnd) {
			names = append(names, e.Action)
		}
	}
	return names
}

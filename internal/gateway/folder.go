package gateway

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// folderCheck is how often a folder's path is looked up again. It may come to lead to another
// folder, when a deployment moves a symbolic link or renames folders.
const folderCheck = time.Second

// folder opens files below a path by os.Root, which nothing leads out of.
type folder struct {
	path   string
	keeper *keeper

	mu      sync.Mutex // guards the replacing of root
	root    atomic.Pointer[os.Root]
	began   time.Time
	checked atomic.Int64 // nanoseconds since began: no clock that can be set

	beside besides
}

func newFolder(path string, k *keeper) *folder {
	return &folder{path: path, keeper: k, began: time.Now()}
}

func (f *folder) stat(name string) (os.FileInfo, error) {
	return inFolder(f, func(r *os.Root) (os.FileInfo, error) { return r.Stat(name) })
}

func (f *folder) open(name string) (*os.File, error) {
	return inFolder(f, func(r *os.Root) (*os.File, error) { return r.OpenFile(name, readOnly, 0) })
}

// inFolder does something with the root, once more if it was closed meanwhile.
func inFolder[T any](f *folder, do func(*os.Root) (T, error)) (T, error) {
	for {
		r, err := f.current()
		if err != nil {
			var none T
			return none, err
		}
		v, err := do(r)
		if errors.Is(err, os.ErrClosed) && r != f.root.Load() {
			continue
		}
		return v, err
	}
}

// current is the open root, looked up again when the last look is long enough ago.
func (f *folder) current() (*os.Root, error) {
	now := int64(time.Since(f.began))
	if r := f.root.Load(); r != nil && now-f.checked.Load() < int64(folderCheck) {
		return r, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	old := f.root.Load()
	if old != nil {
		if now-f.checked.Load() < int64(folderCheck) {
			return old, nil // somebody else has just looked
		}
		if same(old, f.path) {
			f.checked.Store(now)
			return old, nil
		}
	}
	r, err := os.OpenRoot(f.path)
	if err != nil {
		return nil, err
	}
	f.root.Store(r)
	f.checked.Store(now)
	f.beside.forget()
	f.keeper.forget(f)
	if old != nil {
		_ = old.Close() // files opened through it stay open
	}
	return r, nil
}

// same reports whether path still leads to the folder that r has open.
func same(r *os.Root, path string) bool {
	have, err := r.Stat(".")
	if err != nil {
		return false
	}
	want, err := os.Stat(path)
	return err == nil && os.SameFile(have, want)
}

// close closes the root. A request that still comes opens it again.
func (f *folder) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r := f.root.Swap(nil); r != nil {
		_ = r.Close() // files opened through it stay open
	}
	f.keeper.forget(f)
}

package config

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"strings"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

// machineRegistry is this machine's.
func machineRegistry() Registry { return localMachine{} }

// localMachine is HKEY_LOCAL_MACHINE, in the 64-bit view whatever this program is.
type localMachine struct{}

const readAccess = registry.READ | registry.WOW64_64KEY

// Read implements Registry.
func (localMachine) Read(key string) (RegistryKey, error) {
	k, err := registry.OpenKey(registry.LOCAL_MACHINE, key, readAccess)
	if err != nil {
		return RegistryKey{}, err
	}
	defer k.Close() //nolint:errcheck // nothing was written
	var content RegistryKey
	names, err := k.ReadValueNames(-1)
	if err != nil && !errors.Is(err, io.EOF) {
		return RegistryKey{}, fmt.Errorf("list its values: %w", err)
	}
	for _, name := range names {
		v, err := readValue(k, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it went while its neighbours were read; a watch tells
		}
		if err != nil {
			return RegistryKey{}, fmt.Errorf("value %s: %w", name, err)
		}
		content.Values = append(content.Values, v)
	}
	content.Keys, err = k.ReadSubKeyNames(-1)
	if err != nil && !errors.Is(err, io.EOF) {
		return RegistryKey{}, fmt.Errorf("list its keys: %w", err)
	}
	return content, nil
}

// readValue reads one value; what is longer than any text that is understood is cut, which keeps its
// length wrong.
func readValue(k registry.Key, name string) (RegistryValue, error) {
	data := make([]byte, 2*maxRegistryText+4)
	n, typ, err := k.GetValue(name, data)
	if errors.Is(err, registry.ErrShortBuffer) {
		n, err = len(data), nil
	}
	if err != nil {
		return RegistryValue{}, err
	}
	return RegistryValue{Name: name, Type: typ, Data: data[:n]}, nil
}

// Watch implements Registry with RegNotifyChangeKeyValue. A notice ends with the thread that asked for
// it, so that this goroutine keeps its thread.
func (localMachine) Watch(ctx context.Context, keys []string, changed func()) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	stop, err := windows.CreateEvent(nil, 1, 0, nil)
	if err != nil {
		return fmt.Errorf("watch the registry: %w", err)
	}
	defer windows.CloseHandle(stop) //nolint:errcheck // an event of our own
	told := make(chan struct{})
	forget := context.AfterFunc(ctx, func() {
		_ = windows.SetEvent(stop) // fails for a bad handle only
		close(told)
	})
	defer func() {
		if !forget() {
			<-told // it uses stop
		}
	}()

	events := []windows.Handle{stop}
	var notices []*notice
	defer func() {
		for _, n := range notices {
			n.close()
		}
	}()
	for _, key := range keys {
		// The key above tells of the key's own coming and going. It is first, so that a key that comes
		// in between is found by the one or the other.
		above := &notice{key: key, nearest: nearestAbove}
		own := &notice{key: key, nearest: itself, tree: true}
		above.also = own
		for _, n := range []*notice{above, own} {
			if n.event, err = windows.CreateEvent(nil, 0, 0, nil); err != nil {
				return fmt.Errorf("watch the registry: %w", err)
			}
			notices, events = append(notices, n), append(events, n.event)
		}
	}
	for {
		for _, n := range notices {
			if err := n.arm(); err != nil {
				return fmt.Errorf("watch the registry key %s: %w", hklm+n.key, err)
			}
		}
		changed()
		which, err := windows.WaitForMultipleObjects(events, false, windows.INFINITE)
		if err != nil {
			return fmt.Errorf("watch the registry: %w", err)
		}
		if which == windows.WAIT_OBJECT_0 {
			return nil
		}
		fired := notices[which-windows.WAIT_OBJECT_0-1]
		fired.armed = false
		if fired.also != nil {
			fired.also.armed = false
		}
	}
}

// notice is one RegNotifyChangeKeyValue. It is for one change; then it is asked for again.
type notice struct {
	key string
	// nearest is the key to watch, "" when there is none now.
	nearest func(key string) (string, error)
	tree    bool
	also    *notice // what to arm again, too

	event  windows.Handle
	handle windows.Handle
	armed  bool
}

// arm asks to be told of the next change.
func (n *notice) arm() error {
	for !n.armed {
		name, err := n.nearest(n.key)
		if err != nil {
			return err
		}
		if err := n.watch(name); err != nil {
			return err
		}
		// Keys may have come or gone before the notice began.
		now, err := n.nearest(n.key)
		if err != nil {
			return err
		}
		n.armed = now == name
	}
	return nil
}

func (n *notice) watch(name string) error {
	n.release()
	if name == "" {
		return nil
	}
	k, err := registry.OpenKey(registry.LOCAL_MACHINE, name, registry.NOTIFY|registry.WOW64_64KEY)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	n.handle = windows.Handle(k)
	// The end of the notice before has set the event. Whatever that one told is read after this.
	if err := windows.ResetEvent(n.event); err != nil {
		return err
	}
	err = windows.RegNotifyChangeKeyValue(n.handle, n.tree, windows.REG_NOTIFY_CHANGE_NAME|windows.REG_NOTIFY_CHANGE_LAST_SET, n.event, true)
	if errors.Is(err, windows.ERROR_KEY_DELETED) {
		return nil
	}
	return err
}

func (n *notice) release() {
	if n.handle != 0 {
		_ = windows.RegCloseKey(n.handle) // it was open
		n.handle = 0
	}
}

func (n *notice) close() {
	n.release()
	_ = windows.CloseHandle(n.event) // an event of our own
}

// itself is the key, "" when it is not there.
func itself(key string) (string, error) {
	k, err := registry.OpenKey(registry.LOCAL_MACHINE, key, registry.NOTIFY|registry.WOW64_64KEY)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return key, k.Close()
}

// nearestAbove is the nearest key above that is there.
func nearestAbove(key string) (string, error) {
	for {
		i := strings.LastIndexByte(key, '\\')
		if i < 0 {
			return "", nil
		}
		key = key[:i]
		if name, err := itself(key); name != "" || err != nil {
			return name, err
		}
	}
}

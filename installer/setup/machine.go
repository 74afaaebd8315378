package main

import (
	"context"
	"io"
	"time"

	"holdfast/internal/service"
)

// machine is all of Windows that setup looks at or changes.
type machine struct {
	service  controller
	disk     disk
	firewall service.Firewall
	folders  folders
	// settings are the values below HKLM\SOFTWARE\NAME, which only administrators can write.
	settings func(name string) (map[string]string, error)
	// pipe opens the service's local endpoint.
	pipe   func(ctx context.Context, endpoint string) (pipe, error)
	events func(level service.Level, id uint32, text string) error
	now    func() time.Time
	// random gives n random bytes, as hexadecimal digits.
	random func(n int) string
}

// controller is the service manager, for the one service.
type controller interface {
	Record(ctx context.Context) (service.Record, error)
	Query(ctx context.Context) (service.Status, error)
	// Check tells whether Install could begin, and changes nothing.
	Check(ctx context.Context, r service.Registration) error
	Install(ctx context.Context, r service.Registration, say func(string)) error
	Restore(ctx context.Context, r service.Record, say func(string)) error
	Disarm(ctx context.Context, say func(string)) error
	// Forget removes the event source.
	Forget(ctx context.Context, say func(string)) error
	Stop(ctx context.Context, say func(string)) error
	Kill(ctx context.Context) error
	Begin(ctx context.Context, startID string) error
}

// disk is the file system. No method follows a link, and none reads or writes a file that has a second
// name. What is not there is told as fs.ErrNotExist, where nothing else is said.
type disk interface {
	Look(path string) (service.Entry, error)
	Volume(root string) (volume, error)
	// Full is the path of what exists without short names, such as PROGRA~1.
	Full(path string) (string, error)
	// List are the names in a folder; more than most are an error.
	List(dir string, most int) ([]string, error)
	// Read reads a file of at most limit bytes; Tail reads its last ones.
	Read(path string, limit int64) ([]byte, error)
	Tail(path string, limit int64) ([]byte, error)
	// Write replaces a file as a whole, or not at all.
	Write(path string, data []byte) error
	// Append adds to a file; before it grows beyond limit it becomes path.1.
	Append(path string, data []byte, limit int64) error
	// Make makes a folder with an access list, owned by Administrators, where nothing is.
	Make(dir, sddl string) error
	// Lock gives a folder, and what inherits from it, an access list.
	Lock(dir, sddl string) error
	// Pin keeps a folder, and those above it, from being renamed until it is released.
	Pin(dir string) (release func(), err error)
	// Move renames a folder; where something is already it fails.
	Move(from, to string) error
	// Remove removes a file; RemoveAll whatever is there. That nothing is there is no error.
	Remove(path string) error
	RemoveAll(path string) error
}

// volume is what a drive can do.
type volume struct {
	Fixed       bool // it is no share, stick or disc
	AccessLists bool
}

// folders belong to the system; nobody's data or program is one of them, or around one.
type folders struct {
	windows string
	others  []string
	// programs and data are where Windows keeps everybody's.
	programs, data string
}

// pipe is a connection to the service.
type pipe interface {
	io.ReadWriteCloser
	SetDeadline(t time.Time) error
	// Server is the process at the other end.
	Server() (pid int, err error)
}

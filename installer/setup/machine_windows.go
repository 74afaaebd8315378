package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/Microsoft/go-winio"
	"golang.org/x/sys/windows"

	"holdfast/internal/service"
)

// newMachine is this machine.
func newMachine(id service.Identity) (machine, error) {
	own, err := systemFolders()
	if err != nil {
		return machine{}, err
	}
	m := machine{
		disk: ntfs{patience: 5 * time.Second}, firewall: service.NewFirewall(), folders: own, settings: readSettings,
		pipe: dial, now: time.Now, random: randomHex,
		events: func(level service.Level, event uint32, text string) error { return writeEvent(id, level, event, text) },
	}
	if id.Name != "" {
		m.service = managed{service.NewManager(id)}
	}
	return m, nil
}

// writeEvent needs a source; of a name that is none, nobody would look for entries.
func writeEvent(id service.Identity, level service.Level, event uint32, text string) error {
	if id.Name == "" {
		id.Name = "Holdfast"
	}
	log, err := service.OpenEventLog(id)
	if err != nil {
		return err
	}
	return errors.Join(log.Write(level, event, text), log.Close())
}

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: it ends the program rather than to give what is not random
	return hex.EncodeToString(b)
}

// systemFolders asks the system, not the environment.
func systemFolders() (folders, error) {
	own, err := windows.GetSystemWindowsDirectory()
	if err != nil {
		return folders{}, fmt.Errorf("find the Windows folder: %w", err)
	}
	f := folders{windows: own}
	var unnamed [2]string
	for _, known := range []struct {
		id *windows.KNOWNFOLDERID
		to *string
	}{
		{windows.FOLDERID_ProgramFiles, &f.programs},
		{windows.FOLDERID_ProgramData, &f.data},
		{windows.FOLDERID_ProgramFilesX86, &unnamed[0]},
		{windows.FOLDERID_UserProfiles, &unnamed[1]},
	} {
		if dir, err := windows.KnownFolderPath(known.id, windows.KF_FLAG_DONT_VERIFY); err == nil && dir != "" {
			*known.to = dir
			f.others = append(f.others, dir)
		}
	}
	return f, nil
}

// connection is a pipe, opened so that its server cannot act in our name.
type connection struct {
	winio.PipeConn
	handle windows.Handle
}

func dial(ctx context.Context, endpoint string) (pipe, error) {
	conn, err := winio.DialPipeContext(ctx, endpoint)
	if err != nil {
		return nil, err
	}
	p, isPipe := conn.(winio.PipeConn)
	f, hasHandle := conn.(interface{ Fd() uintptr })
	if !isPipe || !hasHandle {
		return nil, errors.Join(fmt.Errorf("%T is no pipe", conn), conn.Close())
	}
	return connection{p, windows.Handle(f.Fd())}, nil
}

// Server is the process that made the pipe.
func (c connection) Server() (int, error) {
	var pid uint32
	if err := windows.GetNamedPipeServerProcessId(c.handle, &pid); err != nil {
		return 0, fmt.Errorf("the pipe's process: %w", err)
	}
	return int(pid), nil
}

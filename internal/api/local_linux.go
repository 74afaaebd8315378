package api

import (
	"fmt"
	"net"
	"os"
	"syscall"
)

// admit asks the kernel who is at the other end (SO_PEERCRED, unix(7)).
func admit(conn net.Conn) error {
	unixConn, ok := conn.(*net.UnixConn)
	if !ok {
		return fmt.Errorf("%T is no Unix socket", conn)
	}
	raw, err := unixConn.SyscallConn()
	if err != nil {
		return err
	}
	var cred *syscall.Ucred
	var credErr error
	if err := raw.Control(func(fd uintptr) {
		cred, credErr = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	}); err != nil {
		return err
	}
	if credErr != nil {
		return fmt.Errorf("read the caller's identity: %w", credErr)
	}
	return admitUser(*cred, os.Geteuid())
}

func admitUser(cred syscall.Ucred, own int) error {
	if cred.Uid != 0 && int64(cred.Uid) != int64(own) {
		return fmt.Errorf("process %d runs as user %d: only root and user %d may drive this Holdfast", cred.Pid, cred.Uid, own)
	}
	return nil
}

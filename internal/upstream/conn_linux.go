package upstream

import "syscall"

// ended reports whether the other end of an idle connection has closed it, or has said something
// without being asked, which comes to the same (a server that ends an idle connection may say 408
// first). Over TLS the latter is usual. A process that is killed has its connections closed by its
// system at once, so that this is known before anybody has read it.
func ended(raw syscall.RawConn, tls bool) bool {
	over := false
	err := raw.Control(func(fd uintptr) {
		var one [1]byte
		n, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		switch err {
		case nil:
			over = n == 0 || !tls
		case syscall.EAGAIN, syscall.EINTR:
		default:
			over = true
		}
	})
	return over || err != nil
}

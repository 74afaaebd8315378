//go:build !linux

package wire

// swap writes a request in one piece.
type swap struct{}

func (*swap) init(*conn) {}

func (*swap) do(c *conn, r *Request, p []byte) error {
	if r.Reused && c.look() {
		return errGone
	}
	return c.write(r, p)
}

package gateway

const (
	// floodFree is what a client may send on an HTTP/2 connection in a beat beside what its requests need.
	floodFree = 256 << 10
	// floodBeats in a row are a flood. What is on its way when an answer comes early does not take that long.
	floodBeats = 3
)

// effort is what an HTTP/2 connection brought up to a moment.
type effort struct {
	received int64 // from the client
	sent     int64 // to it
	taken    int64 // of bodies, by handlers
	begun    int64 // requests
}

// floodgate finds out about clients that keep a connection busy without asking for anything: PING and
// SETTINGS that want an answer, header blocks without an end (CVE-2024-27316), DATA without data. Net/http
// has no bound on most of them. Only the sweeper uses it.
type floodgate struct {
	last  effort
	beats int // in a row, that were too much
}

// flooded is asked once a beat. Header is the most that a request's header may have. Of every eight bytes
// that are sent the client may spend one on WINDOW_UPDATE; bodies come in frames, and all of it in TLS's.
func (f *floodgate) flooded(now effort, header int64) bool {
	received := now.received - f.last.received
	free := floodFree + (now.sent-f.last.sent)/8 + 2*(now.taken-f.last.taken) + header*(now.begun-f.last.begun)
	f.last = now
	if received <= free {
		f.beats = 0
		return false
	}
	f.beats++
	return f.beats >= floodBeats
}

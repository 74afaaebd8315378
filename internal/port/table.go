package port

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"strconv"
	"strings"
)

// maxListeners bounds the listening sockets that are looked at.
const maxListeners = 1 << 16

// fieldsOf are the words of each line.
func fieldsOf(text []byte) [][]string {
	var lines [][]string
	for line := range bytes.Lines(text) {
		lines = append(lines, strings.Fields(string(line)))
	}
	return lines
}

// parseProcNet reads /proc/net/tcp or tcp6 (proc_net_tcp(5)): "sl local remote st ... uid timeout
// inode", the local address as HEX:PORT and state 0A for LISTEN. The kernel lists the listening
// sockets first, so that a hundred thousand connections behind them cost nothing.
func parseProcNet(r io.Reader) []listener {
	var found []listener
	lines := bufio.NewScanner(r)
	for lines.Scan() && len(found) < maxListeners {
		f := strings.Fields(lines.Text())
		if len(f) < 10 || f[0] == "sl" {
			continue
		}
		if f[3] != "0A" {
			break
		}
		_, hex, _ := strings.Cut(f[1], ":")
		port, err := strconv.ParseUint(hex, 16, 16)
		if err != nil || port == 0 {
			continue
		}
		found = append(found, listener{port: int(port), uid: f[7], inode: f[9]})
	}
	return found
}

// The shapes of a row of MIB_TCPTABLE_OWNER_PID and MIB_TCP6TABLE_OWNER_PID (iprtrmib.h, tcpmib.h).
type rowShape struct{ size, port, pid int }

func rowOf4() rowShape { return rowShape{size: 24, port: 8, pid: 20} }
func rowOf6() rowShape { return rowShape{size: 56, port: 20, pid: 52} }

// parseTable reads what GetExtendedTcpTable fills in: the number of rows, then the rows. A port is in
// network byte order in the lower half of its field.
func parseTable(data []byte, shape rowShape) []listener {
	if len(data) < 4 {
		return nil
	}
	rows := min(uint64(binary.LittleEndian.Uint32(data)), maxListeners)
	data = data[4:]
	var found []listener
	for ; rows > 0 && len(data) >= shape.size; rows-- {
		row := data[:shape.size]
		data = data[shape.size:]
		port := int(binary.BigEndian.Uint16(row[shape.port:]))
		if port != 0 {
			found = append(found, listener{port: port, pid: int(binary.LittleEndian.Uint32(row[shape.pid:]))})
		}
	}
	return found
}

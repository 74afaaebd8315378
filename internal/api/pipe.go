package api

import (
	"crypto/sha1" //nolint:gosec // Windows derives service SIDs with SHA-1
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
)

// pipeDescriptor is who may connect to the named pipe, in SDDL: nobody from the network, SYSTEM,
// Administrators, the service's own SID, and the present account unless other services run under it
// too (LocalSystem, LocalService, NetworkService).
// learn.microsoft.com/windows/win32/secauthz/ace-strings
func pipeDescriptor(serviceName, account string) string {
	const all = "(A;;GA;;;%s)"
	sddl := "D:P(D;;GA;;;NU)" + fmt.Sprintf(all, "SY") + fmt.Sprintf(all, "BA") + fmt.Sprintf(all, serviceSID(serviceName))
	if shared := []string{"S-1-5-18", "S-1-5-19", "S-1-5-20"}; account != "" && !slices.Contains(shared, account) {
		sddl += fmt.Sprintf(all, account)
	}
	return sddl
}

// serviceSID is the SID of NT SERVICE\name: S-1-5-80- and the SHA-1 of the name in upper case, so it
// needs no service of that name to be registered.
func serviceSID(name string) string {
	var text []byte
	for _, unit := range utf16.Encode([]rune(strings.ToUpper(name))) {
		text = binary.LittleEndian.AppendUint16(text, unit)
	}
	hash := sha1.Sum(text) //nolint:gosec // not for security: Windows' own derivation
	sid := "S-1-5-80"
	for i := 0; i < len(hash); i += 4 {
		sid += fmt.Sprintf("-%d", binary.LittleEndian.Uint32(hash[i:]))
	}
	return sid
}

package port

import "golang.org/x/sys/windows"

// tellsOwner: Wine's table names ports but no processes.
func tellsOwner() bool {
	return windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() != nil
}

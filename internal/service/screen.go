package service

import "os"

// Sequences lets the terminal behind f obey control sequences (colours, the place of the cursor), and
// reports whether it does. A Windows console has to be told first
// (learn.microsoft.com/windows/console/console-virtual-terminal-sequences); Linux's always do.
func Sequences(f *os.File) bool { return obeySequences(f) }

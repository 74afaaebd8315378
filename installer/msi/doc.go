// Package msi is a Windows Installer package as data: its tables, its summary information and the
// files in its cabinet.
//
// A Database is plain values in memory. Compile makes one of WiX sources (package wxs), Read of a
// package file, ReadFolder of a folder of IDT files; Write makes the file. The bytes of the file
// itself are written by well-kept tools: libmsi (msibuild) and gcab. The rules of the format are
// Microsoft's: learn.microsoft.com/windows/win32/msi/database-tables.
package msi

package msi

import (
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSummaryTable(t *testing.T) {
	want := Summary{
		Codepage: 1252, Title: "Title", Subject: "Subject", Author: "Author", Keywords: "Keywords", Comments: "Comments",
		Template: "x64;1033", PackageCode: "{5B39C1B5-38E7-4D67-A6A3-2A2B3C4D5E6F}", Created: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC),
		Schema: 500, WordCount: 2, Application: "Holdfast", Security: 2,
	}
	table := want.table()
	for _, i := range []int{2, 3, 11} {
		if at := table.Rows[i][0].(int); at <= table.Rows[i-1][0].(int) {
			t.Errorf("property %d comes after %v", at, table.Rows[i-1][0])
		}
	}
	for _, r := range table.Rows { // as IDT files hold it
		if _, ok := r[1].(string); !ok {
			t.Errorf("property %v: %T is no text", r[0], r[1])
		}
	}
	got, err := summaryOf(table)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("error %v (-want +got)\n%s", err, diff)
	}
}

// propertySet makes a stream of the given properties: header, one section, offsets, values.
func propertySet(values map[uint32][]byte) []byte {
	le := binary.LittleEndian
	set := make([]byte, 48)
	le.PutUint16(set, 0xFFFE)
	le.PutUint32(set[24:], 1)
	le.PutUint32(set[44:], 48)
	var table, data []byte
	for pid, v := range values {
		table = le.AppendUint32(le.AppendUint32(table, pid), uint32(8+8*len(values)+len(data)))
		data = append(data, v...)
	}
	set = le.AppendUint32(set, uint32(8+len(table)+len(data)))
	set = le.AppendUint32(set, uint32(len(values)))
	return append(append(set, table...), data...)
}

func value(kind uint32, b ...byte) []byte {
	return append(binary.LittleEndian.AppendUint32(nil, kind), b...)
}

func TestReadSummary(t *testing.T) {
	got, err := readSummary(propertySet(map[uint32][]byte{
		1:  value(vtI2, 0xE4, 0x04, 0, 0),
		4:  value(vtLPSTR, append([]byte{7, 0, 0, 0}, "M\xfcller\x00\x00"...)...),
		12: value(vtFileTime, 0x80, 0x49, 0xb3, 0x9b, 0x94, 0xab, 0xdc, 0x01),
		14: value(vtI4, 0xF4, 1, 0, 0),
		15: value(vtI4, 0xFF, 0xFF, 0xFF, 0xFF),
		99: value(vtI4, 1, 0, 0, 0),
	}))
	want := Summary{Codepage: 1252, Author: "Müller", Created: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC), Schema: 500, WordCount: -1}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("error %v (-want +got)\n%s", err, diff)
	}
}

func TestReadSummaryRefuses(t *testing.T) {
	good := map[uint32][]byte{14: value(vtI4, 1, 0, 0, 0)}
	tests := map[string][]byte{
		"nothing":                    nil,
		"another byte order":         append([]byte{0xFF, 0xFE}, propertySet(good)[2:]...),
		"a section far away":         patched(propertySet(good), 44, 0xFFFFFFF0),
		"more properties than bytes": patched(propertySet(good), 52, 3),
		"a property far away":        patched(propertySet(good), 60, 0xFFFFFFFC),
		"a number that is a text":    propertySet(map[uint32][]byte{14: value(vtLPSTR, 0, 0, 0, 0)}),
		"a text that is a number":    propertySet(map[uint32][]byte{2: value(vtI4, 0, 0, 0, 0)}),
		"a text that does not end":   propertySet(map[uint32][]byte{2: value(vtLPSTR, 9, 0, 0, 0, 'a')}),
		"half a time":                propertySet(map[uint32][]byte{12: value(vtFileTime, 0, 0, 0, 0)}),
	}
	for name, b := range tests {
		if s, err := readSummary(b); !errors.Is(err, errSummary) {
			t.Errorf("%s: %+v, error %v", name, s, err)
		}
	}
}

func patched(b []byte, at int, n uint32) []byte {
	binary.LittleEndian.PutUint32(b[at:], n)
	return b
}

func FuzzReadSummary(f *testing.F) {
	f.Add(propertySet(map[uint32][]byte{1: value(vtI2, 0xE4, 4, 0, 0), 2: value(vtLPSTR, 2, 0, 0, 0, 'a', 0)}))
	f.Add(propertySet(map[uint32][]byte{12: value(vtFileTime, 1, 2, 3, 4, 5, 6, 7, 8), 14: value(vtI4, 1, 0, 0, 0)}))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := readSummary(b)
		if err != nil {
			return
		}
		if len(s.Title)+len(s.Author)+len(s.Comments) > 12*len(b) { // a text may be named more than once
			t.Errorf("%d bytes became longer texts", len(b))
		}
	})
}

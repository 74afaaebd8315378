package msi

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Properties of the summary information by number
// (learn.microsoft.com/windows/win32/msi/summary-information-stream-property-set).
const (
	pidCodepage    = 1
	pidTitle       = 2
	pidSubject     = 3
	pidAuthor      = 4
	pidKeywords    = 5
	pidComments    = 6
	pidTemplate    = 7
	pidPackageCode = 9
	pidCreated     = 12
	pidSaved       = 13
	pidSchema      = 14
	pidWordCount   = 15
	pidApplication = 18
	pidSecurity    = 19
)

// summaryTime is how IDT files write a time.
const summaryTime = "2006/01/02 15:04:05"

// texts and numbers are where a summary keeps its properties.
func (s *Summary) texts() map[int]*string {
	return map[int]*string{
		pidTitle: &s.Title, pidSubject: &s.Subject, pidAuthor: &s.Author, pidKeywords: &s.Keywords,
		pidComments: &s.Comments, pidTemplate: &s.Template, pidPackageCode: &s.PackageCode, pidApplication: &s.Application,
	}
}

func (s *Summary) numbers() map[int]*int {
	return map[int]*int{
		pidCodepage: &s.Codepage, pidSchema: &s.Schema, pidWordCount: &s.WordCount, pidSecurity: &s.Security,
	}
}

// table is the summary as the table that IDT files call _SummaryInformation. Empty texts are left out:
// an empty one cannot be told from none.
func (s *Summary) table() *Table {
	t := &Table{Name: summaryTable, Columns: []Column{{Name: "PropertyId", Type: "i2", Key: true}, {Name: "Value", Type: "l255"}}}
	for pid, v := range s.texts() {
		if *v != "" {
			t.Rows = append(t.Rows, Row{pid, *v})
		}
	}
	for pid, v := range s.numbers() {
		t.Rows = append(t.Rows, Row{pid, strconv.Itoa(*v)})
	}
	created := s.Created.UTC().Format(summaryTime)
	t.Rows = append(t.Rows, Row{pidCreated, created}, Row{pidSaved, created})
	slices.SortFunc(t.Rows, func(a, b Row) int { return a[0].(int) - b[0].(int) })
	return t
}

// summaryOf reads that table.
func summaryOf(t *Table) (s Summary, err error) {
	texts, numbers := s.texts(), s.numbers()
	for _, r := range t.Rows {
		pid, _ := t.Int(r, "PropertyId")
		value := t.Text(r, "Value")
		switch {
		case texts[pid] != nil:
			*texts[pid] = value
		case numbers[pid] != nil:
			if *numbers[pid], err = strconv.Atoi(value); err != nil {
				return s, fmt.Errorf("summary information, property %d: %q is not a number", pid, value)
			}
		case pid == pidCreated:
			if s.Created, err = time.Parse(summaryTime, value); err != nil {
				return s, fmt.Errorf("summary information, property %d: %w", pid, err)
			}
		}
	}
	return s, nil
}

// errSummary is of a stream that is no property set.
var errSummary = errors.New("summary information: not a property set")

// readSummary reads the stream \5SummaryInformation, a property set
// (learn.microsoft.com/openspecs/windows_protocols/ms-oleps): header, one section, its properties.
func readSummary(b []byte) (s Summary, err error) {
	const header, types = 48, 8
	if len(b) < header+types || binary.LittleEndian.Uint16(b) != 0xFFFE {
		return s, errSummary
	}
	at := binary.LittleEndian.Uint32(b[44:])
	if uint64(at)+types > uint64(len(b)) {
		return s, errSummary
	}
	section := b[at:]
	count := binary.LittleEndian.Uint32(section[4:])
	if count > 64 || int(types+count*8) > len(section) {
		return s, errSummary
	}
	offsets := map[int]uint32{}
	for i := range count {
		entry := section[types+i*8:]
		offsets[int(binary.LittleEndian.Uint32(entry))] = binary.LittleEndian.Uint32(entry[4:])
	}
	for pid, v := range s.numbers() {
		if offset, ok := offsets[pid]; ok {
			if *v, err = number32(section, offset); err != nil {
				return s, err
			}
		}
	}
	for pid, v := range s.texts() {
		if offset, ok := offsets[pid]; ok {
			if *v, err = text8(section, offset, s.Codepage); err != nil {
				return s, err
			}
		}
	}
	if offset, ok := offsets[pidCreated]; ok {
		s.Created, err = fileTime(section, offset)
	}
	return s, err
}

// Types of properties (ms-oleps, PropertyType).
const (
	vtI2       = 0x02
	vtI4       = 0x03
	vtLPSTR    = 0x1E
	vtFileTime = 0x40
)

// propertyAt is the bytes of a property after its type.
func propertyAt(section []byte, offset uint32, size uint32, types ...uint32) ([]byte, error) {
	if uint64(offset)+4+uint64(size) > uint64(len(section)) {
		return nil, errSummary
	}
	for _, vt := range types {
		if binary.LittleEndian.Uint32(section[offset:]) == vt {
			return section[offset+4:], nil
		}
	}
	return nil, errSummary
}

func number32(section []byte, offset uint32) (int, error) {
	b, err := propertyAt(section, offset, 4, vtI2, vtI4)
	if err != nil {
		return 0, err
	}
	if binary.LittleEndian.Uint32(section[offset:]) == vtI2 {
		return int(binary.LittleEndian.Uint16(b)), nil // code pages go up to 65001: not signed
	}
	return int(int32(binary.LittleEndian.Uint32(b))), nil //nolint:gosec // the bits are those of a signed number
}

func text8(section []byte, offset uint32, codepage int) (string, error) {
	b, err := propertyAt(section, offset, 4, vtLPSTR)
	if err != nil {
		return "", err
	}
	n := binary.LittleEndian.Uint32(b)
	if uint64(n)+4 > uint64(len(b)) {
		return "", errSummary
	}
	b = b[4 : 4+n]
	for len(b) > 0 && b[len(b)-1] == 0 {
		b = b[:len(b)-1]
	}
	return decode(codepage, b)
}

// fileTime is in steps of 100 ns since 1601.
func fileTime(section []byte, offset uint32) (time.Time, error) {
	b, err := propertyAt(section, offset, 8, vtFileTime)
	if err != nil {
		return time.Time{}, err
	}
	const perSecond, untilUnix = 10_000_000, 11_644_473_600
	n := binary.LittleEndian.Uint64(b)
	seconds, rest := int64(n/perSecond)-untilUnix, int64(n%perSecond)*100 //nolint:gosec // both fit
	return time.Unix(seconds, rest).UTC(), nil
}

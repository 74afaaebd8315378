package transform

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"holdfast/installer/msi"
)

// streams are the parts of a transform, by name.
type streams []struct {
	name string
	data []byte
}

// Row operations begin with a word that says what follows. Bit 0: add a row, the number of columns is in
// the upper byte, all of them follow. Otherwise change a row: one bit per column, the keys follow, then
// the columns whose bits are set (0 would delete it). Numbers are little-endian, strings are numbers in
// the pool. Source: dlls/msi/table.c of Wine (msi_table_load_transform), whose conformance test
// (dlls/msi/tests/db.c, generate_transform_manual) applies such a file on Windows too.
const (
	addRow      = 2<<8 | 1 // Property, Value
	changeValue = 1 << 1   // Property and the second column
)

// encode gives the strings and the changed rows.
func encode(db *msi.Database, properties map[string]string) (streams, error) {
	names := slices.Sorted(maps.Keys(properties))
	pool := newPool()
	table := db.Table("Property")
	var rows []byte
	for _, name := range names { // names first: rows are then in the order of their keys' numbers
		pool.number(name)
	}
	for _, name := range names {
		operation := uint16(addRow)
		if table.Find(name) != nil {
			operation = changeValue
		}
		for _, word := range []uint16{operation, pool.use(name), pool.use(properties[name])} {
			rows = binary.LittleEndian.AppendUint16(rows, word)
		}
	}
	index, text, err := pool.encode(db.Codepage)
	if err != nil {
		return nil, err
	}
	return streams{{"_StringPool", index}, {"_StringData", text}, {"Property", rows}}, nil
}

// pool is the strings of a transform, numbered from 1.
type pool struct {
	strings []string
	numbers map[string]uint16
	uses    map[string]uint16
}

func newPool() *pool { return &pool{numbers: map[string]uint16{}, uses: map[string]uint16{}} }

func (p *pool) number(s string) uint16 {
	n, ok := p.numbers[s]
	if !ok {
		p.strings = append(p.strings, s)
		n = uint16(len(p.strings)) //nolint:gosec // Check allows maxProperties
		p.numbers[s] = n
	}
	return n
}

func (p *pool) use(s string) uint16 {
	p.uses[s]++
	return p.number(s)
}

// encode gives the index of the pool (the code page, then length and number of uses of each string) and
// the strings one after the other. Strings that are the same everywhere are of code page 0, which fits
// every package (learn.microsoft.com/windows/win32/msi/transform-error-condition-flags).
func (p *pool) encode(codepage int) (index, text []byte, err error) {
	if !slices.ContainsFunc(p.strings, beyondASCII) {
		codepage = 0
	}
	index = binary.LittleEndian.AppendUint32(nil, uint32(codepage))
	for _, s := range p.strings {
		b, err := msi.Encode(codepage, s)
		if err != nil {
			return nil, nil, err
		}
		index = binary.LittleEndian.AppendUint16(index, uint16(len(b))) //nolint:gosec // Check allows maxValue
		index = binary.LittleEndian.AppendUint16(index, p.uses[s])
		text = append(text, b...)
	}
	return index, text, nil
}

func beyondASCII(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r > '~' })
}

// streamName is the name of the stream of a table: two letters in one character, behind U+4840
// (libmsi: encode_streamname; wine: dlls/msi/table.c).
func streamName(table string) string {
	const letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._"
	name := []rune{0x4840}
	for i := 0; i < len(table); i += 2 {
		c := 0x4800 + strings.IndexByte(letters, table[i])
		if i+1 < len(table) {
			c += strings.IndexByte(letters, table[i+1])<<6 - 0x1000
		}
		name = append(name, rune(c)) //nolint:gosec // below 0x4840
	}
	return string(name)
}

// Summary properties of a transform
// (learn.microsoft.com/windows/win32/msi/summary-property-descriptions, Transforms).
const (
	pidCodepage    = 1
	pidTitle       = 2
	pidSubject     = 3
	pidAuthor      = 4
	pidKeywords    = 5
	pidComments    = 6
	pidTemplate    = 7
	pidLastSavedBy = 8
	pidRevision    = 9
	pidCreated     = 12
	pidSaved       = 13
	pidPageCount   = 14
	pidCharCount   = 16
	pidApplication = 18
	pidSecurity    = 19

	sameUpgradeCode = 0x800 // MSITRANSFORM_VALIDATE_UPGRADECODE
	readOnlyAlways  = 4
)

// summary says to which packages the transform applies. The upper word of the character count is what
// msiexec compares: only the upgrade code, which all versions and both platforms of a product share. The
// lower word is the errors to overlook: none
// (learn.microsoft.com/windows/win32/msi/character-count-summary and
// learn.microsoft.com/windows/win32/api/msiquery/nf-msiquery-msicreatetransformsummaryinfow).
func summary(db *msi.Database) *msi.Table {
	product := db.Property("ProductCode") + db.Property("ProductVersion")
	created := db.Summary.Created.UTC().Format("2006/01/02 15:04:05")
	t := &msi.Table{Name: "_SummaryInformation", Columns: []msi.Column{{Name: "PropertyId", Type: "i2", Key: true}, {Name: "Value", Type: "l255"}}}
	t.Rows = []msi.Row{
		{pidCodepage, strconv.Itoa(db.Summary.Codepage)},
		{pidTitle, "Transform"},
		{pidSubject, db.Property("ProductName")},
		{pidAuthor, db.Property("Manufacturer")},
		{pidKeywords, "Installer"},
		{pidComments, fmt.Sprintf("Sets properties of %s.", db.Property("ProductName"))},
		{pidTemplate, db.Summary.Template},    // of the package
		{pidLastSavedBy, db.Summary.Template}, // of the package with the transform
		{pidRevision, product + ";" + product + ";" + db.Property("UpgradeCode")},
		{pidCreated, created},
		{pidSaved, created},
		{pidPageCount, strconv.Itoa(db.Summary.Schema)},
		{pidCharCount, strconv.Itoa(sameUpgradeCode << 16)},
		{pidApplication, db.Summary.Application},
		{pidSecurity, strconv.Itoa(readOnlyAlways)},
	}
	return t
}

package msi

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadSQL(t *testing.T) {
	columns := []Column{{Name: "A", Type: "s72", Key: true}, {Name: "B", Type: "I2", Key: true}, {Name: "C", Type: "L0"}, {Name: "D", Type: "i4"}, {Name: "E", Type: "V0"}}
	const create = "CREATE TABLE `T` (`A` CHAR(72) NOT NULL, `B` INT, `C` CHAR(0) LOCALIZABLE, `D` LONG NOT NULL, `E` OBJECT PRIMARY KEY `A`, `B`)\n"
	tests := map[string]struct {
		text string
		want []Row
	}{
		"no rows":       {create, nil},
		"all values":    {create + "INSERT INTO `T` (`A`, `B`, `C`, `D`, `E`) VALUES ('a', -5, 'c', 7, '')\n", []Row{{"a", -5, "c", 7, Data("")}}},
		"empty values":  {create + "INSERT INTO `T` (`A`, `D`) VALUES ('a', 7)\n", []Row{{"a", nil, nil, 7, nil}}},
		"the first one": {create + "INSERT INTO `T` (, `B`, `D`) VALUES (, 1, 7)\n", []Row{{nil, 1, nil, 7, nil}}},
		"escapes":       {create + "INSERT INTO `T` (`A`, `C`, `D`) VALUES ('it\\'s', 'a\\r\\nb\\nc\\\\n', 1)\n", []Row{{"it's", nil, "a\r\nb\nc\\n", 1, nil}}},
		"punctuation":   {create + "INSERT INTO `T` (`A`, `C`, `D`) VALUES ('), (`A`', ''', 1)\n", nil},
		"lines of Windows": {
			strings.ReplaceAll(create+"INSERT INTO `T` (`A`, `D`) VALUES ('), (', 7)\n", "\n", "\r\n"),
			[]Row{{"), (", nil, nil, 7, nil}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := readSQL(tt.text)
			if name == "punctuation" {
				if err == nil {
					t.Error("a quote that is not escaped was read")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&Table{Name: "T", Columns: columns, Rows: tt.want}, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestReadSQLRefuses(t *testing.T) {
	const create = "CREATE TABLE `T` (`A` CHAR(72) NOT NULL, `B` INT PRIMARY KEY `A`)\n"
	tests := map[string]struct{ text, want string }{
		"nothing":          {"", "no table"},
		"something else":   {"error: libmsi_database_export\n", `"CREATE TABLE " was expected at "error`},
		"no end":           {"CREATE TABLE `T` (`A` INT", `" PRIMARY KEY "`},
		"a type":           {"CREATE TABLE `T` (`A` FLOAT PRIMARY KEY `A`)", "a type was expected"},
		"a width":          {"CREATE TABLE `T` (`A` CHAR(x) PRIMARY KEY `A`)", `width "x"`},
		"a key":            {"CREATE TABLE `T` (`A` INT PRIMARY KEY `B`)", `key "B" is no column`},
		"another table":    {create + "INSERT INTO `U` (`A`) VALUES ('a')", `line 2: table "U"`},
		"another column":   {create + "INSERT INTO `T` (`C`) VALUES ('a')", "a column of table T was expected"},
		"a text's end":     {create + "INSERT INTO `T` (`A`) VALUES ('a", "a text does not end"},
		"a number":         {create + "INSERT INTO `T` (`A`, `B`) VALUES ('a', 'b')", "column B: a number was expected"},
		"too few values":   {create + "INSERT INTO `T` (`A`, `B`) VALUES ('a')", "column B: a number was expected"},
		"more than a row":  {create + "INSERT INTO `T` (`A`) VALUES ('a', 'b')", `")" was expected`},
		"an endless names": {create + "INSERT INTO `T` (`A`", "was expected"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got, err := readSQL(tt.text); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, error %v, want one with %q", got, err, tt.want)
			}
		})
	}
}

func FuzzReadSQL(f *testing.F) {
	f.Add("CREATE TABLE `T` (`A` CHAR(72) NOT NULL, `B` INT, `E` OBJECT PRIMARY KEY `A`)\nINSERT INTO `T` (`A`, `B`, `E`) VALUES ('it\\'s\\n', -5, '')\n")
	f.Add("CREATE TABLE `T` (`A` LONG NOT NULL PRIMARY KEY `A`)\nINSERT INTO `T` (, `A`) VALUES (, 1)\n")
	f.Fuzz(func(t *testing.T, text string) {
		table, err := readSQL(text)
		if err != nil {
			return
		}
		for _, r := range table.Rows {
			if len(r) != len(table.Columns) {
				t.Errorf("%q: a row of %d values for %d columns", text, len(r), len(table.Columns))
			}
		}
	})
}

package condition_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/installer/msi/condition"
)

// values are symbols by their text in a condition; environment variables are found in any case.
type values map[string]string

func (v values) get(s condition.Symbol) string {
	if s.Kind == condition.Environment {
		for name, value := range v {
			if strings.EqualFold(name, s.String()) {
				return value
			}
		}
	}
	return v[s.String()]
}

func parse(t *testing.T, text string) *condition.Condition {
	t.Helper()
	c, err := condition.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestHolds(t *testing.T) {
	v := values{
		"five": "5", "fifty": "50", "seven": "7", "fiftyval": "50val", "minus": "-3", "zero": "0", "zeros": "0000000000000",
		"hi": "hi", "hithere": "hithere", "Upper": "HITHERE", "flags": "196609", "dotted.name": "x", "_under": "y",
		"%PATHEXT": ".EXE", "$Exe": "3", "?Exe": "2", "&Main": "3", "!Main": "-1", "huge": "99999999999",
		"float": "0.0", "plus": "+0", "hex": "0x00", "dash": "-", "spaced": "0 ", "QUOTE": `"`, "quoted": `say "hi"`, "negzero": "-0",
	}
	tests := []struct {
		name string
		true []string
		not  []string
	}{
		{"nothing is true", []string{"", " ", "\t\n"}, nil},
		{
			"a value alone: a set property, a text that is not empty, a number that is not 0",
			[]string{"1", "-1", "five", "zero", `"0"`, `"x"`, "dotted.name", "_under", "%PATHEXT", "%pathext"},
			[]string{"0", "unset", `""`, "%UNSET", "Five", "&None", "$None"},
		},
		{
			"numbers",
			[]string{"0 = 0", "1 ~= 1", "0 < 1", "0 ~< 1", "0 <= 1", "1 <= 1", "1 >= 1", "2 > 1", "2 <> 1", "five = 5", "five < 12", "five <= 5", "five > 4", "2 <= fifty", "minus < 0", "minus = -3", "zeros = 0", "negzero = 0"},
			[]string{"0 <> 0", "0 = 1", "0 > 1", "1 > 1", "0 >= 1", "1 < 1", "five = 6", "five < 5", "huge > 1"},
		},
		{
			"two properties are compared as numbers when both are some",
			[]string{"seven <= fifty", "five < fifty", "five < seven"},
			[]string{"seven <= fiftyval", "fifty < seven"},
		},
		{
			"a number and what is none are only ever unequal",
			[]string{"unset <> 0", "unset ~<> 0", "hi <> 3", `"" <> 3`, "&None <> 3", "fiftyval <> 2", `1 <> "1"`, "float <> 0"},
			[]string{"unset = 0", "unset < 0", "unset > 0", "unset <= 0", "unset >= 0", "hi = 0", "2 <= fiftyval", "float = 0", "plus = 0", "hex = 0", "dash = 0", "spaced = 0", `0 = ""`, `0 < "100"`, `100 > "0"`, `1 = "1"`, `"A" = 1`, `"A" ~= 1`, `1 >< "1"`},
		},
		{
			"texts are compared by their characters",
			[]string{`"A" < "B"`, `"100" < "21"`, `"A" ~= "a"`, `five = "5"`, `unset < "1.1"`, `unset < " "`, `unset <= "x"`, `unset = ""`, `&None = ""`, `"02.1.1" < "2.1"`, "hi <> Hi", "_x = _x", "\"a\u030a\" < \"\u00e5\""},
			[]string{`"A" > "B"`, `"1" > "12"`, `"A" = "a"`, `unset <> ""`, `"2" < "12.1"`, "hi <> hi", `five < "12"`, `unset >= "x"`},
		},
		{
			"contains, begins with, ends with",
			[]string{`"ASFD" >< "S"`, `"ASFD" ~>< "s"`, `"ASFD" >< ""`, "hithere >< hi", "hithere << hi", "hi << hi", `hithere >> "there"`, "Upper ~<< hithere", `Upper ~>> "There"`, `hithere >> ""`, `quoted >< QUOTE`},
			[]string{`"ASFD" >< "s"`, `"ASFD" ~>< "sss"`, "hi >< hithere", "hi << hithere", "hi >> hithere", `hithere >> "hi"`, "unset << hi", "unset >< unset", `unset << ""`, "Upper << hi", "five >< QUOTE"},
		},
		{
			"bits: common, high 16, low 16",
			[]string{"3 >< 1", "five >< 4", "flags << 3", "flags >> 1", "flags ~>> 1"},
			[]string{"3 >< 4", "five >< 2", "flags << 1", "flags >> 3", "fifty << 5"},
		},
		{
			"precedence: NOT, AND, OR, XOR, EQV, IMP",
			[]string{
				"not 0", "NOT 0 AND 3", "NOT 0 OR 1", "0 AND 0 OR 1", "1 OR 1 AND 0", "NOT five = 6", "Not unset ~<< hi", "1 IMP 1", "0 IMP 0", "0 IMP 1", "0 EQV 0", "1 XOR 0",
				"1 XOR 1 OR 1 IMP 0", // (1 XOR (1 OR 1)) IMP 0
				"0 IMP 0 EQV 0",      // 0 IMP (0 EQV 0)
				"0 IMP 0 IMP 1", "1 IMP 1 OR 0", "(1) AND (((1)))", "NOT (1 AND 0)", "1 and not(0)",
			},
			[]string{
				"NOT 1", "NOT 0 AND 0", "not \"A\"", "NOT 1 OR 0", "1 XOR 1", "0 EQV 1", "1 IMP 0", "NOT (1 AND 1)", "(0)", "(1 OR 1) AND 0",
				"1 XOR 1 OR 1",        // 1 XOR (1 OR 1)
				"0 IMP 1 IMP 0",       // (0 IMP 1) IMP 0
				"NOT 0 OR 0 XOR 1",    // (NOT 0 OR 0) XOR 1
				"1 XOR 1 AND 0 IMP 0", // (1 XOR (1 AND 0)) IMP 0
			},
		},
		{"states", []string{"$Exe = 3", "?Exe=2 AND $Exe>2", "&Main=3 AND NOT(!Main=3)", "!Main <> 3", "!Main = -1"}, []string{"$Exe = 2", "?Exe <> 2", "%Exe", "&Exe = 3"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for want, texts := range map[bool][]string{true: test.true, false: test.not} {
				for _, text := range texts {
					if got := parse(t, text).Holds(v.get); got != want {
						t.Errorf("%s: got %v", text, got)
					}
				}
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	tests := []struct {
		text   string
		column int
		reason string
	}{
		{"0 >=", 5, "not the end"},
		{"A = ", 5, "not the end"},
		{"~not A", 1, `must follow "~"`},
		{"A ~ = B", 3, `must follow "~"`},
		{"0 < > 0", 5, "a number is needed"},
		{"(1<<1) == 2", 8, "a comparison needs two values"},
		{"A == B", 4, `equal is "="`},
		{"X != 1", 3, "a name must follow '!'"},
		{"X <> !", 6, "a name must follow '!'"},
		{"(((((1))))))", 12, `")" does not belong here`},
		{"((1)", 1, `closing ")" is missing`},
		{"(1 AND 1) = 2", 11, "a comparison needs two values"},
		{"A = B = C", 7, "a comparison needs two values"},
		{"1 IMPL 1", 3, "IMPL does not belong here"},
		{"A B", 3, "B does not belong here"},
		{"(A B)", 4, "B does not belong here"},
		{`A = "b`, 5, `closing '"' is missing`},
		{`A = 'b'`, 5, `no meaning`},
		{"NOT", 4, "not the end"},
		{"NOT NOT A", 5, "NOT NOT is no condition"},
		{"A AND", 6, "not the end"},
		{"AND A", 1, "not AND"},
		{"A = NOT B", 5, "not NOT"},
		{"A = 1.5", 5, "1.5 is no whole number"},
		{"A = 12x", 5, "12x is no whole number"},
		{"A = -", 5, "- is no whole number"},
		{"A = 3000000000", 5, "32 bits"},
		{"A && B", 3, "a name must follow '&'"},
		{"()", 2, `not ")"`},
		{"A | B", 3, "no meaning"},
		{strings.Repeat("(", 200) + "A" + strings.Repeat(")", 200), 129, "more than 128"},
	}
	for _, test := range tests {
		c, err := condition.Parse(test.text)
		syntax, ok := errors.AsType[*condition.SyntaxError](err)
		if !ok {
			t.Errorf("%s: parsed as %v, error %v", test.text, c, err)
			continue
		}
		if syntax.Column != test.column || !strings.Contains(syntax.Reason, test.reason) || !strings.Contains(err.Error(), test.text) {
			t.Errorf("%s: got %v; want column %d, %q", test.text, err, test.column, test.reason)
		}
	}
}

func TestDecide(t *testing.T) {
	v := values{"A": "1", "B": "2", "OLD": "x"}
	tests := []struct {
		text string
		want bool
		fact string
	}{
		{"", true, ""},
		{"1", true, ""},
		{"NOT HF_PORT AND OLD", true, `HF_PORT="" OLD="x"`},
		{"NOT A AND OLD", false, `A="1"`},
		{"A AND UNSET AND B", false, `UNSET=""`},
		{"UNSET OR A OR B", true, `A="1"`},
		{"UNSET OR NONE", false, `UNSET="" NONE=""`},
		{"A OR B", true, `A="1"`},
		{"A = B", false, `A="1" B="2"`},
		{"A XOR B", false, `A="1" B="2"`},
		{"A EQV UNSET", false, `A="1" UNSET=""`},
		{"UNSET IMP A", true, `UNSET=""`},
		{"A IMP B", true, `B="2"`},
		{"A IMP UNSET", false, `A="1" UNSET=""`},
		{"B OR (A AND B)", true, `B="2"`},
		{"NOT (A OR UNSET)", false, `A="1"`},
		{"UNSET AND A OR B AND A", true, `A="1" B="2"`},
	}
	for _, test := range tests {
		got, facts := parse(t, test.text).Decide(v.get)
		var texts []string
		for _, f := range facts {
			texts = append(texts, f.String())
		}
		if fact := strings.Join(texts, " "); got != test.want || fact != test.fact {
			t.Errorf("%s: got %v because of %s; want %v because of %s", test.text, got, fact, test.want, test.fact)
		}
	}
}

func TestSymbols(t *testing.T) {
	var got []string
	c := parse(t, `NOT A AND (%PATH OR $C=3) IMP ?C = &F AND !F <> "B" AND A`)
	for _, s := range c.Symbols() {
		got = append(got, s.String())
	}
	if diff := cmp.Diff([]string{"A", "%PATH", "$C", "?C", "&F", "!F"}, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int{3}, c.Numbers()); diff != "" {
		t.Error(diff)
	}
	if c.Empty() || !parse(t, " ").Empty() {
		t.Error("Empty is wrong")
	}
}

func TestSame(t *testing.T) {
	tests := []struct {
		a, b string
		want bool
	}{
		{"", "  ", true},
		{"NOT REMOVE", "not  REMOVE", true},
		{`REMOVE~="ALL" and not UPGRADINGPRODUCTCODE`, `REMOVE ~= "ALL" AND NOT UPGRADINGPRODUCTCODE`, true},
		{"A", "", false},
		{"A", "a", false},
		{`REMOVE = "ALL"`, `REMOVE ~= "ALL"`, false},
		{`A = "B"`, "A = B", false},
		{"(A OR B) AND C", "A OR (B AND C)", false},
		{"$C = 2", "?C = 2", false},
	}
	for _, test := range tests {
		if got := condition.Same(parse(t, test.a), parse(t, test.b)); got != test.want {
			t.Errorf("%q and %q: got %v", test.a, test.b, got)
		}
	}
}

// Whatever is parsed can be evaluated, and its facts are among its symbols.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "NOT Installed", `(&Main=3) AND NOT(!Main=3)`, `REMOVE ~= "ALL" AND NOT UPGRADINGPRODUCTCODE`, "1 IMP 0 XOR A >< B",
		`"a" ~<< %PATH`, "((((", "A = -2147483648", "A = -", "~", "\xff", "A.", "A\u00a0= 1", "A ~>> 1",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := condition.Parse(text)
		if err != nil {
			syntax, ok := errors.AsType[*condition.SyntaxError](err)
			if !ok || syntax.Column < 1 || syntax.Column > len(text)+1 || syntax.Reason == "" {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		get := func(s condition.Symbol) string { return s.Name }
		result, facts := c.Decide(get)
		if result != c.Holds(get) || len(facts) > len(c.Symbols()) {
			t.Fatalf("%q: %v because of %v", text, result, facts)
		}
		if !condition.Same(c, c) {
			t.Fatalf("%q is not the same as itself", text)
		}
	})
}

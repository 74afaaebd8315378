package migrate

import (
	"strings"
	"testing"
)

// TestHostile are files that would take for ever if they were read naively: the test's own time limit
// notices.
func TestHostile(t *testing.T) {
	const n = 20000
	for name, tt := range map[string]struct {
		tool Tool
		text string
	}{
		"parentheses":       {PM2, "module.exports = " + strings.Repeat("(", n)},
		"closed ones":       {PM2, "module.exports = " + strings.Repeat("(", 900) + "1" + strings.Repeat(")", 900)},
		"arrows":            {PM2, "module.exports = " + strings.Repeat("(a=", 300) + "1" + strings.Repeat(")=>1", 300)},
		"lists":             {PM2, "module.exports = " + strings.Repeat("[", 900) + strings.Repeat("]", 900)},
		"doubling":          {PM2, "const a0 = [1,2];" + doubling(40) + "module.exports = {apps: [{name: 'x', script: 'x', args: a40}]}"},
		"doubling texts":    {PM2, "const a0 = 'aaaaaaaaaa';" + strings.NewReplacer("[...", "", ", ...", " + ", "]", "").Replace(doubling(60)) + "module.exports = {apps: [{name: a60, script: 'x'}]}"},
		"templates":         {PM2, "module.exports = " + strings.Repeat("`${", 300) + "1" + strings.Repeat("}`", 300)},
		"regular":           {PM2, "module.exports = /" + strings.Repeat("a(", n) + "/"},
		"continued lines":   {Supervisord, "[program:x]\ncommand=x\nenvironment=\n" + strings.Repeat(" A=\"1\",\n", n)},
		"sections":          {Supervisord, strings.Repeat("[program:x]\ncommand=x\n", n)},
		"many programs":     {Supervisord, manyPrograms(n / 5)},
		"percents":          {WinSW, "<service><id>a</id><executable>" + strings.Repeat("%A", n) + "</executable></service>"},
		"multiplied":        {WinSW, "<service><id>a</id><executable>x</executable>" + multiplied(20) + "</service>"},
		"elements":          {WinSW, "<service><id>a</id><executable>x</executable>" + strings.Repeat("<b/>", n) + "</service>"},
		"registry strings":  {NSSM, "REGEDIT4\n[HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\x\\Parameters]\n" + strings.Repeat("\"a\"=\"", n)},
		"registry bytes":    {NSSM, "REGEDIT4\n[HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\x\\Parameters]\n\"a\"=hex:" + strings.Repeat("00,\\\n", 5*n)},
		"one long argument": {NSSM, "REGEDIT4\n[HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\x\\Parameters]\n\"Application\"=\"x\"\n\"AppParameters\"=\"" + strings.Repeat(`\\`, n) + "\"\n"},
		"aliases":           {PM2, "a: &a [1,1,1,1,1,1,1,1,1]\n" + aliases(9) + "apps: *i\n"},
	} {
		t.Run(name, func(t *testing.T) {
			file := "ecosystem.config.js"
			if name == "aliases" {
				file = "ecosystem.yaml"
			}
			fuzzOne(t, tt.tool, file, []byte(tt.text))
		})
	}
}

func doubling(n int) string {
	var b strings.Builder
	for i := 1; i <= n; i++ {
		was, is := "a"+number(i-1).Value, "a"+number(i).Value
		b.WriteString("const " + is + " = [..." + was + ", ..." + was + "];\n")
	}
	return b.String()
}

func manyPrograms(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("[program:x" + number(i).Value + "]\ncommand=x\n")
	}
	return b.String()
}

func multiplied(n int) string {
	var b strings.Builder
	b.WriteString(`<env name="A0" value="aaaaaaaaaa"/>`)
	for i := 1; i <= n; i++ {
		was := "%A" + number(i-1).Value + "%"
		b.WriteString(`<env name="A` + number(i).Value + `" value="` + strings.Repeat(was, 10) + `"/>`)
	}
	return b.String()
}

func aliases(n int) string {
	var b strings.Builder
	for i := 1; i < n; i++ {
		is, was := string(rune('a'+i)), string(rune('a'+i-1))
		b.WriteString(is + ": &" + is + " [" + strings.Repeat("*"+was+",", 9) + "*" + was + "]\n")
	}
	return b.String()
}

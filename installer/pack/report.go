package pack

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// Begin tells what will be packed, before the package is made.
func (p *Plan) Begin(w io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s for %s: %s in %s\n", p.Package.Product.Title(), p.Package.Product.Version, p.Package.GOARCH(), counted(len(p.Tree.Files), "file"), Bytes(p.Tree.Size))
	for _, e := range p.Tree.Excluded {
		if e.Files > 0 {
			fmt.Fprintf(&b, "  left out by --exclude %s: %s in %s\n", e.Pattern, counted(e.Files, "file"), Bytes(e.Size))
		}
	}
	for _, text := range p.Warnings {
		fmt.Fprintf(&b, "  warning: %s\n", text)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// End tells what was made, and what to do with it. file is the package, size its bytes.
func (p *Plan) End(w io.Writer, file string, size int64) error {
	product, name := p.Package.Product, p.Package.FileName()
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s)\n\n", file, Bytes(size))
	row := func(name, value string) { fmt.Fprintf(&b, "  %-14s %s\n", name, value) }
	row("product", product.Title()+" "+product.Version+" by "+product.Manufacturer)
	row("service", product.Name)
	row("files", fmt.Sprintf("%d in %s, below C:\\Program Files\\%s\\app", len(p.Tree.Files), Bytes(p.Tree.Size), product.Name))
	row("configuration", `C:\ProgramData\`+product.Name+`\holdfast.yaml`)
	row("product code", string(p.Package.Code()))
	row("upgrade code", string(product.UpgradeCode)+"  keep it: every later version needs it")
	properties := "HF_PORT=8080 HF_FIREWALL=yes"
	if p.fixed {
		properties = "HF_FIREWALL=yes"
	}
	fmt.Fprintf(&b, `
Install it, in an administrator's console; the second opens the port to other machines:
  start /wait msiexec /i %[1]s /qn /l*v install.log
  start /wait msiexec /i %[1]s /qn %[2]s /l*v install.log
Look at it:
  "C:\Program Files\%[3]s\holdfast.exe" status
Upgrade: raise --version, keep --name and --upgrade-code, pack and install the same way. The data and
an edited configuration stay; if the new service does not become ready, the old one comes back.
Remove it:
  start /wait msiexec /x %[1]s /qn
  start /wait msiexec /x %[1]s /qn HF_PURGE=1    with its configuration and data
`, name, properties, product.Name)
	_, err := io.WriteString(w, b.String())
	return err
}

func counted(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

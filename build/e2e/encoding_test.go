//go:build e2e && linux

package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/build/rig"
)

// foreign is a server of python3's own that tells, in the encoding that it is given, where it runs
// and with which environment.
const foreign = `
import http.server, os, sys
sys.stdout.buffer.write(("服务器 已启动 " + os.environ["问候"] + " " + os.getcwd().rsplit("/", 1)[1] + "\n").encode(sys.argv[1]))
sys.stdout.flush()
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), http.server.SimpleHTTPRequestHandler).serve_forever()
`

// TestEncodingsAndPaths has apps whose folder is Chinese, has spaces or is long, with a Chinese
// environment, and whose output is UTF-8, UTF-16 or GBK.
func TestEncodingsAndPaths(t *testing.T) {
	long := strings.Repeat("长的名字 with spaces/", 20) + "末"
	folders := map[string]string{"utf8": "商店", "gbk": "商店 与 空格", "gb18030": "店", "utf16le": "a b  c", "utf16": long}
	h := rig.NewHome(t, binary, `
version: 1
management: {address: "{api}"}
listeners: {web: {address: "{gateway}"}}
apps:
  utf8: {command: [python3, ../serve.py, utf-8], directory: "{dir}/商店", env: {问候: 你好 世界}}
  gbk: {command: [python3, ../serve.py, gbk], directory: "{dir}/商店 与 空格", env: {问候: 你好 世界}, output: {encoding: gbk}}
  gb18030: {command: [python3, ../serve.py, gb18030], directory: "{dir}/店", env: {问候: 你好 世界}, output: {encoding: gb18030}}
  utf16le: {command: [python3, ../serve.py, utf-16-le], directory: "{dir}/a b  c", env: {问候: 你好 世界}, output: {encoding: utf-16le}}
  utf16: {command: [python3, "{dir}/serve.py", utf-16], directory: "{dir}/`+long+`", env: {问候: 你好 世界}}
routes:
  utf16: {match: {path_prefix: /long}, strip_prefix: /long, app: utf16}
  gbk: {app: gbk}
`)
	if err := os.WriteFile(filepath.Join(h.Dir, "serve.py"), []byte(foreign), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, folder := range folders {
		if err := os.MkdirAll(filepath.Join(h.Dir, folder), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(h.Dir, folder, "答.txt"), []byte(folder), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r := h.Start("run")
	r.WaitReady()
	for app, folder := range folders {
		r.WaitHealthy(app)
		want := "服务器 已启动 你好 世界 " + filepath.Base(folder)
		out := filepath.Join(h.Dir, "logs", "apps", app, app+"-1.log")
		rig.WaitFor(t, app+" to have "+want+" in its log", func() bool {
			text, err := os.ReadFile(out)
			return err == nil && strings.Contains(string(text), " stdout "+want+"\n")
		})
	}
	for path, folder := range map[string]string{"/long/%E7%AD%94.txt": long, "/%E7%AD%94.txt": folders["gbk"]} {
		if code, body, err := h.Call(http.MethodGet, path); err != nil || code != http.StatusOK || body != folder {
			t.Errorf("%s: %d %q %v", path, code, body, err)
		}
	}
}

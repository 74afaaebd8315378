package gateway

import (
	"crypto/tls"
	"encoding/json"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestForwardedSpoofing is the matrix of who says what and what the upstream gets to see.
func TestForwardedSpoofing(t *testing.T) {
	trust := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	for _, tc := range []struct {
		name, remote string
		tls          bool
		in           http.Header
		client       string
		xff          string
		forwarded    string
		xfh, xfp     string
	}{
		{
			name: "stranger says nothing", remote: "192.0.2.1:1",
			client: "192.0.2.1", xff: "192.0.2.1", forwarded: `for=192.0.2.1;host="shop";proto=http`, xfh: "shop", xfp: "http",
		},
		{
			name: "stranger over TLS and IPv6", remote: "[2001:dead::1]:1", tls: true,
			client: "2001:dead::1", xff: "2001:dead::1", forwarded: `for="[2001:dead::1]";host="shop";proto=https`, xfh: "shop", xfp: "https",
		},
		{
			name: "stranger lies", remote: "192.0.2.1:1",
			in: http.Header{
				"X-Forwarded-For": {"10.1.1.1"}, "X-Forwarded-Host": {"evil"}, "X-Forwarded-Proto": {"https"},
				"Forwarded": {"for=10.1.1.1;host=evil;proto=https"},
			},
			client: "192.0.2.1", xff: "192.0.2.1", forwarded: `for=192.0.2.1;host="shop";proto=http`, xfh: "shop", xfp: "http",
		},
		{
			name: "trusted proxy tells the client", remote: "10.0.0.1:1",
			in:     http.Header{"X-Forwarded-For": {"192.0.2.7"}, "X-Forwarded-Host": {"www.shop"}, "X-Forwarded-Proto": {"https"}},
			client: "192.0.2.7", xff: "192.0.2.7, 10.0.0.1", forwarded: `for=192.0.2.7, for=10.0.0.1;host="www.shop";proto=https`, xfh: "www.shop", xfp: "https",
		},
		{
			name: "stranger lies through trusted proxies", remote: "10.0.0.1:1",
			in:     http.Header{"X-Forwarded-For": {"127.0.0.1", "192.0.2.7 , 10.0.0.2"}},
			client: "192.0.2.7", xff: "127.0.0.1, 192.0.2.7, 10.0.0.2, 10.0.0.1",
			forwarded: `for=127.0.0.1, for=192.0.2.7, for=10.0.0.2, for=10.0.0.1;host="shop";proto=http`, xfh: "shop", xfp: "http",
		},
		{
			name: "trusted proxy without a word", remote: "10.0.0.1:1",
			client: "10.0.0.1", xff: "10.0.0.1", forwarded: `for=10.0.0.1;host="shop";proto=http`, xfh: "shop", xfp: "http",
		},
		{
			name: "all trusted", remote: "10.0.0.1:1", in: http.Header{"X-Forwarded-For": {"10.0.0.9, 10.0.0.8"}},
			client: "10.0.0.9", xff: "10.0.0.9, 10.0.0.8, 10.0.0.1",
			forwarded: `for=10.0.0.9, for=10.0.0.8, for=10.0.0.1;host="shop";proto=http`, xfh: "shop", xfp: "http",
		},
		{
			name: "ports and brackets in the chain", remote: "[2001:db8::5]:1",
			in:     http.Header{"X-Forwarded-For": {"[2001:dead::2]:4711, 10.0.0.3:80"}},
			client: "2001:dead::2", xff: "[2001:dead::2]:4711, 10.0.0.3:80, 2001:db8::5",
			forwarded: `for="[2001:dead::2]", for=10.0.0.3, for="[2001:db8::5]";host="shop";proto=http`, xfh: "shop", xfp: "http",
		},
		{
			name: "nonsense in the chain ends it", remote: "10.0.0.1:1",
			in:     http.Header{"X-Forwarded-For": {`192.0.2.9, a";for=x, 10.0.0.3`}},
			client: "10.0.0.3", xff: `192.0.2.9, a";for=x, 10.0.0.3, 10.0.0.1`,
			forwarded: `for=192.0.2.9, for=unknown, for=10.0.0.3, for=10.0.0.1;host="shop";proto=http`, xfh: "shop", xfp: "http",
		},
		{
			name: "Forwarded of a trusted proxy", remote: "10.0.0.1:1",
			in:     http.Header{"Forwarded": {`for=192.0.2.4;proto=http, for="[2001:dead::3]:99";proto=https;host="www.shop:8443"`}},
			client: "2001:dead::3", xff: "192.0.2.4, 2001:dead::3, 10.0.0.1",
			forwarded: `for=192.0.2.4, for="[2001:dead::3]", for=10.0.0.1;host="www.shop:8443";proto=https`, xfh: "www.shop:8443", xfp: "https",
		},
		{
			name: "Forwarded passed on beside X-Forwarded-For is not believed", remote: "10.0.0.1:1",
			in:     http.Header{"Forwarded": {"for=10.9.9.9;proto=https"}, "X-Forwarded-For": {"192.0.2.7"}},
			client: "192.0.2.7", xff: "192.0.2.7, 10.0.0.1", forwarded: `for=192.0.2.7, for=10.0.0.1;host="shop";proto=http`, xfh: "shop", xfp: "http",
		},
		{
			name: "trusted proxy with bad values", remote: "10.0.0.1:1",
			in:     http.Header{"X-Forwarded-For": {"192.0.2.7"}, "X-Forwarded-Host": {`a"b`}, "X-Forwarded-Proto": {"gopher"}},
			client: "192.0.2.7", xff: "192.0.2.7, 10.0.0.1", forwarded: `for=192.0.2.7, for=10.0.0.1;host="shop";proto=http`, xfh: "shop", xfp: "http",
		},
		{
			name: "mapped address of a trusted proxy", remote: "[::ffff:10.0.0.1]:1", in: http.Header{"X-Forwarded-For": {"::ffff:192.0.2.8"}},
			client: "192.0.2.8", xff: "::ffff:192.0.2.8, ::ffff:10.0.0.1",
			forwarded: `for=192.0.2.8, for=10.0.0.1;host="shop";proto=http`, xfh: "shop", xfp: "http",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := &http.Request{Method: "GET", Host: "shop", RemoteAddr: tc.remote, Header: tc.in.Clone(), ProtoMajor: 1, ProtoMinor: 1}
			if r.Header == nil {
				r.Header = http.Header{}
			}
			if tc.tls {
				r.TLS = &tls.ConnectionState{}
			}
			c := &call{r: r, route: &route{}}
			c.client = identify(r, trust)
			c.forward()
			got := map[string][]string{"client": {c.client.address}}
			for name, values := range r.Header {
				if strings.HasPrefix(name, "X-Forwarded") || name == "Forwarded" {
					got[name] = values
				}
			}
			want := map[string][]string{
				"client": {tc.client}, "X-Forwarded-For": {tc.xff}, "Forwarded": {tc.forwarded},
				"X-Forwarded-Host": {tc.xfh}, "X-Forwarded-Proto": {tc.xfp},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// spellings are fields by which servers and frameworks are known to be told who the client is or
// what it asks for.
func spellings() []string {
	return []string{
		"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Server",
		"X-Forwarded-Ssl", "X-Forwarded-Scheme", "X-Forwarded-By", "X-Forwarded-User", "X-Forwarded-Client-Cert", "X-Forwarded",
		"X-Forwarded-Prefix", "X-Forwarded-Path", "X-Forwarded-Uri", "X-Real-Ip", "True-Client-Ip", "Client-Ip", "X-Client-Ip",
		"X-Cluster-Client-Ip", "X-Original-Forwarded-For", "X-Originating-Ip", "X-Remote-Ip", "X-Remote-Addr", "Cf-Connecting-Ip",
		"Fastly-Client-Ip", "X-Azure-Clientip", "X-Host", "X-Original-Url", "X-Rewrite-Url", "X-Original-Host", "Front-End-Https",
		"Proxy", "Remote-User", "X-Remote-User", "X-Arr-Clientcert", "X-Client-Cert", "Ssl-Client-Cert", "Ms-Aspnetcore-Token",
		"X_forwarded_for", "X-Forwarded_for", "X_Forwarded-For", "X_real_ip", "Forwarded_", "X_FORWARDED_PROTO", "X_Original_Url",
		"Content_Length", "Transfer_Encoding", "X_Request_Id", "X-Forwarded.For", "X.Real.Ip", "Remote.User", "Content.Length",
		"X+Forwarded+For", "X~Real!Ip", "X-Real|Ip", "Remote'User", "Content*Length",
		"Remote-Groups", "Remote-Email", "X-Auth-Request-User", "X-Webauth-User", "X-Authentik-Username", "X-Amzn-Oidc-Identity",
		"X-Amzn-Mtls-Clientcert", "X-Goog-Authenticated-User-Email", "X-Ms-Client-Principal", "X-Ms-Client-Principal-Name",
		"Cf-Access-Authenticated-User-Email", "Tailscale-User-Login", "X-Sendfile-Type", "X-Accel-Mapping",
	}
}

// TestStrangersSpellings sends every spelling through a real gateway.
func TestStrangersSpellings(t *testing.T) {
	r := start(t, testConfig(appRoute()))
	r.ready("shop-1", backend(t, echoHandler))
	request := "GET / HTTP/1.1\r\nHost: shop\r\nX-Innocent: kept\r\nX_innocent: kept\r\n"
	for _, name := range spellings() {
		request += name + ": evil\r\n" + strings.ToUpper(name) + ": evil\r\n" + strings.ToLower(name) + ": evil\r\n"
	}
	_, body := raw(t, r.Addrs()["web"], request+"Connection: close\r\n\r\n")
	var got echo
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatalf("%q: %v", body, err)
	}
	for name, values := range got.Header {
		for _, v := range values {
			if strings.Contains(v, "evil") && name != "Forwarded_" {
				t.Errorf("upstream believes %s: %s", name, v)
			}
		}
	}
	if got.Header.Get("X-Innocent") != "kept" || got.Header.Get("X_innocent") != "kept" {
		t.Errorf("header = %v", got.Header)
	}
}

func TestRequestIDAndTrace(t *testing.T) {
	trusting := testListener()
	trusting.TrustedProxies = []string{"127.0.0.0/8"}
	conf := testConfig(appRoute())
	conf.Listeners["inner"] = trusting
	r := start(t, conf)
	r.ready("shop-1", backend(t, echoHandler))
	const trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	for _, tc := range []struct {
		name      string
		listener  string
		header    []string
		keepsID   bool
		keepsWay  bool
		flags     string
		keepState bool
	}{
		{name: "nothing", listener: "web", flags: "01"},
		{name: "id of a stranger", listener: "web", header: []string{"X-Request-Id", "abc"}, flags: "01"},
		{name: "id of a trusted peer", listener: "inner", header: []string{"X-Request-Id", "abc"}, keepsID: true, flags: "01"},
		{name: "insane id", listener: "inner", header: []string{"X-Request-Id", "a b\"c"}, flags: "01"},
		{name: "two ids", listener: "inner", header: []string{"X-Request-Id", "abc", "X-Request-Id", "abc"}, flags: "01"},
		{name: "trace", listener: "web", header: []string{"Traceparent", "00-" + trace + "-" + span + "-00", "Tracestate", "a=b"}, keepsWay: true, flags: "00", keepState: true},
		{name: "later version", listener: "web", header: []string{"Traceparent", "42-" + trace + "-" + span + "-01-more"}, keepsWay: true, flags: "01"},
		{name: "unknown flags", listener: "web", header: []string{"Traceparent", "00-" + trace + "-" + span + "-ff"}, keepsWay: true, flags: "03"},
		{name: "version ff", listener: "web", header: []string{"Traceparent", "ff-" + trace + "-" + span + "-01", "Tracestate", "a=b"}, flags: "01"},
		{name: "upper case", listener: "web", header: []string{"Traceparent", "00-" + strings.ToUpper(trace) + "-" + span + "-01"}, flags: "01"},
		{name: "zero trace", listener: "web", header: []string{"Traceparent", "00-" + strings.Repeat("0", 32) + "-" + span + "-01"}, flags: "01"},
		{name: "zero span", listener: "web", header: []string{"Traceparent", "00-" + trace + "-" + strings.Repeat("0", 16) + "-01"}, flags: "01"},
		{name: "two parents", listener: "web", header: []string{"Traceparent", "00-" + trace + "-" + span + "-01", "Traceparent", "00-" + trace + "-" + span + "-01"}, flags: "01"},
		{name: "too long", listener: "web", header: []string{"Traceparent", "00-" + trace + "-" + span + "-01-"}, flags: "01"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			res, body := get(t, testClient(t, false), "GET", "http://"+r.Addrs()[tc.listener]+"/", tc.header...)
			var got echo
			if err := json.Unmarshal([]byte(body), &got); err != nil {
				t.Fatal(err)
			}
			id := got.Header.Get("X-Request-Id")
			if (id == "abc") != tc.keepsID || id == "" || res.Header.Get("X-Request-Id") != id || len(res.Header["X-Request-Id"]) != 1 {
				t.Errorf("request id = %q, answered %q", id, res.Header["X-Request-Id"])
			}
			parent, ok := validParent(got.Header["Traceparent"])
			if !ok {
				t.Fatalf("traceparent = %q", got.Header["Traceparent"])
			}
			if (parent[3:35] == trace) != tc.keepsWay || parent[36:52] == span || parent[53:55] != tc.flags {
				t.Errorf("traceparent = %q", parent)
			}
			if (got.Header.Get("Tracestate") != "") != tc.keepState {
				t.Errorf("tracestate = %q", got.Header["Tracestate"])
			}
		})
	}
}

func FuzzIdentify(f *testing.F) {
	f.Add("192.0.2.1, 10.0.0.1", `for="[::1]:1";host="a", for=b`, "10.0.0.1:1")
	f.Add("unknown,,", "for=;for;=", "[::1%eth0]:1")
	f.Fuzz(func(t *testing.T, xff, forwarded, remote string) {
		r := &http.Request{Method: "GET", Host: "shop", RemoteAddr: remote, ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{"Forwarded": {forwarded}}}
		if xff != "" {
			r.Header.Set("X-Forwarded-For", xff)
		}
		trust := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
		c := identify(r, trust)
		if c.trusted {
			if _, err := netip.ParseAddr(c.address); err != nil {
				t.Errorf("client = %q", c.address)
			}
			value := c.forwarded()
			if strings.Count(value, `"`)%2 != 0 || !strings.HasSuffix(value, ";proto="+c.proto) {
				t.Errorf("Forwarded = %q", value)
			}
		} else if c.chain != c.address {
			t.Errorf("a stranger's chain is %q", c.chain)
		}
	})
}

func TestBadTrustedProxy(t *testing.T) {
	conf := testConfig(nil)
	l := testListener()
	l.TrustedProxies = []string{"ten"}
	conf.Listeners["web"] = l
	g := New(Options{})
	if err := g.Listen(t.Context(), conf); err == nil || !strings.Contains(err.Error(), "trusted_proxies") {
		t.Errorf("error = %v", err)
	}
}
